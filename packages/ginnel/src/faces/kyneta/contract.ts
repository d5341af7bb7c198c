// What this face asks of the message layer, `@kyneta/transport` 1.8. The layer is the user's: nothing of it is in this
// package. Only what is used stands here, so that another release that keeps this much will do.

/** What a step of the message layer came to. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: WireFault };

export interface WireFault {
  readonly code: string;
  readonly detail?: unknown;
}

/** A message between two exchanges. What else is in it is the message layer's business. */
export interface ChannelMsg {
  readonly type: string;
}

/** What an exchange holds of one connection. */
export interface Channel {
  readonly channelId: number;
  onReceive(message: ChannelMsg): void;
}

/** What a transport gives an exchange for a connection. */
export interface GeneratedChannel {
  transportType: string;
  send(message: ChannelMsg): void;
  stop(): void;
}

/** Messages to frames and back, with the aliases of one connection. */
export interface WirePipeline {
  send(message: ChannelMsg): readonly Outcome<Uint8Array>[];
  receive(frame: Uint8Array): readonly Outcome<ChannelMsg>[];
  dispose(): void;
}

export interface PipelineOptions {
  readonly threshold: number;
  readonly reassemblyTimeoutMs: number;
  readonly reassemblyMaxConcurrentFrames: number;
  readonly reassemblyMaxTotalSize: number;
}

/** Bytes to frames. */
export interface FrameParser {
  feed(bytes: Uint8Array): readonly Outcome<Uint8Array>[];
}

/** The parts of `@kyneta/transport` that this face uses. */
export interface MessageLayer {
  readonly Transport: new (parameters: TransportParameters) => object;
  readonly Pipeline: new (config: { send: 'binary'; opts: PipelineOptions }) => WirePipeline;
  readonly FrameStreamParser: new () => FrameParser;
}

export interface TransportParameters {
  readonly transportType: string;
  readonly transportId?: string;
}

/** The base class of all transports, as far as ours lean on it. There is no code behind this declaration here. */
export declare abstract class Transport<Context> {
  constructor(parameters: TransportParameters);
  readonly transportType: string;
  readonly transportId: string;
  readonly channels: { has(channelId: number): boolean };
  protected identity?: { readonly peerId: string };
  protected addChannel(context: Context): Channel;
  protected removeChannel(channelId: number): unknown;
  protected establishChannel(channelId: number): void;
  protected abstract generate(context: Context): GeneratedChannel;
  abstract onStart(): Promise<void>;
  abstract onStop(): Promise<void>;
  flush(): Promise<void>;
}
