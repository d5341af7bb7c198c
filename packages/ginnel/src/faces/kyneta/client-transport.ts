// A transport that keeps one connection to whoever listens at a path. What to do when is in the client program.

import {
  createUnixSocketClientProgram,
  type UnixSocketClientEffect,
  type UnixSocketClientMsg,
  type UnixSocketClientState,
} from './client-program';
import { UnixSocketConnection, type UnixSocketConnectionOptions } from './connection';
import type { GeneratedChannel } from './contract';
import { asError, codeOf } from './faults';
import { LateTransport } from './message-layer';
import { checkFunction, checkLimits, checkObject, checkPath, checkReconnect } from './options';
import { observe, type Dispatch, type ObservableHandle, type StateTransition, type TransitionListener } from './program';
import type { ReconnectOptions } from './reconnect';
import { open } from './sockets';
import type { UnixSocket } from './unix-socket';

export interface UnixSocketClientOptions extends UnixSocketConnectionOptions {
  path: string;
  reconnect?: Partial<ReconnectOptions>;
  /** How a connection is made, if not by connecting to `path`. What it opens after `signal` has fired is closed. */
  connect?: (path: string, signal: AbortSignal) => Promise<UnixSocket>;
}

export type UnixSocketClientStateTransition = StateTransition<UnixSocketClientState>;

/** What a channel speaks through: it is made before its connection, and must never speak through the next one. */
interface Slot {
  connection: UnixSocketConnection | undefined;
}

interface WaitOptions {
  timeoutMs?: number;
}

export class UnixSocketClientTransport extends LateTransport<void> {
  readonly #lifecycle: ObservableHandle<UnixSocketClientMsg, UnixSocketClientState>;
  readonly #connect: (path: string, signal: AbortSignal) => Promise<UnixSocket>;
  readonly #connectionOptions: UnixSocketConnectionOptions;
  readonly #closing = new Set<Promise<void>>();
  #attempt: AbortController | undefined;
  #connection: UnixSocketConnection | undefined;
  #slot: Slot = { connection: undefined };
  #timer: NodeJS.Timeout | undefined;
  #heard = false;

  constructor(options: UnixSocketClientOptions) {
    checkObject(options, 'options');
    const path = checkPath(options.path);
    const reconnect = checkReconnect(options.reconnect);
    const connect = checkFunction(options.connect, 'options.connect');
    const onFault = checkFunction(options.onFault, 'options.onFault');
    const limits = checkLimits(options);
    super({ transportType: 'unix-socket-client' });
    this.#connect = connect ?? open;
    this.#connectionOptions = { ...limits, ...(onFault === undefined ? {} : { onFault }) };
    const program = createUnixSocketClientProgram({ path, reconnect });
    this.#lifecycle = observe(program, (effect, dispatch) => this.#perform(effect, dispatch));
  }

  getState(): UnixSocketClientState {
    return this.#lifecycle.getState();
  }

  get isConnected(): boolean {
    return this.getState().status === 'connected';
  }

  /** Whether the last connection brought anything. For peers. @internal */
  get _heard(): boolean {
    return this.#connection?.hasReceived ?? this.#heard;
  }

  subscribeToTransitions(listener: TransitionListener<UnixSocketClientState>): () => void {
    return this.#lifecycle.subscribeToTransitions(listener);
  }

  waitForState(predicate: (state: UnixSocketClientState) => boolean, options?: WaitOptions): Promise<UnixSocketClientState> {
    return this.#lifecycle.waitForState(predicate, options);
  }

  waitForStatus(status: UnixSocketClientState['status'], options?: WaitOptions): Promise<UnixSocketClientState> {
    return this.waitForState((state) => state.status === status, options);
  }

  protected generate(): GeneratedChannel {
    const slot = this.#slot;
    return {
      transportType: this.transportType,
      send: (message) => slot.connection?.send(message),
      stop: () => slot.connection?.close(),
    };
  }

