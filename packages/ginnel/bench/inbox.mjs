// Where a link puts what arrives: signals between the loops, messages while one runs.

/**
 * @typedef {import('./types.js').Inbox} Arrivals
 * @implements {Arrivals}
 */
export class Inbox {
  /** @type {((chunk: Buffer) => void) | null} */
  #loop = null;
  /** @type {((reason: unknown) => void) | null} */
  #reject = null;
  #signals = 0;
  /** @type {(() => void) | null} */
  #wake = null;

  /** @param {Buffer} chunk */
  take(chunk) {
    if (this.#loop) this.#loop(chunk);
    else this.#count(chunk);
  }

  /** @param {unknown} error */
  fail(error) {
    if (!this.#reject) throw error;
    this.#reject(error);
  }

  /** @param {(chunk: Buffer, done: () => void) => void} loop */
  async during(loop) {
    await new Promise((resolve, reject) => {
      const done = () => {
        this.#loop = null;
        resolve(undefined);
      };
      this.#reject = reject;
      this.#loop = (chunk) => {
        try {
          loop(chunk, done);
        } catch (error) {
          reject(error);
        }
      };
    });
    this.#reject = null;
  }

  async signalled(count = 1) {
    while (this.#signals < count) {
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
    }
    this.#signals -= count;
  }

  /**
   * Each byte is a signal, for a stream may join them.
   * @param {Buffer} chunk
   */
  #count(chunk) {
    this.#signals += chunk.length;
    this.#wake?.();
    this.#wake = null;
  }
}

/** What one side sends to wake the other, or to say that it has everything. */
export const SIGNAL = Buffer.of(1);
