// Stands in for `@kyneta/transport` 1.8, which the registry does not carry: the same contract, with the faults that the
// face has to live with (a length is believed, limits that are not given are lost).

import { decode, encode } from './cbor';
import { Aliases, fromWire, toWire, UnknownAlias, type Identity, type Message } from './messages';

type Outcome<T> = { ok: true; value: T } | { ok: false; error: { code: string; detail?: unknown } };

export interface Channel {
  type: 'connected';
  channelId: number;
  transportType: string;
  send(message: Message): void;
  stop(): void;
  onReceive(message: Message): void;
}

type Generated = Pick<Channel, 'transportType' | 'send' | 'stop'>;

export interface TransportContext {
  identity: Identity;
  onChannelReceive(channelId: number, message: Message): void;
  onChannelAdded(channel: Channel): void;
  onChannelRemoved(channel: Channel): void;
  onChannelEstablish(channel: Channel): void;
}

class ChannelDirectory<G> {
  readonly #channels = new Map<number, Channel>();
  constructor(readonly generate: (context: G) => Generated) {}

  [Symbol.iterator](): IterableIterator<Channel> {
    return this.#channels.values();
  }

  get size(): number {
    return this.#channels.size;
  }

  has(channelId: number): boolean {
    return this.#channels.has(channelId);
  }

  get(channelId: number): Channel | undefined {
    return this.#channels.get(channelId);
  }

  create(context: G, onReceive: (message: Message) => void): Channel {
    const channel: Channel = { ...this.generate(context), type: 'connected', channelId: nextChannel++, onReceive };
    this.#channels.set(channel.channelId, channel);
    return channel;
  }

  remove(channelId: number): Channel | undefined {
    const channel = this.#channels.get(channelId);
    this.#channels.delete(channelId);
    return channel;
  }

  reset(): void {
    this.#channels.clear();
  }
}

type Life = { state: 'created' | 'stopped' } | { state: 'initialized' | 'started'; context: TransportContext };

export abstract class Transport<G> {
  readonly transportType: string;
  readonly transportId: string;
  readonly channels: ChannelDirectory<G>;
  protected identity?: Identity;
  #life: Life = { state: 'created' };

  constructor({ transportType, transportId }: { transportType: string; transportId?: string }) {
    this.transportType = transportType;
    this.transportId = transportId ?? `${transportType}-${nextTransport++}`;
    this.channels = new ChannelDirectory((context) => this.generate(context));
  }

  protected abstract generate(context: G): Generated;
  abstract onStart(): Promise<void>;
  abstract onStop(): Promise<void>;
  async flush(): Promise<void> {}

  #started(): TransportContext {
    if (this.#life.state !== 'started') throw new Error(`not in state ${this.#life.state}`);
    return this.#life.context;
  }

  protected addChannel(context: G): Channel {
    const started = this.#started();
    const channel: Channel = this.channels.create(context, (message) => started.onChannelReceive(channel.channelId, message));
    started.onChannelAdded(channel);
    return channel;
  }

  protected removeChannel(channelId: number): Channel | undefined {
    const started = this.#started();
    const channel = this.channels.remove(channelId);
    if (channel !== undefined) started.onChannelRemoved(channel);
    return channel;
  }

  protected establishChannel(channelId: number): void {
    const started = this.#started();
    const channel = this.channels.get(channelId);
    if (channel === undefined) throw new Error('channel not found');
    started.onChannelEstablish(channel);
  }

  _initialize(context: TransportContext): void {
    this.channels.reset();
    this.identity = context.identity;
    this.#life = { state: 'initialized', context };
  }

  async _start(): Promise<void> {
    if (this.#life.state !== 'initialized') throw new Error(`cannot start in state ${this.#life.state}`);
    this.#life = { state: 'started', context: this.#life.context };
    await this.onStart();
  }

  async _stop(): Promise<void> {
    await this.onStop();
    this.channels.reset();
    this.#life = { state: 'stopped' };
  }
}

/** Makes room for what a header announces as soon as it has it, as 1.8 does. */
export class FrameStreamParser {
  static announced = 0;
  #header = Buffer.alloc(0);
  #body: Buffer | undefined;
  #filled = 0;

