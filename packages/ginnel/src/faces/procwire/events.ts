// The event emitter of this face: one value per event, subscriptions that return their own end.

import { createUnsubscribe, type Unsubscribe } from './disposables';

/** Called with what an event carries. */
export type EventHandler<T = unknown> = (data: T) => void;

/** Names of events, and what each carries. */
export interface EventMap {
  [event: string]: unknown;
}

type Handlers<M extends EventMap> = { [K in keyof M]?: Set<EventHandler<M[K]>> };

/**
 * Calls handlers in the order of their subscription. The same function subscribed twice is called once. A handler
 * that throws is reported on the console and disturbs nobody else.
 */
export class EventEmitter<TEventMap extends EventMap = EventMap> {
  // Without a prototype, so that no name of an event is special.
  #handlers: Handlers<TEventMap> = Object.create(null);

  on<K extends keyof TEventMap>(event: K, handler: EventHandler<TEventMap[K]>): Unsubscribe {
    if (typeof handler !== 'function') throw new TypeError(`a handler of '${String(event)}' must be a function`);
    const known: Set<EventHandler<TEventMap[K]>> = this.#handlers[event] ?? new Set();
    known.add(handler);
    this.#handlers[event] = known;
    return createUnsubscribe(() => this.off(event, handler));
  }

  once<K extends keyof TEventMap>(event: K, handler: EventHandler<TEventMap[K]>): Unsubscribe {
    const unsubscribe = this.on(event, (data) => {
      unsubscribe();
      handler(data);
    });
    return unsubscribe;
  }

  off<K extends keyof TEventMap>(event: K, handler: EventHandler<TEventMap[K]>): void {
    const known = this.#handlers[event];
    if (known?.delete(handler) && known.size === 0) delete this.#handlers[event];
  }

  emit<K extends keyof TEventMap>(event: K, data: TEventMap[K]): void {
    const known = this.#handlers[event];
    if (known === undefined) return;
    // A copy: handlers may subscribe and unsubscribe while they are called.
    for (const handler of [...known]) {
      try {
        handler(data);
      } catch (error) {
        console.error(`Error in event handler for '${String(event)}':`, error);
      }
    }
  }

  /** Forgets the handlers of one event, or all. */
  removeAllListeners<K extends keyof TEventMap>(event?: K): void {
    if (event === undefined) this.#handlers = Object.create(null);
    else delete this.#handlers[event];
  }

  listenerCount<K extends keyof TEventMap>(event: K): number {
    return this.#handlers[event]?.size ?? 0;
  }
}
