// How long what arrives may keep the loop from everybody else.

/** Milliseconds of one turn of the loop. */
const SHARE = 1;

/** When somebody asked first in this turn of the loop; negative: nobody has. */
let since = -1;

function renew(): void {
  since = -1;
}

/**
 * Has this turn of the loop given its share to what arrives? Then the rest waits for the next one. Whoever is brief need not
 * ask.
 */
export function isShareSpent(): boolean {
  const now = performance.now();
  if (since < 0) {
    since = now;
    setImmediate(renew);
    return false;
  }
  return now - since > SHARE;
}
