// The spread of single laps: recorded in the client, merged in the parent.

/** Counts of laps by their length, each known to half a per cent. */
export class Latencies {
  /** @type {Map<number, number>} */
  #counts = new Map();
  #laps = 0;

  /** @param {number} milliseconds */
  record(milliseconds) {
    this.#add(Math.round(Math.log(Math.max(milliseconds * 1e6, 1)) / STEP), 1);
  }

  clear() {
    this.#counts.clear();
    this.#laps = 0;
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
