import { isIP } from 'node:net';

import { whole } from '../../check';
import { Fd, reuseport } from '../../native';
import { systemError } from './words';

/** A TCP socket that is bound where others may be bound too, for `server.listen({ fd })`. */
export function createReuseportFd(port = 0, host = '0.0.0.0'): number {
  const number = whole(port, 'port', 0, 65_535);
  if (isIP(host) === 0) throw new TypeError('invalid host');
  try {
    return reuseport(number, host);
  } catch (error) {
    throw systemError(error, 'bind');
  }
}

/** Closes a descriptor that no net.Server has taken. */
export function closeFd(fd: number): void {
  const number = whole(fd, 'fd', -0x80000000, 0x7fffffff);
  try {
    Fd.adopt(number).close();
  } catch (error) {
    throw systemError(error, 'close');
  }
}
