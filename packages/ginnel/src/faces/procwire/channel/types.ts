// What a channel is: requests and notifications over a transport.

import type { Unsubscribe } from '../disposables';
import type { EventMap } from '../events';
import type { FramingCodec } from '../framing/types';
import type { MetricsCollector } from '../metrics';
import type { Protocol, ProtocolDataError, RequestId } from '../protocol/types';
import type { SerializationCodec } from '../serialization';
import type { Transport, TransportServer } from '../types';

/** Answers a request. What it throws goes back as an error. */
export type RequestHandler<TReq = unknown, TRes = unknown> = (request: TReq) => TRes | Promise<TRes>;

/** Takes a notification. */
export type NotificationHandler<TNotif = unknown> = (notification: TNotif) => void;

/** Reads what a protocol's responses hold. */
export interface ResponseAccessor {
  getResponseId(message: unknown): RequestId | undefined;
  isErrorResponse(message: unknown): boolean;
  getResult(message: unknown): unknown;
  getError(message: unknown): ProtocolDataError | unknown;
}

/** Sees messages pass. Each hook is awaited before the message goes on. */
export interface ChannelMiddleware {
  /** Requests and notifications. */
  onOutgoingRequest?(request: unknown): void | Promise<void>;
  onIncomingResponse?(response: unknown): void | Promise<void>;
  onIncomingRequest?(request: unknown): void | Promise<void>;
  onOutgoingResponse?(response: unknown): void | Promise<void>;
  /** A message that is none of the protocol. */
  onError?(error: Error): void | Promise<void>;
}

/** Events of a channel. */
export interface ChannelEvents extends EventMap {
  start: void;
  /** It was closed, or the peer is gone. */
  close: void;
  error: Error;
}

/** What a channel is made of. Times are in milliseconds. */
export interface ChannelOptions<TReq = unknown, TRes = unknown, TNotif = unknown> {
  transport: Transport;
  framing: FramingCodec;
  serialization: SerializationCodec;
  protocol: Protocol<TReq, TRes, TNotif>;
  /** How long a request may wait for its answer. 30000 unless said otherwise. */
  timeout?: number | undefined;
  /** Found by the protocol's name (`jsonrpc`, `simple`) unless given. */
  responseAccessor?: ResponseAccessor | undefined;
  middleware?: ChannelMiddleware[] | undefined;
  metrics?: MetricsCollector | undefined;
  /** The channel closes if more messages than this arrive in one piece. No limit unless given. */
  maxInboundFrames?: number | undefined;
  /** How many notifications are kept (the latest) until there is a handler. 10 unless said otherwise. */
  bufferEarlyNotifications?: number | undefined;
  /** Checked and not used: requests here are not pooled. */
  pendingRequestPoolSize?: number | undefined;
  /** Called when a hook of the middleware throws, which otherwise nobody notices. */
  onMiddlewareError?: ((hook: string, error: Error) => void) | undefined;
}

/** Requests and notifications in both directions. */
export interface Channel<TReq = unknown, TRes = unknown, TNotif = unknown> {
  readonly isConnected: boolean;
  start(): Promise<void>;
  close(): Promise<void>;
  request(method: string, params?: unknown, timeout?: number): Promise<unknown>;
  notify(method: string, params?: unknown): Promise<void>;
  onRequest(handler: RequestHandler<TReq, TRes>): Unsubscribe;
  onNotification(handler: NotificationHandler<TNotif>): Unsubscribe;
  on<K extends keyof ChannelEvents>(event: K, handler: (data: ChannelEvents[K]) => void): Unsubscribe;
}

/** What a server of channels is made of. */
export interface ChannelServerOptions<TReq = unknown, TRes = unknown, TNotif = unknown> {
  server: TransportServer;
  createFraming: () => FramingCodec;
  serialization: SerializationCodec;
  createProtocol: () => Protocol<TReq, TRes, TNotif>;
  timeout?: number | undefined;
}

/** Accepts connections and makes a channel of each. As in the original there is no class for it, only the type. */
export interface ChannelServer<TReq = unknown, TRes = unknown, TNotif = unknown> {
  readonly isListening: boolean;
  listen(address: string | number): Promise<void>;
  close(): Promise<void>;
  onConnection(handler: (channel: Channel<TReq, TRes, TNotif>) => void): Unsubscribe;
}
