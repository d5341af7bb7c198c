// Makes transports by kind.

import { TransportError } from './errors';
import { isWindows } from './platform';
import { SocketServer, type SocketServerOptions } from './socket-server';
import { SocketTransport, type SocketTransportOptions } from './socket-transport';
import type { Transport, TransportServer } from './types';

/** Makes transports. Child processes over stdio are not part of this face. */
export class TransportFactory {
  /** Always throws: this face has sockets only. */
  static createStdio(_options: object): never {
    throw new TransportError('stdio transports are not part of ginnel/procwire: take them from @procwire/transport');
  }

  static createPipeClient(options: SocketTransportOptions): Transport {
    return new SocketTransport(options);
  }

  static createPipeServer(options?: SocketServerOptions): TransportServer {
    return new SocketServer(options);
  }

  /** A socket transport if there is a `path`. TransportError if there is none, or an `executablePath`. */
  static createOptimal(options: Partial<SocketTransportOptions> & { executablePath?: string | undefined }): Transport {
    const { executablePath, path } = options;
    if (executablePath) return this.createStdio(options);
    if (path) return this.createPipeClient({ ...options, path });
    throw new TransportError(
      "Invalid transport options: must provide either 'executablePath' (stdio) or 'path' (pipe/socket)",
    );
  }

  /** Whether `path` is absolute (on Windows: whether it names a pipe). */
  static isValidPath(path: string): boolean {
    if (typeof path !== 'string') throw new TypeError('path must be a string');
    return path.startsWith(isWindows() ? '\\\\.\\pipe\\' : '/');
  }
}
