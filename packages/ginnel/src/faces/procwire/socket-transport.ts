// A transport that connects to the socket at a path, and connects again if it is asked to.

import { Stream } from '../../stream';
import type { Unsubscribe } from './disposables';
import { TransportError } from './errors';
import { coreAddress, DEFAULT_MAX_BUFFERED, Link, wordsOf } from './link';
import { measure, type MetricsCollector } from './metrics';
import { after, notNegative, positive } from './numbers';
import type { TransportState } from './states';
import { Subscribers } from './subscribers';
import type { Transport, TransportEvents } from './types';

/** Options of `SocketTransport`. Times are in milliseconds. */
export interface SocketTransportOptions {
  /** Where to connect to. */
  path: string;
  /** How long that may take. 5000 unless said otherwise. */
  connectionTimeout?: number | undefined;
  /** Whether to connect again when the connection is lost or could not be made. False unless said otherwise. */
  autoReconnect?: boolean | undefined;
  /** How long to wait before the first new attempt; twice as long before each further one. 1000 unless said otherwise. */
  reconnectDelay?: number | undefined;
  /** How long to wait at most. 30000 unless said otherwise. */
  maxReconnectDelay?: number | undefined;
  metrics?: MetricsCollector | undefined;
  /** How many bytes may wait to be written before `write` refuses. 64 MiB unless said otherwise. Not in the original. */
  maxBufferedBytes?: number | undefined;
}

type Phase =
  | { is: 'idle' }
  | { is: 'connecting'; abort: AbortController }
  | { is: 'connected'; link: Link; broken: boolean }
  | { is: 'failed' }
  | { is: 'waiting'; since: 'failed' | 'idle'; stop: () => void };

/**
 * ```text
 * idle -- connect --> connecting --+--> connected -- lost, disconnect --> idle
 *                      ^           +--> failed -- disconnect --> idle
 *                      +-- waiting (autoReconnect, after lost or failed) -- disconnect --> idle
 * ```
 */
export class SocketTransport implements Transport {
  readonly #path: string;
  readonly #connectionTimeout: number;
  readonly #autoReconnect: boolean;
  readonly #reconnectDelay: number;
  readonly #maxReconnectDelay: number;
  readonly #maxBufferedBytes: number;
  readonly #metrics: MetricsCollector | undefined;
  readonly #subscribers = new Subscribers();
  #phase: Phase = { is: 'idle' };
  /** Attempts that failed since the last that did not. */
  #failures = 0;
  /** Whether the last thing asked for was a connection, not its end. */
  #wanted = false;

