// One of several peers at a path: the first listens, the others connect to it, and when it goes another one listens.
// What to do when is in the peer program; here it is done.

import { call } from '../shared';
import { UnixSocketClientTransport } from './client-transport';
import type { UnixSocketConnectionOptions } from './connection';
import { asError, codeOf } from './faults';
import { messageLayer } from './message-layer';
import {
  type Access,
  checkAccess,
  checkFunction,
  checkLimits,
  checkNumber,
  checkObject,
  checkPath,
  checkReconnect,
} from './options';
import {
  createPeerProgram,
  type PeerEffect,
  type PeerModel,
  type PeerMsg,
  type PeerRole,
  type ProbeResult,
} from './peer-program';
import { watchName } from './name-watch';
import { observe, type ObservableHandle } from './program';
import type { ReconnectOptions } from './reconnect';
import { UnixSocketServerTransport } from './server-transport';
import { claim, open, serve } from './sockets';
import type { UnixSocket } from './unix-socket';

export interface UnixSocketPeerOptions extends UnixSocketConnectionOptions, Access {
  path: string;
  /** Of no effect but for `maxDelay`: a peer never gives up, and returns at once when it has lost its listener. */
  reconnect?: Partial<ReconnectOptions>;
  /** The longest pause between attempts, in milliseconds. 200 */
  retryDelayMs?: number;
  /** As of the server, while this peer listens. */
  establishTimeout?: number;
  /** What keeps this peer from taking part. It goes on trying. Without this, a process warning says it once. */
  onError?: (error: Error) => void;
}

export interface UnixSocketPeer {
  readonly role: PeerRole;
  /** Calls back whenever the role changes. Gives back what stops that. */
  subscribe(listener: (role: PeerRole) => void): () => void;
  /** Resolves once everything is given back: transport, sockets, path. */
  dispose(): Promise<void>;
}

/** What is needed of an exchange. */
export interface ExchangeLike<T> {
  addTransport(transport: T): Promise<unknown>;
  removeTransport(transportId: string): Promise<unknown>;
}

type AnyOfOurs = UnixSocketClientTransport | UnixSocketServerTransport;

export function createUnixSocketPeer(exchange: ExchangeLike<AnyOfOurs>, options: UnixSocketPeerOptions): UnixSocketPeer {
  checkObject(exchange, 'the exchange');
  checkFunction(exchange.addTransport ?? null, 'addTransport of the exchange');
  checkFunction(exchange.removeTransport ?? null, 'removeTransport of the exchange');
  checkObject(options, 'options');
  const checked = check(options);
  messageLayer();
  return new Peer(exchange, checked);
}

interface Checked {
  readonly path: string;
  readonly retryDelayMs: number;
  readonly establishTimeout: number;
  readonly access: Access;
  readonly connection: UnixSocketConnectionOptions;
  readonly onError: ((error: Error) => void) | undefined;
}

function check(options: UnixSocketPeerOptions): Checked {
  const path = checkPath(options.path);
  const { maxDelay } = checkReconnect(options.reconnect);
  const longest = checkNumber(options.retryDelayMs, 200, 'options.retryDelayMs');
  const onFault = checkFunction(options.onFault, 'options.onFault');
  return {
    path,
    retryDelayMs: Math.min(longest, maxDelay ?? longest),
    establishTimeout: checkNumber(options.establishTimeout, 10_000, 'options.establishTimeout'),
    access: checkAccess(options),
    connection: { ...checkLimits(options), ...(onFault === undefined ? {} : { onFault }) },
    onError: checkFunction(options.onError, 'options.onError'),
  };
}

/** A transport of this peer's, on its way into the exchange or in it. One that is on its way out is no member. */
interface Member {
  joined: boolean;
  /** How it ended before it had joined. */
  ended: PeerMsg | undefined;
}

class Peer implements UnixSocketPeer {
  readonly #exchange: ExchangeLike<AnyOfOurs>;
  readonly #options: Checked;
  readonly #abandon = new AbortController();
  readonly #told = new Set<string>();
  readonly #handle: ObservableHandle<PeerMsg, PeerModel>;
  /** What is done with the exchange, one thing after the other. */
  #work: Promise<void> = Promise.resolve();
  /** Attempts that have not come to an end. */
  #pending = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  readonly #members = new Map<string, Member>();

