// Packets that wait to be sent, within a bound.

import { aborted, failure } from '../errors';
import { type Fd } from '../fd';

/** A packet that waits. Its descriptors are duplicates, closed once it has gone or was given up. */
export interface Parcel {
  readonly data: Buffer;
  readonly fds: readonly Fd[] | null;
  readonly to: string | null;
  cancelled: boolean;
  settle(error: Error | null): void;
}

export class Parcels {
  #waiting: Parcel[] = [];
  #bytes = 0;

  get length(): number {
    return this.#waiting.length;
  }

  get first(): Parcel | undefined {
    return this.#waiting[0];
  }

  /** The plain ones in front, without descriptors. */
  plain(most: number): Buffer[] {
    const plain: Buffer[] = [];
    for (const { data, fds, cancelled } of this.#waiting) {
      if (fds !== null || cancelled || plain.length === most) break;
      plain.push(data);
    }
    return plain;
  }

  /** Lets it wait. `settled` is told what became of it, once. */
  push(data: Buffer, fds: Fd[] | null, { to = null, signal }: { to?: string | null; signal: AbortSignal | undefined }): Promise<void> {
    if (this.#waiting.length >= MOST || this.#bytes + data.length > MOST_BYTES) {
      fds?.forEach((fd) => fd.close());
      const held = `${this.#waiting.length} packets with ${this.#bytes} bytes wait to be sent`;
      return Promise.reject(failure('ERR_GINNEL_LIMIT', `${held}, and no more do: await what is sent`));
    }
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        parcel.cancelled = true;
        if (signal !== undefined) reject(aborted(signal));
      };
      const parcel: Parcel = {
        data, fds, to, cancelled: false,
        settle: (error) => {
          signal?.removeEventListener('abort', abort);
          fds?.forEach((fd) => fd.close());
          if (error === null) resolve();
          else reject(error);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#bytes += data.length;
      this.#waiting.push(parcel);
    });
  }

  /** So many have gone, or the first has failed. */
  shift(count: number, error: Error | null = null): void {
    for (const parcel of this.#waiting.splice(0, count)) {
      this.#bytes -= parcel.data.length;
      parcel.settle(error);
    }
  }

  clear(error: Error): void {
    this.shift(this.#waiting.length, error);
  }
}

const MOST = 1 << 16;
const MOST_BYTES = 64 << 20;
