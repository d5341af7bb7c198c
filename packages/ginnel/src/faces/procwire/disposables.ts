// Undoing subscriptions.

/** Undoes a subscription. */
export type Unsubscribe = () => void;

/** Something with an end that must be called. */
export interface DisposableLike {
  dispose(): void;
}

/** `fn`, called by the first call only. */
export function createUnsubscribe(fn: () => void): Unsubscribe {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    fn();
  };
}

/** Several subscriptions that end together. */
export class CompositeDisposable {
  #parts: Unsubscribe[] = [];
  #disposed = false;

  /** Adds one; it is called at once if the others are gone already. */
  add(unsubscribe: Unsubscribe): void {
    if (this.#disposed) unsubscribe();
    else this.#parts.push(unsubscribe);
  }

  /** Calls them all, even when one throws. */
  dispose(): void {
    this.#disposed = true;
    for (const unsubscribe of this.#parts.splice(0)) {
      try {
        unsubscribe();
      } catch (error) {
        console.error('Error during disposal:', error);
      }
    }
  }

  isDisposed(): boolean {
    return this.#disposed;
  }
}
