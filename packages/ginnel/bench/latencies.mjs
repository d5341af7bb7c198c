// The spread of single laps: noted in the client, counted after each round, merged in the parent.

/** How long laps were, each known to half a per cent. */
export class Latencies {
  /** @type {Map<number, number>} */
  #counts = new Map();
  #laps = 0;

  /**
   * Counts laps.
   * @param {readonly number[]} milliseconds of each
   */
  static of(milliseconds) {
    const latencies = new Latencies();
    for (const lap of milliseconds) latencies.#add(Math.round(Math.log(Math.max(lap * 1e6, 1)) / STEP), 1);
    return latencies;
  }

  /**
   * Takes what another has told with `entries`.
   * @param {readonly (readonly [number, number])[]} entries
   */
  merge(entries) {
    for (const [length, count] of entries) this.#add(length, count);
  }

  entries() {
    return [...this.#counts];
  }

  /**
   * The nanoseconds within which this share of the laps was done, 0 without laps.
   * @param {number} share
   */
  quantile(share) {
    let seen = 0;
    for (const [length, count] of this.entries().sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= share * this.#laps) return Math.exp(length * STEP);
    }
    return 0;
  }

  /**
   * @param {number} length
   * @param {number} count
   */
  #add(length, count) {
    this.#counts.set(length, (this.#counts.get(length) ?? 0) + count);
    this.#laps += count;
  }
}

const STEP = Math.log(1.01);
