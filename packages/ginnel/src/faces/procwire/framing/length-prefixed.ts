// Frames with a length before them.

import { FramingError } from '../errors';
import { positive } from '../numbers';
import { asBuffer, Gather } from './gather';
import type { FailableFraming } from './types';

/** Options of `LengthPrefixedFraming`. */
export interface LengthPrefixedFramingOptions {
  /** Longest message that is taken, in bytes. 32 MiB unless said otherwise. */
  maxMessageSize?: number | undefined;
}

const HEADER = 4;
const LONGEST = 0xffff_ffff;
const DEFAULT_MAX = 32 * 1024 * 1024;

/**
 * `length of the payload (4 bytes, big-endian) | payload`; a length of zero is a message too.
 *
 * A frame that lies whole in a chunk shares its memory.
 */
export class LengthPrefixedFraming implements FailableFraming {
  readonly #max: number;
  readonly #header = Buffer.alloc(HEADER);
  #headerLength = 0;
  #expected: number | null = null;
  /** Its length is known, so that nothing is left over. */
  readonly #body = new Gather(8);
  #failure: FramingError | null = null;

  constructor(options: LengthPrefixedFramingOptions = {}) {
    this.#max = positive('LengthPrefixedFraming: maxMessageSize', options.maxMessageSize, DEFAULT_MAX);
  }

  get failure(): FramingError | null {
    return this.#failure;
  }

  encode(payload: Buffer): Buffer {
    const bytes = asBuffer('payload', payload);
    if (bytes.length > LONGEST) {
      throw new FramingError(`Message length ${bytes.length} exceeds maximum ${LONGEST}`);
    }
    const frame = Buffer.allocUnsafe(HEADER + bytes.length);
    frame.writeUInt32BE(bytes.length, 0);
    bytes.copy(frame, HEADER);
    return frame;
  }

  decode(chunk: Buffer): Buffer[] {
    const bytes = asBuffer('chunk', chunk);
    if (this.#failure !== null) throw this.#failure;
    const frames: Buffer[] = [];
    let at = 0;
    for (;;) {
      if (this.#expected === null) {
        at = this.#readHeader(bytes, at);
        if (this.#headerLength < HEADER) return frames;
        const length = this.#header.readUInt32BE(0);
        if (length > this.#max) return this.#fail(length, frames);
        this.#headerLength = 0;
        this.#expected = length;
      }
      const end = at + this.#expected - this.#body.length;
      if (end > bytes.length) {
        this.#body.append(bytes.subarray(at), this.#expected);
        return frames;
      }
      frames.push(this.#complete(bytes.subarray(at, end), this.#expected));
      this.#expected = null;
      at = end;
    }
  }

  reset(): void {
    this.#headerLength = 0;
    this.#expected = null;
    this.#body.clear();
    this.#failure = null;
  }

  hasBufferedData(): boolean {
    return this.#headerLength > 0 || this.#expected !== null;
  }

  /** A header that is complete no longer counts. */
  getBufferSize(): number {
    return this.#headerLength + this.#body.length;
  }

  #readHeader(bytes: Buffer, at: number): number {
    const taken = bytes.copy(this.#header, this.#headerLength, at, at + HEADER - this.#headerLength);
    this.#headerLength += taken;
    return at + taken;
  }

  #complete(rest: Buffer, length: number): Buffer {
    if (this.#body.length === 0) return rest;
    this.#body.append(rest, length);
    return this.#body.take();
  }

  #fail(length: number, frames: Buffer[]): Buffer[] {
    this.reset();
    this.#failure = new FramingError(`Message length ${length} exceeds maximum ${this.#max}`);
    // The messages before it are good: they go first, and the error waits for the next call.
    if (frames.length === 0) throw this.#failure;
    return frames;
  }
}
