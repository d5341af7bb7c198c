// Checks of numbers that callers pass, and delays that `setTimeout` understands.

/** Longest delay of `setTimeout`: with anything above it fires at once. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** `value`, or `fallback` if it is left out. RangeError unless it is above zero. */
export function positive(what: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number') throw new TypeError(`${what} must be a number`);
  if (!(value > 0)) throw new RangeError(`${what} must be positive`);
  return value;
}

/** `value`, or `fallback` if it is left out. RangeError if it is below zero. */
export function notNegative(what: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number') throw new TypeError(`${what} must be a number`);
  if (!(value >= 0)) throw new RangeError(`${what} cannot be negative`);
  return value;
}

/** Calls `then` after `ms` milliseconds; never if they are infinite. The function returned stops it. */
export function after(ms: number, then: () => void): () => void {
  if (ms === Infinity) return () => undefined;
  const timer = setTimeout(then, Math.min(ms, LONGEST_DELAY));
  return () => clearTimeout(timer);
}
