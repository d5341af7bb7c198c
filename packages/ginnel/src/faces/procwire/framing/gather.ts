// Collects the pieces of one frame.

const EMPTY = Buffer.alloc(0);
const SMALLEST = 1024;

/**
 * Grows by a factor, so that each byte is copied a bounded number of times however small the pieces are, and memory
 * follows what has arrived, not what a header promises.
 */
export class Gather {
  readonly #factor: number;
  #buffer: Buffer = EMPTY;
  #length = 0;

  /** With a large factor less is copied, and more room may be left over. */
  constructor(factor: number) {
    this.#factor = factor;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds `piece`. Whole, the frame will have no more than `most` bytes. */
  append(piece: Buffer, most: number): void {
    const needed = this.#length + piece.length;
    if (needed > this.#buffer.length) {
      const room = Math.max(SMALLEST, needed * this.#factor);
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(room, most)));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    piece.copy(this.#buffer, this.#length);
    this.#length = needed;
  }

  /** The frame, which is the caller's now. */
  take(): Buffer {
    const frame = this.#buffer.subarray(0, this.#length);
    this.clear();
    return frame;
  }

  clear(): void {
    this.#buffer = EMPTY;
    this.#length = 0;
  }
}

/** `bytes` as a Buffer over the same memory. TypeError if it is something else. */
export function asBuffer(what: string, bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  throw new TypeError(`${what} must be a Buffer or a Uint8Array`);
}
