// What ours has promised to reach, beside another system or by itself.

/** @typedef {import('./types.js').Outcome} Outcome */

/**
 * A promise about one scenario: our value over theirs, or by itself; at most this of a time, at least this of a rate.
 * @typedef {{ scenario: string, ours: string, theirs?: string, bound: number }} Bar
 */

/** @type {readonly Bar[]} */
const BARS = [
  { scenario: 'node-rtt-64', ours: 'ginnel-stream', theirs: 'net', bound: 1 },
  { scenario: 'node-oneway-64', ours: 'ginnel-stream', bound: 1e6 },
  { scenario: 'node-oneway-64', ours: 'ginnel-stream', theirs: 'usocket', bound: 4 },
  { scenario: 'node-packets-64', ours: 'ginnel-seqpacket', theirs: 'node-unix-socket', bound: 3 },
  { scenario: 'node-fds', ours: 'ginnel-stream', theirs: 'usocket', bound: 2 },
];

/**
 * Looks at the promises about what was found. Who was left out is not compared with.
 * @param {readonly Outcome[]} outcomes of one scenario
 */
export function judge(outcomes) {
  let missed = 0;
  const lines = BARS.filter((bar) => bar.scenario === outcomes[0]?.scenario).map((bar) => {
    const ours = outcomes.find(({ system }) => system === bar.ours);
    const found = bar.theirs === undefined ? ours?.value : ours?.ratios[bar.theirs];
    const met = ours !== undefined && found !== undefined && admits(bar, ours, found);
    if (found !== undefined && !met) missed += 1;
    const verdict = found === undefined ? 'not looked at, for one of them is not there' : met ? 'met' : 'missed';
    return `bar: ${told(bar, ours?.better ?? 'higher', found)}${verdict}\n`;
  });
  return { text: lines.join(''), missed };
}

/**
 * @param {Bar} bar
 * @param {Outcome} ours
 * @param {number} found
 */
function admits(bar, ours, found) {
  return ours.better === 'lower' ? found <= bar.bound : found >= bar.bound;
}

/**
 * @param {Bar} bar
 * @param {Outcome['better']} better
 * @param {number | undefined} found
 */
function told({ ours, theirs, bound }, better, found) {
  const limit = better === 'lower' ? 'at most' : 'at least';
  const digits = theirs === undefined ? 0 : 3;
  const number = found === undefined ? '' : `${found.toFixed(digits)}, `;
  return `${ours}${theirs === undefined ? '' : ` to ${theirs}`} ${limit} ${bound}: ${number}`;
}
