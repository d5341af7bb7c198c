// A channel in one call.

import { LengthPrefixedFraming } from '../framing/length-prefixed';
import { LineDelimitedFraming } from '../framing/line-delimited';
import { JsonRpcProtocol } from '../protocol/jsonrpc';
import { JsonCodec } from '../serialization';
import { SocketTransport, type SocketTransportOptions } from '../socket-transport';
import { RequestChannel } from './request-channel';
import type { Channel } from './types';

/** Options of `createPipeChannel`: those of the transport, and two of the channel. */
export interface PipeChannelOptions extends Omit<SocketTransportOptions, 'path'> {
  /** How many milliseconds a request may wait for its answer. 30000 unless said otherwise. */
  timeout?: number | undefined;
  /** Lines instead of frames with a length. False unless said otherwise. */
  useLineDelimited?: boolean | undefined;
}

/** Connects to `path` and starts a channel there: JSON-RPC 2.0 as JSON in length-prefixed frames. */
export async function createPipeChannel(path: string, options: PipeChannelOptions = {}): Promise<Channel> {
  const { timeout, useLineDelimited, ...transportOptions } = options;
  const transport = new SocketTransport({ ...transportOptions, path });
  const channel = new RequestChannel({
    transport,
    framing: useLineDelimited ? new LineDelimitedFraming() : new LengthPrefixedFraming(),
    serialization: new JsonCodec(),
    protocol: new JsonRpcProtocol(),
    timeout,
    metrics: options.metrics,
  });
  try {
    await channel.start();
  } catch (error) {
    // Nobody would have the transport, to stop it from trying again.
    await transport.disconnect();
    throw error;
  }
  return channel;
}
