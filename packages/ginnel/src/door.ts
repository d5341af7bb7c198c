// Sockets that listen, of whatever family, whose connections are handed on as descriptors.

import * as check from './check';
import { tried } from './errors';
import { Fd, type FdLike, takeOver } from './fd';
import { Door as Native, reuseport } from './native';
import { Acceptor } from './sockets/acceptor';

/**
 * A TCP socket that is bound to `host` and `port` and does not listen yet. Others may be bound there too, and share the
 * connections (`SO_REUSEPORT`). It belongs to the caller: to `net.Server.listen({ fd })`, to a `Door`, or to another process.
 *
 * @throws TypeError `invalid host` unless it is the number of a host.
 */
export function createReuseportFd(port = 0, host = '0.0.0.0'): number {
  const wanted = check.whole(port, 'port', 0, 65535);
  const at = check.text(host, 'host');
  return tried('bind', undefined, () => reuseport(wanted, at));
}

export interface DoorOptions {
  /** Connections that may wait, if it does not listen yet. 511 unless told otherwise. */
  backlog?: number;
}

/** Accepts connections of any family as descriptors: to be sent to whoever shall serve them. */
export class Door extends Acceptor<Fd, number> {
  private constructor(native: Native) {
    super(native, (fd) => Fd.adopt(fd));
  }

  /**
   * Takes over a socket that listens, or that is bound and listens from now on. Its flags stay as they are. One in blocking
   * mode must not be shared with other processes that accept: whoever is too late waits in the kernel, and its loop with it.
   */
  static adopt(fd: FdLike, options?: DoorOptions): Door {
    const backlog = check.optional(check.options(options).backlog, 'backlog', 0, 0x7fffffff) ?? 511;
    return new Door(takeOver(fd, (number) => tried('listen', undefined, () => new Native(number, backlog))));
  }
}
