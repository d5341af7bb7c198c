import { Waits } from '../../driver/watch';
import type { Stream } from '../../native';
import { type Came, owned, type Read, readsOf } from './reads';

/** Who is told what a link brings. It may close the link meanwhile. */
export interface Sink {
  came(data: Buffer, fds: Came | null): void;
  /** Is somebody told of descriptors? Then numbers are what is wanted. */
  hearsOfDescriptors(): boolean;
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
    this.#waits = new Waits(stream, (read, write) => this.#ready(read, write));
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
    if (!this.#reads || this.#closed) return;
    let reads: Read[];
    try {
      reads = readsOf(this.#stream, this.#sink.hearsOfDescriptors());
    } catch (error) {
      return this.#sink.broke(error);
    }
    this.#handOn(reads, 0);
  }

  /** All of it, also if somebody pauses or a handler throws, until somebody closes the link. */
  #handOn(reads: readonly Read[], first: number): void {
    let next = first;
    try {
      while (next < reads.length && !this.#closed) {
        const { data, fds } = reads[next] ?? NOTHING;
        next += 1;
        if (data === null) {
          this.read(false);
          this.#sink.ended();
        } else {
          this.#sink.came(data, fds);
        }
      }
    } finally {
      if (this.#closed) for (const { fds } of reads.slice(next)) owned(fds ?? []).forEach((fd) => fd.close());
      else if (next < reads.length) process.nextTick(() => this.#handOn(reads, next));
    }
  }
}

const NOTHING: Read = { data: null, fds: null };
