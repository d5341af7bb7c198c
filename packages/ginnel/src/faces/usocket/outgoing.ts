import { explained, misuse } from '../../errors';
import { call } from '../shared';
import type { Link } from './link';
import { type Parcel, plain } from './parcel';

export type Done = (error?: Error | null) => void;

/** What is being sent: parcels in order, each once the one before is with the kernel. */
export class Outgoing {
  readonly #link: Link;
  #parcels: readonly Parcel[] = [];
  /** The parcel in turn, and how many of its bytes have gone. */
  #at = 0;
  #gone = 0;
  #done: Done | null = null;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Bytes alone, at least one, which is what most writes are. */
  sendBytes(bytes: Uint8Array, done: Done): void {
    if (bytes.length === 0) return done(misuse(TRANSFERRED));
    let took: number;
    try {
      took = this.#link.write(bytes, 0, null);
    } catch (error) {
      return done(explained(error, 'sendmsg'));
    }
    if (took === bytes.length) return done();
    this.#parcels = [plain(bytes)];
    this.#at = 0;
    this.#gone = Math.max(took, 0);
    this.#done = done;
    this.#link.waitToWrite();
  }

  /** Calls `done` when the kernel has it all, or says that it will not. One call at a time. */
  send(parcels: readonly Parcel[], done: Done): void {
    this.#parcels = parcels;
    this.#at = 0;
    this.#gone = 0;
    this.#done = done;
    this.go();
  }

  /** Sends what can be sent now. */
  go(): void {
    while (this.#done !== null) {
      const next = this.#parcels[this.#at];
      if (next === undefined) return this.#finish(null);
      let took: number;
      try {
        took = this.#offer(next);
      } catch (error) {
        return this.#finish(explained(error, 'sendmsg'));
      }
      if (took < 0) return this.#link.waitToWrite();
      this.#count(took);
    }
  }

  /** Nothing goes any more. */
  stop(error: Error): void {
    if (this.#done !== null) this.#finish(error);
  }

  #finish(error: Error | null): void {
    const done = this.#done;
    this.#done = null;
    this.#parcels = [];
    done?.(error);
  }

  #offer(first: Parcel): number {
    if (first.size === 0) return 0;
    const fds = this.#gone === 0 ? first.fds : null;
    const next = this.#parcels[this.#at + 1];
    if (fds !== null || next === undefined || next.fds !== null) return this.#link.write(here(first), this.#gone, fds);
    return this.#link.writev(this.#plain(), this.#gone);
  }

  /** From the parcel in turn on, as far as the descriptors of another one. */
  #plain(): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let at = this.#at; at < this.#parcels.length && chunks.length < MOST_CHUNKS; at += 1) {
      const next = this.#parcels[at];
      if (next === undefined || (next.fds !== null && at !== this.#at)) break;
      chunks.push(here(next));
    }
    return chunks;
  }

  #count(took: number): void {
    let next = this.#parcels[this.#at];
    this.#gone += took;
    while (next !== undefined && this.#gone >= next.size) {
      this.#gone -= next.size;
      this.#at += 1;
      if (next.sent !== null) call(next.sent);
      // That may have closed the socket, and then nothing is in turn.
      if (this.#done === null || this.#gone === 0) return;
      next = this.#parcels[this.#at];
    }
  }
}

function here({ bytes, size }: Parcel): Uint8Array {
  if (bytes.length !== size) throw misuse(TRANSFERRED);
  return bytes;
}

/** Chunks of one system call: what writev(2) takes. */
const MOST_CHUNKS = 1024;
const TRANSFERRED = 'the bytes were transferred to somebody else before they were sent';
