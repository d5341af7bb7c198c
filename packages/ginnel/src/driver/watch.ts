// The one place that waits for a socket.

import { READ, TIMER, type Watch, type Watched, WRITE } from '../native';

/** Who is told what is ready, and may close the watch. `read`, `write`: it may work now. `time`: the moment has come. */
export type Ready = (read: boolean, write: boolean, time: boolean) => void;

/** What is waited for, with the addon told of changes only. */
export class Waits {
  readonly #watch: Watch;
  #bits = 0;
  #reads = false;
  #pausing = false;
  #closed = false;

  /** `ours`: nobody else relies on the flags of the descriptor. */
  constructor(of: Watched, ready: Ready, ours = false) {
    this.#watch = of.watch((bits) => {
      ready((bits & READ) !== 0, (bits & WRITE) !== 0, (bits & TIMER) !== 0);
    }, ours);
  }

  forRead(on: boolean): void {
    this.#reads = on;
    this.#want(on ? this.#bits | READ : this.#bits & ~READ);
  }

  /** Reading is not wanted any more, unless it is again before the loop has come round: to stop and start costs system calls. */
  pauseRead(): void {
    this.#reads = false;
    if (this.#pausing || this.#closed || (this.#bits & READ) === 0) return;
    this.#pausing = true;
    setImmediate(() => {
      this.#pausing = false;
      if (!this.#reads) this.forRead(false);
    });
  }

  forWrite(on: boolean): void {
    this.#want(on ? this.#bits | WRITE : this.#bits & ~WRITE);
  }

  /** Until then, in milliseconds; a negative number: for no moment. */
  forTime(ms: number): void {
    if (!this.#closed) this.#watch.wakeAfter(ms < 0 ? -1 : Math.ceil(ms));
  }

  ref(): void {
    if (!this.#closed) this.#watch.ref();
  }

  unref(): void {
    if (!this.#closed) this.#watch.unref();
  }

  /** Before what it watches is closed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
  }

  #want(bits: number): void {
    if (this.#closed || bits === this.#bits) return;
    this.#bits = bits;
    this.#watch.want(bits);
  }
}
