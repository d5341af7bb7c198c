// Stands in front of the message layer's parser, which believes the length in a header and makes room for all of it at
// once: 6 bytes from anybody cost 4 GiB. Here only bytes that have come take room, and a frame goes on when it is whole.
//
// A header has 6 bytes: version (2), type (0 complete, 1 fragment), length of the body (u32, big-endian). In a fragment
// 10 more bytes stand between the header and the chunk, which the length does not count; the last 4 of them say how
// long the whole body is.

import { KynetaError } from './faults';

export interface Gated {
  /** Whole frames, each with its header. They may be views of the bytes that were given. */
  readonly frames: Uint8Array[];
  /** What is wrong behind them. Nothing may be fed any more. */
  readonly fault: KynetaError | undefined;
}

export class FrameGate {
  readonly #limit: number;
  #held = NOTHING;
  #heldLength = 0;
  /** Bytes to come of a frame that nobody wants. */
  #skip = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How much room the frame that is not whole yet takes. */
  get room(): number {
    return this.#held.length;
  }

  feed(chunk: Uint8Array): Gated {
    const frames: Uint8Array[] = [];
    let at = 0;
    try {
      while (at < chunk.length) {
        at = this.#step(chunk, at, frames);
      }
    } catch (fault) {
      if (fault instanceof KynetaError) return { frames, fault };
      throw fault;
    }
    return { frames, fault: undefined };
  }

  /** Takes what belongs together from `at` on; tells where it ended. */
  #step(chunk: Uint8Array, at: number, frames: Uint8Array[]): number {
    const left = chunk.length - at;
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, left);
      this.#skip -= skipped;
      return at + skipped;
    }
    if (this.#heldLength > 0 || left < HEADER) return this.#hold(chunk, at, frames);
    const header = chunk.subarray(at, at + HEADER);
    const total = this.#total(header);
    if (isSkipped(header)) {
      this.#skip = total;
      return at;
    }
    if (left < total) return this.#hold(chunk, at, frames);
    this.#pass(chunk.subarray(at, at + total), frames);
    return at + total;
  }

  /** Puts bytes behind those that are held already: up to the end of the header first, then of the frame. */
  #hold(chunk: Uint8Array, at: number, frames: Uint8Array[]): number {
    const target = this.#heldLength < HEADER ? HEADER : this.#total(this.#held);
    const taken = Math.min(target - this.#heldLength, chunk.length - at);
    this.#makeRoom(this.#heldLength + taken, target);
    this.#held.set(chunk.subarray(at, at + taken), this.#heldLength);
    this.#heldLength += taken;
    if (this.#heldLength < target) return at + taken;
    const total = this.#total(this.#held);
    const frame = this.#held.subarray(0, this.#heldLength);
    if (isSkipped(frame)) {
      this.#skip = total - this.#heldLength;
      this.#release();
    } else if (this.#heldLength === total) {
      this.#release();
      this.#pass(frame, frames);
    }
    return at + taken;
  }

  #pass(frame: Uint8Array, frames: Uint8Array[]): void {
    if (frame[TYPE] === FRAGMENT) {
      this.#check(u32(frame, WHOLE_SIZE));
    }
    frames.push(frame);
  }

  /** The room doubles as bytes come, so that it is never more than twice of what has come. */
  #makeRoom(needed: number, most: number): void {
    if (needed <= this.#held.length) return;
    const room = new Uint8Array(Math.max(needed, Math.min(most, 2 * this.#held.length)));
    room.set(this.#held.subarray(0, this.#heldLength));
    this.#held = room;
  }

  #release(): void {
    this.#held = NOTHING;
    this.#heldLength = 0;
  }

  /** How long the frame with this header is, header and all. */
  #total(header: Uint8Array): number {
    const length = u32(header, LENGTH);
    this.#check(length);
    const fragment = header[VERSION] === 2 && header[TYPE] === FRAGMENT;
    return HEADER + (fragment ? FRAGMENT_FIELDS : 0) + length;
  }

  #check(length: number): void {
    if (length > this.#limit) {
      const message = `a frame announces ${length} bytes, ${this.#limit} are allowed`;
      throw new KynetaError('ERR_GINNEL_KYNETA_TOO_LONG', message);
    }
  }
}

/** The parser and the pipeline of 1.8 pass over these frames too; then they need not see them. */
function isSkipped(header: Uint8Array): boolean {
  const type = header[TYPE];
  const known = header[VERSION] === 2 && (type === COMPLETE || type === FRAGMENT);
  return !known || (type === COMPLETE && u32(header, LENGTH) === 0);
}

function u32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, false);
}

const NOTHING = new Uint8Array(0);
const HEADER = 6;
const VERSION = 0;
const TYPE = 1;
const LENGTH = 2;
const COMPLETE = 0;
const FRAGMENT = 1;
const FRAGMENT_FIELDS = 10;
const WHOLE_SIZE = 12;
