// `ginnel/procwire`: what `@procwire/transport` 0.3.0 offers over sockets, with the same names, messages and order of
// events, and without its defects. docs/node/procwire.md lists the differences.

export {
  AspectIpcError,
  FramingError,
  ProtocolError,
  SerializationError,
  TimeoutError,
  toError,
  TransportError,
} from './errors';
export { CompositeDisposable, createUnsubscribe, type DisposableLike, type Unsubscribe } from './disposables';
export { createTimeoutSignal, sleep, withTimeout, type TimeoutOptions } from './time';
export { EventEmitter, type EventHandler, type EventMap } from './events';
export { assertState, TRANSPORT_STATE_TRANSITIONS, transitionState } from './states';
export { getPlatform, isUnix, isWindows } from './platform';
export { PipePath } from './pipe-path';
export type { MetricsCollector } from './metrics';

export type {
  ServerAddress,
  Transport,
  TransportEvents,
  TransportServer,
  TransportServerEvents,
  TransportState,
} from './types';
export { SocketTransport, type SocketTransportOptions } from './socket-transport';
export { SocketServer, type SocketServerOptions } from './socket-server';
export { TransportFactory } from './factory';

export type { FailableFraming, FramingCodec } from './framing/types';
export { LengthPrefixedFraming, type LengthPrefixedFramingOptions } from './framing/length-prefixed';
export { LineDelimitedFraming, type LineDelimitedFramingOptions } from './framing/line-delimited';

export { CodecRegistry, JsonCodec, RawCodec, type JsonCodecOptions, type SerializationCodec } from './serialization';

export type { ParsedMessage, Protocol, ProtocolDataError, RequestId } from './protocol/types';
export * from './protocol/jsonrpc';
export * from './protocol/simple';
export * from './protocol/reserved';

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
} from './channel/types';
export { JsonRpcResponseAccessor, SimpleResponseAccessor } from './channel/accessors';
export { RequestChannel } from './channel/request-channel';
export { ChannelBuilder } from './channel/builder';
export { createPipeChannel, type PipeChannelOptions } from './channel/quickstart';
