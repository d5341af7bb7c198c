// What a stream has read and not handed on: several reads of one look are one piece, with the descriptors that came with them.

import { explained } from '../errors';
import { type Fd } from '../fd';
import { type Stream } from '../native';
import { roomToRead, taken } from '../slab';

export interface Arrival {
  /** `null`: the end. An error: what has ended it. */
  readonly data: Buffer | Error | null;
  /** Those that came with the data, until they are handed on. */
  fds: Fd[] | null;
  /** From which of the bytes on each of them can have come. */
  readonly starts: readonly number[] | null;
}

export class Arrivals {
  #arrived: Arrival[] = [];
  #next = 0;
  #drained = false;

  /** Has the last read come to where the kernel has no more? To try again would cost a system call for nothing. */
  get drained(): boolean {
    return this.#drained;
  }

  get first(): Arrival | undefined {
    return this.#arrived[this.#next];
  }

  shift(): void {
    this.#next += 1;
    if (this.#next < this.#arrived.length) return;
    this.#arrived = [];
    this.#next = 0;
  }

  /** Reads what the kernel has, as far as one room holds it. `false`: nothing yet. */
  read(from: Stream): boolean {
    try {
      const room = roomToRead();
      return this.#sort(from, from.readMany(room, lengths), room.length);
    } catch (error) {
      this.#arrived.push({ data: explained(error, 'read'), fds: null, starts: null });
      return true;
    }
  }

  #sort(from: Stream, count: number, room: number): boolean {
    let bytes = 0;
    let carried = 0;
    let last = 0;
    for (let index = 0; index < count; index++) {
      bytes += Math.max(lengths[2 * index] ?? 0, 0);
      last = lengths[2 * index + 1] ?? 0;
      carried += last;
    }
    // Descriptors end a read wherever they are.
    this.#drained = last === 0 && bytes < room;
    const all = bytes === 0 ? null : taken(bytes);
    const fds = carried === 0 ? null : from.takeFds();
    if (all !== null) this.#arrived.push({ data: all, fds, starts: fds === null ? null : startsOf(count) });
    // What has come after the bytes stands for itself.
    const end = lengths[2 * (count - 1)] ?? 1;
    if (count > 0 && end === 0) this.#arrived.push({ data: null, fds: null, starts: null });
    if (count > 0 && end < 0) return this.read(from);
    return count > 0;
  }

  /** Closes the descriptors of what nobody will be given. */
  clear(): void {
    for (const { fds } of this.#arrived.slice(this.#next)) fds?.forEach((fd) => fd.close());
    this.#arrived = [];
    this.#next = 0;
  }
}

/** Of each descriptor: where the read begins that has brought it. It came with one of that read's bytes. */
function startsOf(count: number): number[] {
  const starts: number[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    for (let carried = lengths[2 * index + 1] ?? 0; carried > 0; carried--) starts.push(at);
    at += Math.max(lengths[2 * index] ?? 0, 0);
  }
  return starts;
}

/** Most reads of one look, two numbers for each. */
const lengths = new Int32Array(2 * 64);
