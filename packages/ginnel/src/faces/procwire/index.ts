/**
 * `ginnel/procwire`: what `@procwire/transport` 0.3.0 offers over sockets, with the same names, messages and order of
 * events, and without its defects. docs/node/procwire.md lists the differences.
 */

export {
  AspectIpcError,
  FramingError,
  ProtocolError,
  SerializationError,
  TimeoutError,
  toError,
  TransportError,
} from "./errors.js";
export { CompositeDisposable, createUnsubscribe, type DisposableLike, type Unsubscribe } from "./disposables.js";
export { createTimeoutSignal, sleep, withTimeout, type TimeoutOptions } from "./time.js";
export { EventEmitter, type EventHandler, type EventMap } from "./events.js";
export { assertState, TRANSPORT_STATE_TRANSITIONS, transitionState } from "./states.js";
export { getPlatform, isUnix, isWindows } from "./platform.js";
export { PipePath } from "./pipe-path.js";
export type { MetricsCollector } from "./metrics.js";

export type {
  ServerAddress,
  Transport,
  TransportEvents,
  TransportServer,
  TransportServerEvents,
  TransportState,
} from "./types.js";
export { SocketTransport, type SocketTransportOptions } from "./socket-transport.js";
export { SocketServer, type SocketServerOptions } from "./socket-server.js";
export { TransportFactory } from "./factory.js";

export type { FailableFraming, FramingCodec } from "./framing/types.js";
export { LengthPrefixedFraming, type LengthPrefixedFramingOptions } from "./framing/length-prefixed.js";
export { LineDelimitedFraming, type LineDelimitedFramingOptions } from "./framing/line-delimited.js";

export { CodecRegistry, JsonCodec, RawCodec, type JsonCodecOptions, type SerializationCodec } from "./serialization.js";

export type { ParsedMessage, Protocol, ProtocolDataError, RequestId } from "./protocol/types.js";
export * from "./protocol/jsonrpc.js";
export * from "./protocol/simple.js";
export * from "./protocol/reserved.js";

export type {
  Channel,
  ChannelEvents,
  ChannelMiddleware,
  ChannelOptions,
  ChannelServer,
  ChannelServerOptions,
  NotificationHandler,
  RequestHandler,
  ResponseAccessor,
} from "./channel/types.js";
export { JsonRpcResponseAccessor, SimpleResponseAccessor } from "./channel/accessors.js";
export { RequestChannel } from "./channel/request-channel.js";
export { ChannelBuilder } from "./channel/builder.js";
export { createPipeChannel, type PipeChannelOptions } from "./channel/quickstart.js";