  feed(chunk: Uint8Array): Outcome<Uint8Array>[] {
    const frames: Outcome<Uint8Array>[] = [];
    for (const byte of chunk) {
      if (this.#body === undefined) {
        this.#header = Buffer.concat([this.#header, Buffer.of(byte)]);
        if (this.#header.length === 6) this.#announce();
      } else {
        this.#body[this.#filled++] = byte;
      }
      if (this.#body !== undefined && this.#filled === this.#body.length) {
        frames.push({ ok: true, value: Buffer.concat([this.#header, this.#body]) });
        this.#header = Buffer.alloc(0);
        this.#body = undefined;
        this.#filled = 0;
      }
    }
    return frames;
  }

  #announce(): void {
    const length = this.#header.readUInt32BE(2) + (this.#header[1] === 1 ? 10 : 0);
    FrameStreamParser.announced += length;
    this.#body = Buffer.allocUnsafe(length);
  }
}

interface PipelineOptions {
  threshold?: number;
  reassemblyTimeoutMs?: number | undefined;
  reassemblyMaxConcurrentFrames?: number | undefined;
}

interface Pieces { parts: (Uint8Array | undefined)[]; timer: NodeJS.Timeout }

export class Pipeline {
  readonly #aliases = new Aliases();
  readonly #options: PipelineOptions;
  readonly #pieces = new Map<number, Pieces>();
  #disposed = false;

  constructor(config: { send: string; opts?: PipelineOptions }) {
    this.#options = config.opts ?? {};
  }

  send(message: Message): Outcome<Uint8Array>[] {
    if (this.#disposed) throw new Error('Pipeline disposed');
    return [{ ok: true, value: frame(encode(toWire(message, this.#aliases))) }];
  }

  receive(piece: Uint8Array): Outcome<Message>[] {
    if (this.#disposed) throw new Error('Pipeline disposed');
    if (piece[0] !== 2 || (piece[1] ?? 9) > 1) return [fault('reassembly-failed')];
    const body = piece[1] === 1 ? this.#assemble(Buffer.from(piece)) : piece.subarray(6);
    if (body === undefined) return [];
    try {
      return [{ ok: true, value: fromWire(decode(body), this.#aliases) }];
    } catch (error) {
      return [fault(error instanceof UnknownAlias ? 'alias-resolution-failed' : 'decode-failed', error)];
    }
  }

  /** Without a time that is given the pieces are dropped after about a millisecond, as in 1.8. */
  #assemble(piece: Buffer): Uint8Array | undefined {
    const id = piece.readUInt16BE(6);
    const pieces = this.#pieces.get(id) ?? this.#begin(id, piece.readUInt16BE(10));
    pieces.parts[piece.readUInt16BE(8)] = piece.subarray(16);
    const there = pieces.parts.filter((part) => part !== undefined);
    if (there.length < pieces.parts.length) return undefined;
    clearTimeout(pieces.timer);
    this.#pieces.delete(id);
    return Buffer.concat(there);
  }

  #begin(id: number, total: number): Pieces {
    const parts = Array.from({ length: total }, () => undefined);
    const pieces = { parts, timer: setTimeout(() => this.#pieces.delete(id), this.#options.reassemblyTimeoutMs) };
    this.#pieces.set(id, pieces);
    return pieces;
  }

  dispose(): void {
    this.#disposed = true;
    this.#pieces.forEach(({ timer }) => clearTimeout(timer));
  }
}

export function randomPeerId(): string {
  return Math.random().toString(16).slice(2);
}

function fault(code: string, detail?: unknown): Outcome<never> {
  return { ok: false, error: { code, detail } };
}

function frame(body: Uint8Array): Buffer {
  const header = Buffer.of(2, 0, 0, 0, 0, 0);
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

let nextChannel = 1;
let nextTransport = 1;
