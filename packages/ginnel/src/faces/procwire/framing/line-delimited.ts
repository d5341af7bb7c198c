// Frames that end with a delimiter.

import { FramingError } from '../errors';
import { positive } from '../numbers';
import { asBuffer, Gather } from './gather';
import type { FailableFraming } from './types';

/** Options of `LineDelimitedFraming`. */
export interface LineDelimitedFramingOptions {
  /** The byte that ends a line, 0 to 255. 0x0a unless said otherwise. */
  delimiter?: number | undefined;
  /** Longest line that is taken, in bytes without its delimiter. 8 MiB unless said otherwise. */
  maxBufferSize?: number | undefined;
  /** Whether decoded lines come without their delimiter. True unless said otherwise. */
  stripDelimiter?: boolean | undefined;
}

const NEWLINE = 0x0a;
const DEFAULT_MAX = 8 * 1024 * 1024;

/**
 * `payload | delimiter`. A payload that ends with the delimiter gets no second one.
 *
 * Only the line at hand counts against the limit, not the lines that arrived together with it. A line that lies whole
 * in a chunk shares its memory.
 */
export class LineDelimitedFraming implements FailableFraming {
  readonly #delimiter: number;
  readonly #max: number;
  readonly #strip: boolean;
  readonly #line = new Gather(2);
  #failure: FramingError | null = null;

  constructor(options: LineDelimitedFramingOptions = {}) {
    const delimiter = options.delimiter ?? NEWLINE;
    if (!Number.isInteger(delimiter) || delimiter < 0 || delimiter > 255) {
      throw new RangeError('LineDelimitedFraming: delimiter must be a byte value (0-255)');
    }
    this.#delimiter = delimiter;
    this.#max = positive('LineDelimitedFraming: maxBufferSize', options.maxBufferSize, DEFAULT_MAX);
    this.#strip = options.stripDelimiter ?? true;
  }

  get failure(): FramingError | null {
    return this.#failure;
  }

  encode(payload: Buffer): Buffer {
    const bytes = asBuffer('payload', payload);
    if (bytes.length > 0 && bytes[bytes.length - 1] === this.#delimiter) return bytes;
    const line = Buffer.allocUnsafe(bytes.length + 1);
    bytes.copy(line);
    line[bytes.length] = this.#delimiter;
    return line;
  }

  decode(chunk: Buffer): Buffer[] {
    const bytes = asBuffer('chunk', chunk);
    if (this.#failure !== null) throw this.#failure;
    const lines: Buffer[] = [];
    let start = 0;
    while (start < bytes.length) {
      const found = bytes.indexOf(this.#delimiter, start);
      const end = found === -1 ? bytes.length : found;
      const length = this.#line.length + end - start;
      if (length > this.#max) return this.#fail(length, lines);
      if (found === -1) {
        this.#line.append(bytes.subarray(start), this.#max);
        break;
      }
      lines.push(this.#complete(bytes.subarray(start, this.#strip ? end : end + 1)));
      start = end + 1;
    }
    return lines;
  }

  reset(): void {
    this.#line.clear();
    this.#failure = null;
  }

  hasBufferedData(): boolean {
    return this.#line.length > 0;
  }

  getBufferSize(): number {
    return this.#line.length;
  }

  #complete(rest: Buffer): Buffer {
    if (this.#line.length === 0) return rest;
    this.#line.append(rest, this.#max + 1);
    return this.#line.take();
  }

  #fail(length: number, lines: Buffer[]): Buffer[] {
    this.reset();
    this.#failure = new FramingError(`Buffer size ${length} exceeds maximum ${this.#max}`);
    // The lines before it are good: they go first, and the error waits for the next call.
    if (lines.length === 0) throw this.#failure;
    return lines;
  }
}
