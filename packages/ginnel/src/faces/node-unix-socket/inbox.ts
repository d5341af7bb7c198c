/** What came in one batch, on its way to the handlers: each item once, also if the handler of another one throws. */
export class Inbox<T> {
  readonly #hand: (item: T) => void;
  #waiting: readonly T[] = [];

  constructor(hand: (item: T) => void) {
    this.#hand = hand;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Nothing of it is handed on any more. */
  clear(): void {
    this.#waiting = [];
  }

  handOn(items: readonly T[]): void {
    this.#waiting = items;
    let handed = 0;
    try {
      for (const item of items) {
        if (this.#waiting !== items) break;
        handed += 1;
        this.#hand(item);
      }
    } finally {
      if (this.#waiting === items) this.#keep(items.slice(handed));
    }
  }

  /** What is left when a handler has thrown. */
  #keep(rest: readonly T[]): void {
    this.#waiting = rest;
    if (rest.length === 0) return;
    process.nextTick(() => {
      if (this.#waiting === rest) this.handOn(rest);
    });
  }
}
