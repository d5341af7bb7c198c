// One connection between two exchanges: messages in, frames out, and back. Frames wait here while the socket has
// enough, each is written once, and closing writes what waits before it ends.

import { call } from '../shared';
import type { Channel, ChannelMsg, FrameParser, WireFault, WirePipeline } from './contract';
import { KynetaError } from './faults';
import { FrameGate } from './frame-gate';
import { messageLayer, PIPELINE } from './message-layer';
import { checkFunction, checkLimits, type CheckedLimits, type Limits } from './options';
import { WriteQueue } from './write-queue';
import type { UnixSocket } from './unix-socket';

export interface UnixSocketConnectionOptions extends Limits {
  /** What was wrong with what the other side sent, or with what was to be sent. */
  onFault?: (fault: Error) => void;
}

type Phase = 'new' | 'open' | 'closing' | 'closed';

export class UnixSocketConnection {
  readonly peerId: string;
  readonly channelId: number;

  readonly #socket: UnixSocket;
  readonly #limits: CheckedLimits;
  readonly #onFault: (fault: Error) => void;
  readonly #pipeline: WirePipeline;
  readonly #parser: FrameParser;
  readonly #gate: FrameGate;
  readonly #queue: WriteQueue;
  readonly #closed = late();
  #channel: Channel | undefined;
  #phase: Phase = 'new';
  #sent = false;
  #received = false;
  #patience: NodeJS.Timeout | undefined;

  constructor(peerId: string, channelId: number, socket: UnixSocket, options: UnixSocketConnectionOptions = {}) {
    const { Pipeline, FrameStreamParser } = messageLayer();
    this.peerId = peerId;
    this.channelId = channelId;
    this.#socket = socket;
    this.#limits = checkLimits(options);
    this.#onFault = checkFunction(options.onFault, 'options.onFault') ?? (() => {});
    this.#pipeline = new Pipeline({ send: 'binary', opts: PIPELINE });
    this.#parser = new FrameStreamParser();
    this.#gate = new FrameGate(this.#limits.maxFrameLength);
    this.#queue = new WriteQueue((piece) => socket.write(piece));
  }

  /** Whether this side has said anything: a server does once it has accepted an introduction. */
  get hasSent(): boolean {
    return this.#sent;
  }

  /** Whether the other side has said anything that could be read. */
  get hasReceived(): boolean {
    return this.#received;
  }

  /** Where messages go. For transports. */
  _setChannel(channel: Channel): void {
    this.#channel = channel;
  }

  /** Begins to read. The channel must be set. */
  start(): void {
    if (this.#phase !== 'new') return;
    this.#phase = 'open';
    this.#socket.onData((data) => this.#read(data));
    this.#socket.onDrain(() => this.#drained());
    this.#socket.onEnd?.(() => this.close());
  }

  /** Sends a message, or lets it wait. After `close` nothing is sent. */
  send(message: ChannelMsg): void {
    if (this.#phase === 'closing' || this.#phase === 'closed') return;
    for (const framed of this.#pipeline.send(message)) {
      if (framed.ok) {
        this.#sent = true;
        this.#queue.push(framed.value);
      } else {
        this.#onFault(malformed('a message could not be sent', framed.error));
      }
    }
    if (this.#queue.length > this.#limits.maxQueuedLength) {
      const length = `${this.#queue.length} bytes wait for the other side to read`;
      const fault = `${length}, ${this.#limits.maxQueuedLength} are allowed`;
      this.#fail(new KynetaError('ERR_GINNEL_KYNETA_QUEUE', fault));
    }
  }

  /** Writes what waits, ends, and waits a while for the other side to end too. What comes meanwhile is not read. */
  close(): void {
    if (this.#phase === 'closing' || this.#phase === 'closed') return;
    this.#phase = 'closing';
    this.#pipeline.dispose();
    this.#wait();
    if (this.#queue.isEmpty) {
      this.#socket.end();
    }
  }

  /** Closes at once. */
  destroy(): void {
    if (this.#phase !== 'closing' && this.#phase !== 'closed') {
      this.#phase = 'closing';
      this.#pipeline.dispose();
    }
    this.#abandon();
  }

  /** Resolves when the socket has closed. */
  whenClosed(): Promise<void> {
    return this.#closed.promise;
  }

  /** The socket has closed. For transports, who listen to it. @internal */
  _socketClosed(): void {
    if (this.#phase !== 'closing' && this.#phase !== 'closed') {
      this.#pipeline.dispose();
    }
    this.#phase = 'closed';
    clearTimeout(this.#patience);
    this.#queue.clear();
    this.#closed.resolve();
  }

  #read(data: Uint8Array): void {
    if (this.#phase !== 'open') return;
    const { frames, fault } = this.#gate.feed(data);
    for (const frame of frames) {
      for (const parsed of this.#parser.feed(frame)) {
        if (parsed.ok) {
          this.#receive(parsed.value);
        } else {
          this.#unreadable(parsed.error);
        }
      }
    }
    if (fault !== undefined) {
      this.#fail(fault);
    }
  }

  #receive(frame: Uint8Array): void {
    if (this.#phase !== 'open') return;
    for (const decoded of this.#pipeline.receive(frame)) {
      if (decoded.ok) {
        this.#received = true;
        this.#deliver(decoded.value);
      } else {
        this.#unreadable(decoded.error);
      }
    }
  }

  #deliver(message: ChannelMsg): void {
    if (this.#phase !== 'open') return;
    // What it throws is the exchange's error, not the connection's: the messages behind this one still count.
    call(() => this.#channel?.onReceive(message));
  }

  /** Who has never said anything readable is no exchange. From an exchange, which may be newer, it is passed over. */
  #unreadable(error: WireFault): void {
    const fault = malformed('a frame could not be read', error);
    if (this.#received || BENIGN.has(error.code)) {
      this.#onFault(fault);
    } else {
      this.#fail(fault);
    }
  }

  #fail(fault: KynetaError): void {
    if (this.#phase === 'closing' || this.#phase === 'closed') return;
    this.destroy();
    this.#onFault(fault);
  }

  #drained(): void {
    this.#queue.resume();
    if (this.#phase === 'closing') {
      this.#wait();
      if (this.#queue.isEmpty) {
        this.#socket.end();
      }
    }
  }

  #wait(): void {
    clearTimeout(this.#patience);
    if (Number.isFinite(this.#limits.closeTimeout)) {
      this.#patience = setTimeout(() => this.#abandon(), this.#limits.closeTimeout).unref();
    }
  }

  #abandon(): void {
    this.#queue.clear();
    if (this.#socket.destroy === undefined) {
      this.#socket.end();
    } else {
      this.#socket.destroy();
    }
    this._socketClosed();
  }
}

function malformed(what: string, error: WireFault): KynetaError {
  return new KynetaError('ERR_GINNEL_KYNETA_MALFORMED', `${what}: ${error.code}`, { cause: error });
}

function late(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** Faults that say nothing against the other side: a piece came late, or a name is not known yet. */
const BENIGN = new Set(['alias-resolution-failed', 'reassembly-timeout', 'reassembly-evicted']);
