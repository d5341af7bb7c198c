import { explained } from '../../errors';
import { call } from '../shared';
import type { Link } from './link';
import type { Parcel } from './parcel';

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

  /** Bytes alone, which is what most writes are. */
  sendBytes(bytes: Uint8Array, done: Done): void {
    let took: number;
    try {
      took = this.#link.write(bytes, 0, null);
    } catch (error) {
      return done(explained(error, 'sendmsg'));
    }
    if (took === bytes.length) return done();
    this.#parcels = [{ bytes, fds: null, sent: null }];
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
      const parcel = this.#parcels[this.#at];
      if (parcel === undefined) return this.#finish(null);
      let took: number;
      try {
        took = this.#offer(parcel);
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

  #offer(parcel: Parcel): number {
    if (parcel.bytes.length === 0) return 0;
    const fds = this.#gone === 0 ? parcel.fds : null;
    const next = this.#parcels[this.#at + 1];
    if (fds !== null || next === undefined || next.fds !== null) return this.#link.write(parcel.bytes, this.#gone, fds);
    return this.#link.writev(this.#plain(), this.#gone);
  }

  /** From the parcel in turn on, as far as the descriptors of another one. */
  #plain(): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let at = this.#at; at < this.#parcels.length && chunks.length < MOST_CHUNKS; at += 1) {
      const parcel = this.#parcels[at];
      if (parcel === undefined || (parcel.fds !== null && at !== this.#at)) break;
      chunks.push(parcel.bytes);
    }
    return chunks;
  }

  #count(took: number): void {
    let parcel = this.#parcels[this.#at];
    this.#gone += took;
    while (parcel !== undefined && this.#gone >= parcel.bytes.length) {
      this.#gone -= parcel.bytes.length;
      this.#at += 1;
      const sent = parcel.sent;
      parcel = this.#parcels[this.#at];
      if (sent !== null) call(sent);
      // That may have closed the socket, and then nothing is in turn.
      if (this.#done === null || this.#gone === 0) return;
    }
  }
}

/** Chunks of one system call: what writev(2) takes. */
const MOST_CHUNKS = 1024;
