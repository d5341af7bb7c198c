// A server at a path: accepts connections and makes a transport of each.

import { lstatSync } from 'node:fs';

import type { Listener, ListenOptions } from '../../listener';
import { Stream } from '../../stream';
import { AcceptedTransport } from './accepted-transport';
import type { Unsubscribe } from './disposables';
import { TransportError } from './errors';
import { EventEmitter } from './events';
import { coreAddress, DEFAULT_MAX_BUFFERED, wordsOf } from './link';
import { positive } from './numbers';
import { isWindows } from './platform';
import type { ServerAddress, Transport, TransportServer, TransportServerEvents } from './types';

/** Options of `SocketServer`. */
export interface SocketServerOptions {
  /** Whether a dead server's socket file may be replaced. True unless said otherwise. A live one's never is. */
  cleanupBeforeListen?: boolean | undefined;
  /** How many bytes may wait to be written to one client. 64 MiB unless said otherwise. Not in the original. */
  maxBufferedBytes?: number | undefined;
  /** Permission bits of the socket file. 0o600 unless said otherwise. Not in the original. */
  mode?: number | undefined;
}

type Phase =
  | { is: 'closed' }
  | { is: 'listening'; listener: Listener<Stream>; address: ServerAddress }
  | { is: 'closing'; address: ServerAddress; done: Promise<void> };

/** Listens at one path at a time; after `close` it may listen again. */
export class SocketServer implements TransportServer {
  readonly #cleanup: boolean;
  readonly #maxBufferedBytes: number;
  readonly #listenOptions: ListenOptions;
  readonly #emitter = new EventEmitter<TransportServerEvents>();
  readonly #clients = new Set<AcceptedTransport>();
  #phase: Phase = { is: 'closed' };

  constructor(options: SocketServerOptions = {}) {
    if (typeof options !== 'object' || options === null) {
      throw new TypeError('SocketServer: options must be an object');
    }
    this.#cleanup = options.cleanupBeforeListen ?? true;
    this.#listenOptions = options.mode === undefined ? {} : { mode: options.mode };
    this.#maxBufferedBytes = positive('SocketServer: maxBufferedBytes', options.maxBufferedBytes, DEFAULT_MAX_BUFFERED);
  }

  get isListening(): boolean {
    return this.#phase.is === 'listening';
  }

  get address(): ServerAddress | null {
    return this.#phase.is === 'closed' ? null : this.#phase.address;
  }

  /** Listens at the path `address`. If that fails there is one error event, and the promise rejects with the same. */
  async listen(address: string | number): Promise<ServerAddress> {
    if (this.#phase.is === 'listening') throw new TransportError('Server is already listening');
    if (this.#phase.is === 'closing') throw new TransportError('Server is closing');
    if (typeof address !== 'string') throw new TransportError('Socket server requires path address (string)');
    const listener = this.#open(address);
    const phase: Phase = {
      is: 'listening',
      listener,
      address: { type: isWindows() ? 'pipe' : 'unix', value: address },
    };
    this.#phase = phase;
    // Whoever subscribes right behind the call hears of it.
    await Promise.resolve();
    if (this.#phase !== phase) throw new TransportError('Failed to listen: closed before it began');
    void this.#acceptAll(listener);
    this.#emitter.emit('listening', phase.address);
    return phase.address;
  }

  /** Stops listening, then ends all connections. Always resolves, however often it is called. */
  async close(): Promise<void> {
    const phase = this.#phase;
    if (phase.is === 'closed') return;
    if (phase.is === 'closing') return phase.done;
    phase.listener.close();
    const done = this.#endAll();
    this.#phase = { is: 'closing', address: phase.address, done };
    return done;
  }

  onConnection(handler: (transport: Transport) => void): Unsubscribe {
    return this.#emitter.on('connection', handler);
  }

  on<K extends keyof TransportServerEvents>(event: K, handler: (data: TransportServerEvents[K]) => void): Unsubscribe {
    return this.#emitter.on(event, handler);
  }

  #open(path: string): Listener<Stream> {
    try {
      if (!this.#cleanup && isThere(path)) throw inUse();
      // No permissions guard a name that is not in the file system: it is for our own user.
      const allow = path.startsWith('\0') ? { allow: 'same-user' } : {};
      return Stream.listen(coreAddress(path), { ...this.#listenOptions, ...allow });
    } catch (cause) {
      const error = new TransportError(`Failed to listen: ${wordsOf(cause, 'listen', path)}`, cause);
      this.#emitter.emit('error', error);
      throw error;
    }
  }

  async #acceptAll(listener: Listener<Stream>): Promise<void> {
    try {
      for await (const stream of listener) this.#adopt(stream);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#emitter.emit('error', new TransportError(`Server error: ${reason}`, cause));
      // It takes in nobody any more, and should not say that it does.
      await this.close();
    }
  }

  #adopt(stream: Stream): void {
    if (this.#phase.is !== 'listening') {
      stream.destroy();
      return;
    }
    const client: AcceptedTransport = new AcceptedTransport(stream, this.#maxBufferedBytes, () => {
      this.#clients.delete(client);
    });
    this.#clients.add(client);
    this.#emitter.emit('connection', client);
  }

  async #endAll(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.disconnect()));
    this.#phase = { is: 'closed' };
    this.#emitter.emit('close', undefined);
  }
}

/** A pipe is there as long as somebody listens, which the attempt finds out. */
function isThere(path: string): boolean {
  return !isWindows() && !path.startsWith('\0') && lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function inUse(): Error {
  return Object.assign(new Error('something is there already'), { code: 'EADDRINUSE' });
}
