// Who listens to a transport, and what came before anybody did.

import type { Unsubscribe } from './disposables';
import { EventEmitter } from './events';
import type { TransportEvents } from './types';

/** How many early bytes are kept for the first who wants data. With more, none of them is of use. */
const MOST_EARLY = 64 * 1024;

/**
 * The events of a transport. Data that comes before the first data handler is kept for it (up to 64 KiB; a longer
 * beginning is dropped as a whole): a handler that is added a moment late misses nothing.
 */
export class Subscribers {
  readonly #emitter = new EventEmitter<TransportEvents>();
  /** Null: there was a data handler, or too much came. */
  #early: Buffer[] | null = [];
  #earlyBytes = 0;

  on<K extends keyof TransportEvents>(event: K, handler: (data: TransportEvents[K]) => void): Unsubscribe {
    const unsubscribe = this.#emitter.on(event, handler);
    if (event === 'data') this.#deliverEarly();
    return unsubscribe;
  }

  emit<K extends keyof TransportEvents>(event: K, data: TransportEvents[K]): void {
    this.#emitter.emit(event, data);
  }

  data(chunk: Buffer): void {
    if (this.#early === null) {
      this.#emitter.emit('data', chunk);
      return;
    }
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > MOST_EARLY) this.#early = null;
  }

  /** What was kept belonged to a connection that is gone. */
  forgetEarly(): void {
    if (this.#early !== null) this.#early = [];
    this.#earlyBytes = 0;
  }

  #deliverEarly(): void {
    if (this.#early === null) return;
    const chunks = this.#early;
    this.#early = null;
    if (chunks.length === 0) return;
    // Not within the subscription, whose caller does not expect to be called yet; but before anything new is read.
    queueMicrotask(() => {
      for (const chunk of chunks) this.#emitter.emit('data', chunk);
    });
  }
}