  constructor(exchange: ExchangeLike<AnyOfOurs>, options: Checked) {
    this.#exchange = exchange;
    this.#options = options;
    const { path, retryDelayMs } = options;
    const { init, update } = createPeerProgram({ path, retryDelayMs });
    const [model, ...begin] = init;
    this.#handle = observe({ init: [model], update }, (effect) => this.#perform(effect));
    begin.forEach((effect) => this.#perform(effect));
  }

  get role(): PeerRole {
    return this.#handle.getState().role;
  }

  subscribe(listener: (role: PeerRole) => void): () => void {
    checkFunction(listener ?? null, 'a listener for roles');
    return this.#handle.subscribeToTransitions(({ from, to }) => {
      if (from.role !== to.role) {
        listener(to.role);
      }
    });
  }

  async dispose(): Promise<void> {
    this.#handle.dispatch({ type: 'dispose' });
    // What this leads to may begin only when the dispatch that called us has come to its end.
    do await Promise.all(this.#pending);
    while (this.#pending.size > 0);
  }

  #perform(effect: PeerEffect): void {
    switch (effect.type) {
      case 'probe':
        return this.#keep(this.#probe());
      case 'delay-then-probe':
        this.#timer = setTimeout(() => this.#keep(this.#probe()), effect.ms);
        return;
      case 'start-connector':
        return effect.socket === undefined ? undefined : this.#connector(effect.socket);
      case 'start-listener':
        return this.#listener();
      case 'remove-transport':
        return this.#remove(effect.transportId);
      case 'discard-connection':
        return effect.socket.destroy?.();
      case 'abandon':
        clearTimeout(this.#timer);
        return this.#abandon.abort();
    }
  }

  /** Connects to see whether somebody listens; if so, that is the connection. */
  async #probe(): Promise<void> {
    try {
      const socket = await open(this.#options.path, this.#abandon.signal);
      this.#handle.dispatch({ type: 'probe-result', result: 'connected', socket });
    } catch (error) {
      const result = RESULTS.get(codeOf(error) ?? '') ?? 'failed';
      if (result === 'failed' && !this.#abandon.signal.aborted) {
        this.#tell(error);
      }
      this.#handle.dispatch({ type: 'probe-result', result });
    }
  }

  #connector(socket: UnixSocket): void {
    const { path, connection } = this.#options;
    const transport = new UnixSocketClientTransport({
      ...connection,
      path,
      // A lost connection is this program's business, which may have to listen then.
      reconnect: { enabled: false },
      connect: () => Promise.resolve(socket),
    });
    const { transportId } = transport;
    transport.subscribeToTransitions(({ to }) => {
      if (to.status === 'disconnected') {
        // Not by this peer, which would have let go of it before: the exchange has stopped.
        const stopped = to.reason?.type === 'intentional';
        const lost: PeerMsg = { type: 'transport-disconnected', unheard: !transport._heard };
        this.#ended(transportId, stopped ? { type: 'dispose' } : lost);
      }
    });
    this.#add(transport, 'connector', () => socket.destroy?.());
  }

  /** Takes the path, or learns that somebody has it. Only then does the exchange hear of it. */
  #listener(): void {
    const { path, access, connection, establishTimeout } = this.#options;
    let listener: ReturnType<typeof claim>;
    try {
      listener = claim(path, access);
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') {
        this.#tell(error);
      }
      this.#handle.dispatch({ type: 'listen-failed' });
      return;
    }
    const transport = new UnixSocketServerTransport({
      ...connection,
      path,
      establishTimeout,
      listen: (_, onConnection) => {
        const { transportId } = transport;
        const unwatch = watchName(path, () => this.#ended(transportId, { type: 'transport-disconnected' }));
        const serving = serve(listener, onConnection, (error) => this.#tell(error));
        const stop = (): void => {
          unwatch();
          serving.stop();
          this.#ended(transportId, { type: 'dispose' });
        };
        return { stop };
      },
    });
    this.#add(transport, 'listener', () => listener.close());
  }

  /** Hands a transport to the exchange. If that fails, what the transport was made of is given back. */
  #add(transport: AnyOfOurs, role: 'listener' | 'connector', giveBack: () => void): void {
    const { transportId } = transport;
    const member: Member = { joined: false, ended: undefined };
    this.#members.set(transportId, member);
    this.#enqueue(async () => {
      if (this.role === 'disposed') {
        giveBack();
        return;
      }
      try {
        await this.#exchange.addTransport(transport);
      } catch (error) {
        giveBack();
        this.#tell(error);
        this.#members.delete(transportId);
        await this.#removeNow(transportId);
        this.#handle.dispatch({ type: 'listen-failed' });
        return;
      }
      member.joined = true;
      this.#handle.dispatch({ type: 'transport-added', transportId, role });
      if (member.ended !== undefined) {
        this.#ended(transportId, member.ended);
      }
    });
  }

  /** A transport has ended. If the exchange is still taking it in, that is said later. */
  #ended(transportId: string, message: PeerMsg): void {
    const member = this.#members.get(transportId);
    if (member?.joined === true) {
      this.#handle.dispatch(message);
    } else if (member !== undefined) {
      member.ended = message;
    }
  }

  #remove(transportId: string): void {
    this.#members.delete(transportId);
    this.#enqueue(() => this.#removeNow(transportId));
  }

  async #removeNow(transportId: string): Promise<void> {
    try {
      await this.#exchange.removeTransport(transportId);
    } catch (error) {
      this.#tell(error);
    }
  }

  #enqueue(task: () => Promise<void>): void {
    this.#work = this.#work.then(task);
    this.#keep(this.#work);
  }

  #keep(pending: Promise<void>): void {
    const kept = pending.finally(() => this.#pending.delete(kept));
    this.#pending.add(kept);
  }

  #tell(thrown: unknown): void {
    const error = asError(thrown);
    const { onError, path } = this.#options;
    if (onError !== undefined) {
      call(() => onError(error));
      return;
    }
    const about = codeOf(error) ?? error.message;
    if (!this.#told.has(about)) {
      this.#told.add(about);
      process.emitWarning(`a peer at ${path} cannot take part yet: ${error.message}`, { code: 'GINNEL_KYNETA_PEER' });
    }
  }
}

const RESULTS = new Map<string, ProbeResult>([
  ['ENOENT', 'enoent'],
  ['ECONNREFUSED', 'econnrefused'],
  ['EADDRINUSE', 'eaddrinuse'],
]);
