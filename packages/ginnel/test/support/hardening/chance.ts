// What happens when, from one number, so that it can happen again.

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number below `end`. */
  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * end);
  }

  one<T>(of: readonly T[]): T {
    const at = this.below(of.length);
    for (const found of of.slice(at, at + 1)) return found;
    throw new Error('there is nothing to choose from');
  }
}

/** Are the long ones asked for? */
export const SOAK = process.env['GINNEL_SOAK'] === '1';
