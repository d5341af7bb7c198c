// The channel: frames from a transport become requests, responses and notifications.

import type { Unsubscribe } from '../disposables';
import { ProtocolError, SerializationError, toError, TransportError } from '../errors';
import { EventEmitter } from '../events';
import { failureOf } from '../framing/types';
import { measure } from '../metrics';
import { notNegative, positive } from '../numbers';
import type { Invalid, ParsedMessage } from '../protocol/types';
import { accessorFor, idOf } from './accessors';
import { Answers } from './answers';
import { Hooks } from './middleware';
import { Notifications } from './notifications';
import { PendingRequests, type Outcome } from './pending';
import type {
  Channel,
  ChannelEvents,
  ChannelOptions,
  NotificationHandler,
  RequestHandler,
  ResponseAccessor,
} from './types';

const DEFAULT_TIMEOUT = 30000;

/**
 * Messages are looked at in the order of their arrival. A request's handler is started and not waited for: answers to
 * our own requests, and the messages behind it, are not held up by it.
 *
 * When the peer is gone, requests that wait fail at once, and `close` is emitted. If the transport connects again
 * (`autoReconnect`), the channel goes on with an empty decoder, and `start` is emitted; an answer never goes to another
 * connection than its request came from.
 */
export class RequestChannel<TReq = unknown, TRes = unknown, TNotif = unknown>
  implements Channel<TReq, TRes, TNotif>
{
  readonly #parts: ChannelOptions<TReq, TRes, TNotif>;
  readonly #timeout: number;
  readonly #maxInboundFrames: number;
  readonly #accessor: ResponseAccessor;
  readonly #hooks: Hooks;
  readonly #events = new EventEmitter<ChannelEvents>();
  readonly #pending = new PendingRequests();
  readonly #answers: Answers<TReq, TRes, TNotif>;
  readonly #notifications: Notifications<TNotif>;
  #subscriptions: Unsubscribe[] = [];
  /** Counts connections: what belongs to an earlier one is dropped. Null while there is none. */
  #connection: number | null = null;
  #connections = 0;
  #starting: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  /** Requests and notifications behind a hook that has not ended. */
  #line: Promise<void> | null = null;

  constructor(options: ChannelOptions<TReq, TRes, TNotif>) {
    this.#parts = { ...options };
    this.#timeout = positive('RequestChannel: timeout', options.timeout, DEFAULT_TIMEOUT);
    this.#maxInboundFrames = notNegative('RequestChannel: maxInboundFrames', options.maxInboundFrames, Infinity);
    notNegative('RequestChannel: pendingRequestPoolSize', options.pendingRequestPoolSize, 0);
    const early = notNegative('RequestChannel: bufferEarlyNotifications', options.bufferEarlyNotifications, 10);
    this.#notifications = new Notifications<TNotif>(early, (error) => this.#emitError(error));
    this.#hooks = new Hooks(options.middleware ?? [], options.onMiddlewareError);
    this.#answers = new Answers(options.protocol, this.#hooks, {
      frame: (response) => this.#frame(response),
      write: (frame) => this.#write(frame),
      failed: (error) => this.#emitError(error),
    });
    this.#accessor = options.responseAccessor ?? accessorFor(options.protocol.name);
  }

  get isConnected(): boolean {
    return this.#connection !== null;
  }

  /** Connects the transport, unless it is connected already, and begins to take messages. */
  async start(): Promise<void> {
    if (this.isConnected) return;
    if (this.#closing !== null) await this.#closing;
    this.#starting ??= this.#start().finally(() => (this.#starting = null));
    return this.#starting;
  }

  /** Ends the channel and its transport; requests that wait fail with `Channel closed`. */
  async close(): Promise<void> {
    return this.#end(new Error('Channel closed'));
  }

  /** Resolves with the answer. Rejects with what the peer answered instead, or why there will be no answer. */
  async request(method: string, params?: unknown, timeout?: number): Promise<unknown> {
    const limit = notNegative('RequestChannel: timeout', timeout, this.#timeout);
    this.#refuseIfClosed();
    const request = this.#parts.protocol.createRequest(method, params);
    const id = idOf(request);
    if (id === undefined) throw new ProtocolError('Failed to extract request ID from created request');
    if (this.#pending.has(id)) throw new ProtocolError(`Request ID ${id} is in use already`);
    measure(this.#parts.metrics, (to) => to.incrementCounter('channel.request', 1, { method }));
    if (this.#hooks.has('onOutgoingRequest')) await this.#hooks.run('onOutgoingRequest', request);
    this.#refuseIfClosed();
    const frame = this.#frame(request);
    return new Promise((resolve, reject) => {
      const ended = (outcome: Outcome, took: number): void => this.#measureRequest(method, outcome, took);
      this.#pending.add(id, limit, { method, resolve, reject, ended });
      this.#write(frame).catch((error: unknown) => this.#pending.reject(id, error, 'failed'));
    });
  }

  /** Resolves when the kernel has the notification. */
  async notify(method: string, params?: unknown): Promise<void> {
    this.#refuseIfClosed();
    const notification = this.#parts.protocol.createNotification(method, params);
    if (this.#hooks.has('onOutgoingRequest')) await this.#hooks.run('onOutgoingRequest', notification);
    this.#refuseIfClosed();
    await this.#write(this.#frame(notification));
  }

  /** Answers requests with `handler`. With several, the first answers. */
  onRequest(handler: RequestHandler<TReq, TRes>): Unsubscribe {
    return this.#answers.add(handler);
  }

  /** Gives notifications to `handler`, first those that came before there was one. */
  onNotification(handler: NotificationHandler<TNotif>): Unsubscribe {
    return this.#notifications.add(handler);
  }

  on<K extends keyof ChannelEvents>(event: K, handler: (data: ChannelEvents[K]) => void): Unsubscribe {
    return this.#events.on(event, handler);
  }

  async #start(): Promise<void> {
    const { transport } = this.#parts;
    const isFirst = this.#subscriptions.length === 0;
    if (isFirst) this.#subscribe();
    try {
      if (transport.state !== 'connected') await transport.connect();
    } catch (error) {
      // Otherwise the transport may be about to connect again by itself, and we go on then.
      if (isFirst) this.#unsubscribe();
      throw error;
    }
    if (this.#subscriptions.length === 0) throw new Error('Channel closed');
    if (!this.isConnected && transport.state === 'connected') this.#connected();
  }

  #subscribe(): void {
    const { transport } = this.#parts;
    this.#subscriptions = [
      transport.onData((chunk) => this.#take(chunk)),
      transport.on('error', (error) => this.#emitError(error)),
      transport.on('disconnect', () => this.#lost()),
      transport.on('connect', () => {
        // The first one is told by `start`.
        if (this.#starting === null && !this.isConnected) this.#connected();
      }),
    ];
  }

  #unsubscribe(): void {
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
  }

  #connected(): void {
    this.#parts.framing.reset();
    this.#connection = ++this.#connections;
    this.#events.emit('start', undefined);
  }

  /** The peer is gone. */
  #lost(): void {
    if (!this.isConnected) return;
    this.#connection = null;
    this.#parts.framing.reset();
    this.#pending.rejectAll(new TransportError('Connection lost'));
    this.#events.emit('close', undefined);
  }

  #end(reason: Error): Promise<void> {
    this.#closing ??= this.#close(reason).finally(() => (this.#closing = null));
    return this.#closing;
  }

  async #close(reason: Error): Promise<void> {
    if (this.#subscriptions.length === 0) return;
    const wasConnected = this.isConnected;
    this.#connection = null;
    this.#unsubscribe();
    this.#pending.rejectAll(reason);
    this.#parts.framing.reset();
    await this.#parts.transport.disconnect();
    if (wasConnected) this.#events.emit('close', undefined);
  }

  /** Ends the channel because of what came in: told once. */
  #fall(error: Error): void {
    this.#emitError(error);
    this.#end(new Error('Channel closed', { cause: error })).catch((again: unknown) => this.#emitError(toError(again)));
  }

  #take(chunk: Buffer): void {
    // Data that comes before `start` has ended belongs to the connection that is about to be.
    if (!this.isConnected && this.#parts.transport.state === 'connected') this.#connected();
    const connection = this.#connection;
    if (connection === null) return;
    const { framing, metrics } = this.#parts;
    let frames: Buffer[];
    try {
      frames = framing.decode(chunk);
    } catch (error) {
      // Where the next frame begins, nobody knows any more.
      return this.#fall(toError(error));
    }
    if (frames.length > this.#maxInboundFrames) return this.#fall(this.#tooMany(frames.length));
    for (const frame of frames) {
      measure(metrics, (to) => {
        to.incrementCounter('framing.frames', 1, { direction: 'inbound' });
        to.recordHistogram('framing.frame_size_bytes', frame.length, { direction: 'inbound' });
      });
      this.#takeFrame(frame, connection);
      // A handler may have closed the channel.
      if (this.#connection !== connection) return;
    }
    const failure = failureOf(framing);
    if (failure !== null) this.#fall(failure);
  }

  #tooMany(frames: number): Error {
    return new Error(
      `Exceeded max inbound frames limit: received ${frames} frames in one chunk ` +
        `(limit: ${this.#maxInboundFrames}). Closing channel.`,
    );
  }

  #takeFrame(frame: Buffer, connection: number): void {
    const { protocol, serialization } = this.#parts;
    let value: unknown;
    try {
      value = serialization.deserialize(frame);
    } catch (error) {
      return this.#emitError(new SerializationError('Failed to deserialize frame', error));
    }
    try {
      this.#takeMessage(protocol.parseMessage(value), connection);
    } catch (error) {
      // A protocol or an accessor of the caller's that throws.
      this.#emitError(toError(error));
    }
  }

  #takeMessage(parsed: ParsedMessage<TReq, TRes, TNotif>, connection: number): void {
    const { protocol } = this.#parts;
    if (parsed.kind === 'invalid') this.#takeInvalid(parsed);
    // Before the line: whoever stands in it may wait for this very answer.
    else if (protocol.isResponse(parsed)) this.#takeResponse(parsed.message);
    else if (protocol.isRequest(parsed)) this.#queueRequest(parsed.message, connection);
    else if (protocol.isNotification(parsed)) this.#queueNotification(parsed.message);
  }

  #takeInvalid(parsed: Invalid): void {
    // What the original sends when a handler returns undefined: an answer in which JSON left the result out.
    const id = idOf(parsed.raw);
    if (id !== undefined && this.#pending.has(id) && isBareAnswer(parsed.raw)) {
      return this.#pending.resolve(id, undefined);
    }
    void this.#hooks.runOnError(new ProtocolError(parsed.error.message));
    this.#emitError(new ProtocolError(`Invalid message: ${parsed.error.message}`));
  }

  #takeResponse(response: TRes): void {
    if (!this.#hooks.has('onIncomingResponse')) return this.#settle(response);
    const settled = this.#hooks.run('onIncomingResponse', response).then(() => this.#settle(response));
    settled.catch((error: unknown) => this.#emitError(toError(error)));
  }

  #settle(response: TRes): void {
    const id = this.#accessor.getResponseId(response);
    if (id === undefined) return this.#emitError(new ProtocolError('Response missing id'));
    if (this.#accessor.isErrorResponse(response)) {
      this.#pending.reject(id, new ProtocolError('Request failed', this.#accessor.getError(response)), 'error');
    } else {
      this.#pending.resolve(id, this.#accessor.getResult(response));
    }
  }

  #queueRequest(request: TReq, connection: number): void {
    if (this.#line === null && !this.#hooks.has('onIncomingRequest')) {
      return this.#answer(request, connection);
    }
    this.#lineUp(async () => {
      await this.#hooks.run('onIncomingRequest', request);
      this.#answer(request, connection);
    });
  }

  #queueNotification(notification: TNotif): void {
    if (this.#line === null) this.#notifications.deliver(notification);
    else this.#lineUp(async () => this.#notifications.deliver(notification));
  }

  /** Keeps the order of arrival while hooks run. */
  #lineUp(step: () => Promise<void>): void {
    const stepped = (this.#line ?? Promise.resolve()).then(step);
    const line = stepped.catch((error: unknown) => this.#emitError(toError(error))).then(() => {
      if (this.#line === line) this.#line = null;
    });
    this.#line = line;
  }

  #answer(request: TReq, connection: number): void {
    void this.#answers.answer(request, () => this.#connection !== connection);
  }

  #frame(message: TReq | TRes | TNotif): Buffer {
    const { framing, serialization } = this.#parts;
    return framing.encode(serialization.serialize(message));
  }

  /** A transport that throws instead of rejecting is treated alike. */
  async #write(frame: Buffer): Promise<void> {
    await this.#parts.transport.write(frame);
  }

  #refuseIfClosed(): void {
    if (!this.isConnected) throw new Error('Channel is not connected');
  }

  #measureRequest(method: string, outcome: Outcome, took: number): void {
    if (outcome === 'failed') return;
    measure(this.#parts.metrics, (to) => {
      if (outcome === 'timeout') to.incrementCounter('channel.request_timeout', 1, { method });
      to.recordHistogram('channel.request_latency_ms', took, { method, status: outcome });
    });
  }

  #emitError(error: Error): void {
    measure(this.#parts.metrics, (to) => to.incrementCounter('channel.error', 1, { type: error.name }));
    this.#events.emit('error', error);
  }
}

function isBareAnswer(raw: unknown): boolean {
  return typeof raw === 'object' && raw !== null && !('method' in raw) && !('result' in raw) && !('error' in raw);
}
