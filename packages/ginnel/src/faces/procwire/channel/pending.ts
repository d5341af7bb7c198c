// Requests that wait for their answers.

import { TimeoutError } from '../errors';
import { after } from '../numbers';
import type { RequestId } from '../protocol/types';

/** How a request ended. */
export type Outcome = 'success' | 'error' | 'timeout' | 'failed';

/** A request on its way. */
export interface Asked {
  method: string;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  /** Called once, before the promise settles, with the milliseconds that it took. */
  ended: (outcome: Outcome, took: number) => void;
}

interface Entry extends Asked {
  since: number;
  stopClock: () => void;
}

/** Each request settles once: by its answer, its time, its write, or the end of the channel. */
export class PendingRequests {
  readonly #entries = new Map<RequestId, Entry>();

  has(id: RequestId): boolean {
    return this.#entries.has(id);
  }

  add(id: RequestId, timeout: number, asked: Asked): void {
    const stopClock = after(timeout, () => this.reject(id, new TimeoutError(`Timeout after ${timeout}ms`), 'timeout'));
    this.#entries.set(id, { ...asked, since: Date.now(), stopClock });
  }

  /** Nothing if nobody waits for it (any more). */
  resolve(id: RequestId, result: unknown): void {
    this.#take(id, 'success')?.resolve(result);
  }

  /** Nothing if nobody waits for it (any more). */
  reject(id: RequestId, error: unknown, outcome: Outcome): void {
    this.#take(id, outcome)?.reject(error);
  }

  rejectAll(error: Error): void {
    for (const id of [...this.#entries.keys()]) this.reject(id, error, 'failed');
  }

  #take(id: RequestId, outcome: Outcome): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    this.#entries.delete(id);
    entry.stopClock();
    entry.ended(outcome, Date.now() - entry.since);
    return entry;
  }
}
