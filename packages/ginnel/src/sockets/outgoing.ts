// What a stream has been given and the kernel has not: chunks in order, some with descriptors, with one system call for as
// many plain ones as fit.

import { type Fd } from '../fd';
import { type Stream } from '../native';

export interface Parcel {
  readonly data: Buffer;
  /** Duplicates, closed once they are sent or given up. */
  readonly fds: readonly Fd[] | null;
  /** Nobody wants it to be sent any more. It is, if a part of it has gone. */
  cancelled: boolean;
  done(error: Error | null): void;
}

/** How far an attempt came. */
export type Progress = 'all' | 'full' | 'crowded';

export class Outgoing {
  #parcels: Parcel[] = [];
  /** Bytes of the first that have gone. */
  #gone = 0;

  get isEmpty(): boolean {
    return this.#parcels.length === 0;
  }

  push(parcel: Parcel): void {
    this.#parcels.push(parcel);
  }

  /**
   * Writes until all has gone or the kernel takes no more; `crowded`: too many descriptors are under way, and only time
   * helps.
   *
   * @throws What ends the stream. What concerns one parcel alone is told to that.
   */
  flush(to: Stream): Progress {
    while (this.#parcels.length > 0) {
      const run = this.#plainRun();
      const sent = run > 1 ? this.#writeRun(to, run) : this.#writeFirst(to);
      if (sent === 'next') continue;
      if (sent !== 'all') return sent;
    }
    return 'all';
  }

  /** How many plain parcels stand in front. */
  #plainRun(): number {
    let run = 0;
    while (run < this.#parcels.length && run < SLICES) {
      const parcel = this.#parcels[run];
      if (parcel === undefined || parcel.fds !== null || parcel.cancelled) break;
      run += 1;
    }
    return run;
  }

  #writeRun(to: Stream, run: number): Progress | 'next' {
    const chunks = this.#parcels.slice(0, run).map((parcel) => parcel.data);
    const before = this.#gone;
    const sent = to.writev(chunks, before);
    if (sent < 0) return 'full';
    let left = before + sent;
    let whole = 0;
    // Nothing: they have fewer bytes than they say.
    if (sent === 0) [left, whole] = [0, run];
    for (; whole < run; whole++) {
      const length = chunks[whole]?.length ?? 0;
      if (left < length) break;
      left -= length;
    }
    this.#gone = left;
    for (const parcel of this.#parcels.splice(0, whole)) parcel.done(null);
    return whole === run ? 'next' : 'full';
  }

  #writeFirst(to: Stream): Progress | 'next' {
    const first = this.#parcels[0];
    if (first === undefined) return 'all';
    if (first.cancelled && this.#gone === 0) return this.#drop(null);
    const { data, fds } = first;
    while (this.#gone < data.length) {
      const carried = this.#gone === 0 && fds !== null ? fds.map((fd) => fd.number) : null;
      let sent: number;
      try {
        sent = to.write(data, this.#gone, carried);
      } catch (error) {
        if (carried === null || !(error instanceof Error)) throw error;
        if (codeOf(error) === 'ETOOMANYREFS') return 'crowded';
        // These descriptors cannot be sent, and nothing was: what is behind them goes on.
        if (concernsOne(error)) return this.#drop(error);
        throw error;
      }
      if (sent < 0) return 'full';
      // It has fewer bytes than it says.
      if (sent === 0) break;
      this.#gone += sent;
    }
    return this.#drop(null);
  }

  #drop(error: Error | null): 'next' {
    const first = this.#parcels.shift();
    this.#gone = 0;
    first?.fds?.forEach((fd) => fd.close());
    first?.done(error);
    return 'next';
  }

  /** Gives everything up. */
  clear(error: Error): void {
    const parcels = this.#parcels;
    this.#parcels = [];
    this.#gone = 0;
    for (const { fds, done } of parcels) {
      fds?.forEach((fd) => fd.close());
      done(error);
    }
  }
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined;
}

/** Does it say something about a message, and nothing about the stream? */
export function concernsOne(error: Error): boolean {
  const code = codeOf(error);
  return code === 'EPERM' || code === 'EBADF' || code === 'EINVAL' || String(code).startsWith('ERR_');
}

/** Most parts of one system call. */
const SLICES = 1024;
