// Puts a channel together step by step.

import type { FramingCodec } from '../framing/types';
import type { MetricsCollector } from '../metrics';
import type { Protocol } from '../protocol/types';
import type { SerializationCodec } from '../serialization';
import type { Transport } from '../types';
import { RequestChannel } from './request-channel';
import type { Channel, ChannelMiddleware, ChannelOptions, ResponseAccessor } from './types';

/** Transport, framing, serialization and protocol are needed; the rest has defaults. */
export class ChannelBuilder<TReq = unknown, TRes = unknown, TNotif = unknown> {
  #parts: Partial<ChannelOptions<TReq, TRes, TNotif>> = {};
  readonly #middleware: ChannelMiddleware[] = [];

  withTransport(transport: Transport): this {
    this.#parts.transport = transport;
    return this;
  }

  withFraming(framing: FramingCodec): this {
    this.#parts.framing = framing;
    return this;
  }

  withSerialization(serialization: SerializationCodec): this {
    this.#parts.serialization = serialization;
    return this;
  }

  withProtocol<R, S, N>(protocol: Protocol<R, S, N>): ChannelBuilder<R, S, N> {
    // The types of a builder are those of its protocol, which is the one given here from now on.
    const builder = this as unknown as ChannelBuilder<R, S, N>;
    builder.#parts.protocol = protocol;
    return builder;
  }

  withTimeout(timeoutMs: number): this {
    this.#parts.timeout = timeoutMs;
    return this;
  }

  withResponseAccessor(accessor: ResponseAccessor): this {
    this.#parts.responseAccessor = accessor;
    return this;
  }

  /** May be called several times. */
  withMiddleware(middleware: ChannelMiddleware): this {
    this.#middleware.push(middleware);
    return this;
  }

  withMetrics(metrics: MetricsCollector): this {
    this.#parts.metrics = metrics;
    return this;
  }

  withMaxInboundFrames(max: number): this {
    this.#parts.maxInboundFrames = max;
    return this;
  }

  withBufferEarlyNotifications(size: number): this {
    this.#parts.bufferEarlyNotifications = size;
    return this;
  }

  withPendingRequestPoolSize(size: number): this {
    this.#parts.pendingRequestPoolSize = size;
    return this;
  }

  withMiddlewareErrorHandler(handler: (hook: string, error: Error) => void): this {
    this.#parts.onMiddlewareError = handler;
    return this;
  }

  /** Error if a part is missing. */
  build(): Channel<TReq, TRes, TNotif> {
    const { transport, framing, serialization, protocol } = this.#parts;
    if (!transport) throw missing('transport');
    if (!framing) throw missing('framing');
    if (!serialization) throw missing('serialization');
    if (!protocol) throw missing('protocol');
    const middleware = [...this.#middleware];
    return new RequestChannel({ ...this.#parts, transport, framing, serialization, protocol, middleware });
  }
}

function missing(part: string): Error {
  return new Error(`ChannelBuilder: ${part} is required`);
}
