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
    const found = of[this.below(of.length)];
    if (found === undefined) throw new Error('there is nothing to choose from');
    return found;
  }
}

/** Are the long ones asked for? */
export const SOAK = process.env['GINNEL_SOAK'] === '1';