  async onStart(): Promise<void> {
    if (this.identity === undefined) throw new Error('a transport must be initialized before it is started');
    this.#lifecycle.dispatch({ type: 'stop' });
    this.#lifecycle.dispatch({ type: 'start' });
  }

  /** Says what is still to be said, and resolves when the connection has closed. */
  async onStop(): Promise<void> {
    this.#lifecycle.dispatch({ type: 'stop' });
    await Promise.all(this.#closing);
  }

  #perform(effect: UnixSocketClientEffect, dispatch: Dispatch<UnixSocketClientMsg>): void {
    switch (effect.type) {
      case 'connect':
        return this.#begin(effect.path, dispatch);
      case 'abandon-connect':
        return this.#attempt?.abort();
      case 'discard-connection':
        return discard(effect.socket);
      case 'add-channel-and-establish':
        return this.#take(effect.socket, dispatch);
      case 'close-connection':
        return this.#connection?.close();
      case 'remove-channel':
        return this.#removeChannel();
      case 'start-reconnect-timer':
        this.#timer = setTimeout(() => dispatch({ type: 'reconnect-timer-fired' }), effect.delayMs);
        return;
      case 'cancel-reconnect-timer':
        return clearTimeout(this.#timer);
    }
  }

  /** What comes of an attempt that was abandoned concerns nobody: it is closed, or forgotten. */
  #begin(path: string, dispatch: Dispatch<UnixSocketClientMsg>): void {
    const attempt = new AbortController();
    const { signal } = attempt;
    this.#attempt = attempt;
    const connecting = async (): Promise<UnixSocket> => this.#connect(path, signal);
    connecting().then(
      (socket) => {
        if (signal.aborted) {
          discard(socket);
        } else {
          dispatch({ type: 'connection-opened', socket });
        }
      },
      (thrown: unknown) => {
        if (!signal.aborted) {
          dispatch(failed(thrown));
        }
      },
    );
  }

  #take(socket: UnixSocket | undefined, dispatch: Dispatch<UnixSocketClientMsg>): void {
    if (socket === undefined) return;
    try {
      this.#establish(socket, dispatch);
    } catch (thrown) {
      discard(socket);
      dispatch(failed(thrown));
    }
  }

  #establish(socket: UnixSocket, dispatch: Dispatch<UnixSocketClientMsg>): void {
    const slot: Slot = { connection: undefined };
    this.#slot = slot;
    const channel = this.addChannel();
    const peerId = this.identity?.peerId ?? 'unknown';
    const connection = new UnixSocketConnection(peerId, channel.channelId, socket, this.#connectionOptions);
    connection._setChannel(channel);
    slot.connection = connection;
    this.#connection = connection;
    const closed = connection.whenClosed().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
    const lost = (message: UnixSocketClientMsg): void => {
      if (this.#connection === connection) {
        dispatch(message);
      }
    };
    socket.onClose(() => {
      connection._socketClosed();
      lost({ type: 'connection-closed' });
    });
    socket.onError((error) => {
      connection.destroy();
      lost(failed(error));
    });
    connection.start();
    this.establishChannel(channel.channelId);
  }

  #removeChannel(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    this.#heard = connection.hasReceived;
    // Nothing is left to remove if the exchange has initialized this transport anew.
    if (this.channels.has(connection.channelId)) {
      this.removeChannel(connection.channelId);
    }
    connection.close();
  }
}

/** What an exchange's list of transports takes. */
export function createUnixSocketClient(options: UnixSocketClientOptions): () => UnixSocketClientTransport {
  checkObject(options, 'options');
  checkPath(options.path);
  return () => new UnixSocketClientTransport(options);
}

function failed(thrown: unknown): UnixSocketClientMsg {
  const errno = codeOf(thrown);
  return { type: 'connection-error', error: asError(thrown), ...(errno === undefined ? {} : { errno }) };
}

function discard(socket: UnixSocket | undefined): void {
  if (socket?.destroy === undefined) {
    socket?.end();
  } else {
    socket.destroy();
  }
}
