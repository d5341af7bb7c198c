// The arithmetic of rounds.

/**
 * The value below which this share of the values lies, between two of them if need be.
 * @param {readonly number[]} values at least one
 * @param {number} share
 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) throw new RangeError('no values');
  return below + (above - below) * (place - Math.floor(place));
}

/** @param {readonly number[]} values */
export function median(values) {
  return quantile(values, 0.5);
}

/**
 * This value over the other's in the same round, for each round: what slows down whole rounds does not move these.
 * @param {readonly number[]} these
 * @param {readonly number[]} others
 */
export function pairedRatios(these, others) {
  return these.map((value, round) => value / /** @type {number} */ (others[round]));
}

/**
 * The order in which systems run in a round, as in the Rust benchmark (a Williams design): over twice as many rounds
 * as there are systems, each stands in every place and follows every other equally often.
 * @param {number} round
 * @param {number} systems
 */
export function order(round, systems) {
  const places = Array.from({ length: systems }, (_, place) => {
    const system = place % 2 === 0 ? place / 2 : systems - 1 - (place - 1) / 2;
    return (system + Math.floor(round / 2)) % systems;
  });
  return round % 2 === 1 ? places.reverse() : places;
}
