// Who takes notifications, and those that came before anybody did.

import { createUnsubscribe, type Unsubscribe } from '../disposables';
import { toError } from '../errors';
import type { NotificationHandler } from './types';

/**
 * Keeps the latest `capacity` notifications until there is a handler. The handlers that are added in the same turn as
 * the first get them all; later ones do not get them again.
 */
export class Notifications<TNotif> {
  readonly #handlers: NotificationHandler<TNotif>[] = [];
  readonly #capacity: number;
  readonly #failed: (error: Error) => void;
  #early: TNotif[] = [];

  constructor(capacity: number, failed: (error: Error) => void) {
    this.#capacity = capacity;
    this.#failed = failed;
  }

  add(handler: NotificationHandler<TNotif>): Unsubscribe {
    if (typeof handler !== 'function') throw new TypeError('a notification handler must be a function');
    this.#handlers.push(handler);
    const early = this.#early;
    for (const notification of [...early]) this.#call(handler, notification);
    queueMicrotask(() => {
      if (this.#early === early) this.#early = [];
    });
    return createUnsubscribe(() => {
      this.#handlers.splice(this.#handlers.indexOf(handler), 1);
    });
  }

  deliver(notification: TNotif): void {
    if (this.#handlers.length === 0) {
      this.#early.push(notification);
      if (this.#early.length > this.#capacity) this.#early.shift();
      return;
    }
    for (const handler of [...this.#handlers]) this.#call(handler, notification);
  }

  #call(handler: NotificationHandler<TNotif>, notification: TNotif): void {
    try {
      const result: unknown = handler(notification);
      // An async handler fits the type too, and nobody else would hear of its failure.
      if (result instanceof Promise) result.catch((error: unknown) => this.#failed(toError(error)));
    } catch (error) {
      this.#failed(toError(error));
    }
  }
}