  constructor(options: SocketTransportOptions) {
    if (typeof options !== 'object' || options === null) {
      throw new TypeError('SocketTransport: options must be an object');
    }
    const { path, reconnectDelay, maxReconnectDelay } = options;
    if (typeof path !== 'string' || path.trim() === '') {
      throw new TypeError('SocketTransport: path is required and cannot be empty');
    }
    this.#path = path;
    this.#connectionTimeout = positive('SocketTransport: connectionTimeout', options.connectionTimeout, 5000);
    this.#autoReconnect = options.autoReconnect ?? false;
    this.#reconnectDelay = notNegative('SocketTransport: reconnectDelay', reconnectDelay, 1000);
    this.#maxReconnectDelay = notNegative('SocketTransport: maxReconnectDelay', maxReconnectDelay, 30000);
    if (reconnectDelay !== undefined && maxReconnectDelay !== undefined && reconnectDelay > maxReconnectDelay) {
      throw new RangeError('SocketTransport: reconnectDelay cannot be greater than maxReconnectDelay');
    }
    this.#maxBufferedBytes = positive(
      'SocketTransport: maxBufferedBytes',
      options.maxBufferedBytes,
      DEFAULT_MAX_BUFFERED,
    );
    this.#metrics = options.metrics;
  }

  get state(): TransportState {
    const phase = this.#phase;
    switch (phase.is) {
      case 'idle':
        return 'disconnected';
      case 'connecting':
        return 'connecting';
      case 'connected':
        return phase.broken ? 'error' : 'connected';
      case 'failed':
        return 'error';
      case 'waiting':
        return phase.since === 'failed' ? 'error' : 'disconnected';
    }
  }

  /** Connects. Also after an error, and instead of waiting for the next attempt of `autoReconnect`. */
  async connect(): Promise<void> {
    this.#refuseIfConnected();
    this.#wanted = true;
    // A broken connection whose close is about to be told: it comes first.
    if (this.#phase.is === 'connected') await this.#phase.link.closed;
    this.#refuseIfConnected();
    if (!this.#wanted) throw new TransportError('Connection failed: disconnected while connecting');
    await this.#attempt();
  }

  /** Ends the connection, the attempt to make one, or the wait for the next attempt. Always resolves. */
  async disconnect(): Promise<void> {
    this.#wanted = false;
    const phase = this.#phase;
    switch (phase.is) {
      case 'idle':
        return;
      case 'connected':
        // The phase changes when the connection is over.
        return phase.link.end();
      case 'connecting':
        this.#idle();
        phase.abort.abort();
        return;
      case 'failed':
        return this.#idle();
      case 'waiting':
        phase.stop();
        if (phase.since === 'failed') this.#idle();
        else this.#phase = { is: 'idle' };
    }
  }

  /**
   * Resolves when the kernel has all of `data`: who awaits it never has more than one write waiting. Who does not, has
   * up to `maxBufferedBytes` waiting; then writes are refused.
   */
  async write(data: Buffer | Uint8Array | string): Promise<void> {
    const phase = this.#phase;
    if (phase.is !== 'connected' || phase.broken) throw new TransportError('Not connected');
    const ending = phase.link.ending;
    try {
      await phase.link.write(data);
    } catch (error) {
      // What breaks the connection is told once, as its error; a write after the end breaks nothing.
      if (ending && error instanceof TransportError) this.#fail(error);
      throw error;
    }
  }

  onData(handler: (data: Buffer) => void): Unsubscribe {
    return this.#subscribers.on('data', handler);
  }

  on<K extends keyof TransportEvents>(event: K, handler: (data: TransportEvents[K]) => void): Unsubscribe {
    return this.#subscribers.on(event, handler);
  }

  #refuseIfConnected(): void {
    if (this.state === 'connected') throw new TransportError('Already connected');
    if (this.state === 'connecting') throw new TransportError('Connection already in progress');
  }

  async #attempt(): Promise<void> {
    if (this.#phase.is === 'waiting') this.#phase.stop();
    const attempt: Phase = { is: 'connecting', abort: new AbortController() };
    this.#phase = attempt;
    let late = false;
    const stop = after(this.#connectionTimeout, () => {
      late = true;
      attempt.abort.abort();
    });
    try {
      const stream = await Stream.connect(coreAddress(this.#path), { signal: attempt.abort.signal });
      if (this.#phase === attempt && !late) return this.#connected(stream);
      stream.destroy();
    } catch (error) {
      if (this.#phase === attempt && !late) {
        throw this.#failed(new TransportError(`Connection failed: ${wordsOf(error, 'connect', this.#path)}`, error));
      }
    } finally {
      stop();
    }
    if (this.#phase !== attempt) throw new TransportError('Connection failed: disconnected while connecting');
    throw this.#failed(new TransportError(`Connection timeout after ${this.#connectionTimeout}ms`));
  }

  #connected(stream: Stream): void {
    this.#subscribers.forgetEarly();
    const link: Link = new Link(stream, this.#maxBufferedBytes, {
      data: (chunk) => this.#subscribers.data(chunk),
      failed: (cause) => {
        phase.broken = true;
        this.#fail(new TransportError(`Socket error: ${cause.message}`, cause));
      },
      closed: () => this.#lost(),
    });
    const phase = { is: 'connected' as const, link, broken: false };
    this.#phase = phase;
    this.#failures = 0;
    this.#count('transport.connect');
    this.#subscribers.emit('connect', undefined);
  }

  #failed(error: TransportError): TransportError {
    this.#phase = { is: 'failed' };
    this.#fail(error);
    this.#wait('failed');
    return error;
  }

  #lost(): void {
    this.#idle();
    this.#wait('idle');
  }

  #idle(): void {
    this.#phase = { is: 'idle' };
    this.#count('transport.disconnect');
    this.#subscribers.emit('disconnect', undefined);
  }

  /** Waits for the next attempt, unless a handler that was just called wants something else. */
  #wait(since: 'failed' | 'idle'): void {
    if (!this.#autoReconnect || !this.#wanted || this.#phase.is !== since) return;
    const delay = Math.min(this.#reconnectDelay * 2 ** this.#failures, this.#maxReconnectDelay);
    const stop = after(delay, () => {
      this.#failures += 1;
      // Its failure is told by the error event.
      this.#attempt().catch(() => undefined);
    });
    this.#phase = { is: 'waiting', since, stop };
  }

  #fail(error: TransportError): void {
    measure(this.#metrics, (to) => to.incrementCounter('transport.error', 1, { transport: 'socket', type: error.name }));
    this.#subscribers.emit('error', error);
  }

  #count(what: 'transport.connect' | 'transport.disconnect'): void {
    measure(this.#metrics, (to) => to.incrementCounter(what, 1, { transport: 'socket' }));
  }
}
