// Those who wait for the next of something, in the order in which they came.

import { aborted } from '../errors';

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: Error): void;
  readonly signal: AbortSignal | undefined;
  readonly abort: () => void;
}

export class Waiters<T> {
  #waiting: Waiting<T>[] = [];
  readonly #changed: () => void;

  /** `changed` is told when somebody has given up. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Takes a place. A signal gives it up. */
  wait(signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw aborted(signal);
      const waiting: Waiting<T> = { resolve, reject, signal, abort: () => this.#abort(waiting) };
      signal?.addEventListener('abort', waiting.abort, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #abort(waiting: Waiting<T>): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    this.#changed();
    if (waiting.signal !== undefined) waiting.reject(aborted(waiting.signal));
  }

  #next(): Waiting<T> | undefined {
    const first = this.#waiting.shift();
    first?.signal?.removeEventListener('abort', first.abort);
    return first;
  }

  /** Whoever came first has what it waited for. */
  settle(value: T): void {
    this.#next()?.resolve(value);
  }

  /** Whoever came first is told what went wrong. */
  fail(error: Error): void {
    this.#next()?.reject(error);
  }

  settleAll(value: T): void {
    for (let left = this.#waiting.length; left > 0; left--) this.settle(value);
  }
}
