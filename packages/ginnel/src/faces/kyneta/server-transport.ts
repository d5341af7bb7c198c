// A transport that listens at a path, and has a channel for each connection.

import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { UnixSocketConnection, type UnixSocketConnectionOptions } from './connection';
import type { ChannelMsg, GeneratedChannel } from './contract';
import { KynetaError } from './faults';
import { LateTransport } from './message-layer';
import {
  type Access, checkAccess, checkFlag, checkFunction, checkLimits,
  checkNumber, checkObject, checkPath,
} from './options';
import { claim, serve, type OnConnectionCallback, type UnixSocketListener } from './sockets';
import type { UnixSocket } from './unix-socket';

export interface UnixSocketServerOptions extends UnixSocketConnectionOptions, Access {
  path: string;
  /** Replace what a dead server left at the path. Who lives is never displaced. True. */
  cleanup?: boolean;
  /** How long a connection may go on without being accepted by the exchange, in milliseconds. 10,000. */
  establishTimeout?: number;
  /** How connections are had, if not by listening at `path`. */
  listen?: (path: string, onConnection: OnConnectionCallback) => UnixSocketListener | Promise<UnixSocketListener>;
}

interface Served {
  readonly connection: UnixSocketConnection;
  readonly deadline: NodeJS.Timeout | undefined;
}

export class UnixSocketServerTransport extends LateTransport<string> {
  readonly #path: string;
  readonly #cleanup: boolean;
  readonly #access: Access;
  readonly #establishTimeout: number;
  readonly #listen: NonNullable<UnixSocketServerOptions['listen']>;
  readonly #connectionOptions: UnixSocketConnectionOptions;
  readonly #onFault: (fault: Error) => void;
  readonly #served = new Map<string, Served>();
  readonly #closing = new Set<Promise<void>>();
  #listener: UnixSocketListener | undefined;
  /** Counts starts and stops, so that a listener that comes after a stop is known to be late. */
  #turn = 0;

  constructor(options: UnixSocketServerOptions) {
    checkObject(options, 'options');
    const path = checkPath(options.path);
    const cleanup = checkFlag(options.cleanup, true, 'options.cleanup');
    const establishTimeout = checkNumber(options.establishTimeout, 10_000, 'options.establishTimeout');
    const listen = checkFunction(options.listen, 'options.listen');
    const onFault = checkFunction(options.onFault, 'options.onFault') ?? (() => {});
    const limits = checkLimits(options);
    const access = checkAccess(options);
    super({ transportType: 'unix-socket-server' });
    this.#path = path;
    this.#cleanup = cleanup;
    this.#establishTimeout = establishTimeout;
    this.#access = access;
    this.#onFault = onFault;
    this.#listen = listen ?? ((at, onConnection) => this.#claimAndServe(at, onConnection));
    this.#connectionOptions = { ...limits, onFault };
  }

  get connectionCount(): number {
    return this.#served.size;
  }

  getConnection(peerId: string): UnixSocketConnection | undefined {
    return this.#served.get(peerId)?.connection;
  }

  getAllConnections(): UnixSocketConnection[] {
    return [...this.#served.values()].map(({ connection }) => connection);
  }

  isConnected(peerId: string): boolean {
    return this.#served.has(peerId);
  }

  /** Sends to everybody. */
  broadcast(message: ChannelMsg): void {
    this.getAllConnections().forEach((connection) => connection.send(message));
  }

  /** Ends a connection: says what is still to be said, closes the socket, removes the channel. */
  unregisterConnection(peerId: string): void {
    const served = this.#served.get(peerId);
    if (served === undefined) return;
    this.#served.delete(peerId);
    clearTimeout(served.deadline);
    const { connection } = served;
    connection.close();
    // Nothing is left to remove if the exchange has initialized this transport anew.
    if (this.channels.has(connection.channelId)) {
      this.removeChannel(connection.channelId);
    }
  }

  protected generate(peerId: string): GeneratedChannel {
    return {
      transportType: this.transportType,
      send: (message) => this.#served.get(peerId)?.connection.send(message),
      stop: () => this.unregisterConnection(peerId),
    };
  }

  async onStart(): Promise<void> {
    // An exchange may initialize a transport anew that it has not stopped.
    this.#stopListening();
    [...this.#served.keys()].forEach((peerId) => this.unregisterConnection(peerId));
    const turn = this.#turn;
    const listener = await this.#listen(this.#path, (socket) => this.#accept(socket));
    if (turn === this.#turn) {
      this.#listener = listener;
    } else {
      listener.stop();
    }
  }

  /** Stops to listen, says what is still to be said, and resolves when all connections have closed. */
  async onStop(): Promise<void> {
    this.#stopListening();
    for (const { connection, deadline } of this.#served.values()) {
      clearTimeout(deadline);
      connection.close();
    }
    this.#served.clear();
    await Promise.all(this.#closing);
  }

  #stopListening(): void {
    this.#turn += 1;
    this.#listener?.stop();
    this.#listener = undefined;
  }

  #claimAndServe(path: string, onConnection: OnConnectionCallback): UnixSocketListener {
    if (!this.#cleanup && lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
      const message = `listen EADDRINUSE: there is something at ${path}`;
      throw Object.assign(new Error(message), { code: 'EADDRINUSE', syscall: 'listen', path });
    }
    return serve(claim(path, this.#access), onConnection, this.#onFault);
  }

  #accept(socket: UnixSocket): void {
    const peerId = `uds-${randomBytes(8).toString('hex')}`;
    const channel = this.addChannel(peerId);
    const connection = new UnixSocketConnection(peerId, channel.channelId, socket, this.#connectionOptions);
    connection._setChannel(channel);
    this.#served.set(peerId, { connection, deadline: this.#deadline(peerId, connection) });
    const closed = connection.whenClosed().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
    socket.onClose(() => {
      connection._socketClosed();
      this.unregisterConnection(peerId);
    });
    socket.onError(() => {
      connection.destroy();
      this.unregisterConnection(peerId);
    });
    connection.start();
  }

  /** An exchange that accepts an introduction answers it. To whom it has said nothing in time, it will not. */
  #deadline(peerId: string, connection: UnixSocketConnection): NodeJS.Timeout | undefined {
    if (!Number.isFinite(this.#establishTimeout)) return undefined;
    const expire = (): void => {
      if (!connection.hasSent) {
        const message = `a connection was not accepted by the exchange in ${this.#establishTimeout} ms`;
        this.unregisterConnection(peerId);
        this.#onFault(new KynetaError('ERR_GINNEL_KYNETA_SILENT', message));
      }
    };
    return setTimeout(expire, this.#establishTimeout).unref();
  }
}
