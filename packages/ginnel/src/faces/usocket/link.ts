import { Waits } from '../../driver/watch';
import type { Stream } from '../../native';
import { roomToRead, taken } from '../../slab';

/** Who is told what a link brings. It may close the link meanwhile. */
export interface Sink {
  came(data: Buffer, fds: number[] | null): void;
  ended(): void;
  writable(): void;
  broke(error: unknown): void;
}

/** A connected stream, read as long as somebody wants to. */
export class Link {
  readonly fd: number;
  readonly #stream: Stream;
  readonly #sink: Sink;
  readonly #waits: Waits;
  #reads = false;
  #waitsToWrite = false;
  #closed = false;

  constructor(stream: Stream, sink: Sink) {
    this.#stream = stream;
    this.#sink = sink;
    this.fd = stream.fd;
    this.#waits = new Waits(this.fd, (read, write) => this.#ready(read, write));
  }

  read(on: boolean): void {
    this.#reads = on;
    this.#waits.forRead(on);
  }

  /** Tells once that writing may work again. */
  waitToWrite(): void {
    this.#waitsToWrite = true;
    this.#waits.forWrite(true);
  }

  /** How many bytes the kernel took; -1: none now. */
  write(bytes: Uint8Array, from: number, fds: readonly number[] | null): number {
    return this.#stream.write(bytes, from, fds);
  }

  writev(chunks: readonly Uint8Array[], from: number): number {
    return this.#stream.writev(chunks, from);
  }

  /** The other side reads to the end of what was written, and then sees the end. */
  endWriting(): void {
    this.#stream.shutdown(1);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waits.close();
    this.#stream.close();
  }

  #ready(read: boolean, write: boolean): void {
    if (read) this.#receive();
    if (write && this.#waitsToWrite && !this.#closed) {
      this.#waitsToWrite = false;
      this.#waits.forWrite(false);
      this.#sink.writable();
    }
  }

  #receive(): void {
    for (let look = 0; look < LOOKS && this.#reads && !this.#closed; look += 1) {
      let came: number;
      try {
        came = this.#stream.read(roomToRead(), 0);
      } catch (error) {
        return this.#sink.broke(error);
      }
      if (came < 0) return;
      const bytes = came >>> 8;
      if (bytes === 0) {
        this.read(false);
        return this.#sink.ended();
      }
      const data = taken(bytes);
      this.#sink.came(data, (came & 0xff) === 0 ? null : this.#stream.takeFdNumbers());
    }
  }
}

/** Reads of one turn; then others have theirs. */
const LOOKS = 64;
