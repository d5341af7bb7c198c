// Those who look again after every turn, until what they look for is there.

import { aborted } from '../errors';

export class Looks {
  #looks: (() => boolean)[] = [];

  /**
   * Looks now and later. Resolves once a look says `true`; rejects with what a look throws, or when the signal gives it up.
   */
  wait(look: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw aborted(signal);
      const settle = (how: () => void): true => {
        signal?.removeEventListener('abort', abort);
        how();
        return true;
      };
      const again = (): boolean => {
        try {
          return look() ? settle(resolve) : false;
        } catch (error) {
          return settle(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      const abort = (): void => {
        this.#looks = this.#looks.filter((other) => other !== again);
        if (signal !== undefined) reject(aborted(signal));
      };
      if (again()) return;
      signal?.addEventListener('abort', abort, { once: true });
      this.#looks.push(again);
    });
  }

  /** A turn has been made. */
  turned(): void {
    if (this.#looks.length > 0) this.#looks = this.#looks.filter((look) => !look());
  }
}
