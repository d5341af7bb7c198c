// What the run found, as a table for people and as objects for programs.

import { median, pairedRatios, quantile } from './stats.mjs';

/** @typedef {import('./types.js').Outcome} Outcome */

/** Where the reference's ratio to itself lies on a machine that can tell systems apart. */
const NOISE = 0.03;

/**
 * The results of a scenario, in the order of its systems; the reference is first.
 * @param {import('./types.js').Race} race
 * @returns {Outcome[]}
 */
export function outcomes({ scenario, finishes }) {
  return finishes.map((finish) => {
    const toReference = pairedRatios(finish.values, /** @type {import('./types.js').Finish} */ (finishes[0]).values);
    const others = finishes.filter((other) => other !== finish);
    return {
      scenario: scenario.name,
      system: finish.system,
      value: median(finish.values),
      unit: scenario.unit,
      better: scenario.unit === 'ns' ? 'lower' : 'higher',
      each: median(finish.means),
      cpu: median(finish.cpus),
      p50: finish.latencies.quantile(0.5),
      p99: finish.latencies.quantile(0.99),
      ratios: Object.fromEntries(
        others.map((other) => [other.system, median(pairedRatios(finish.values, other.values))]),
      ),
      spread: [quantile(toReference, 0.25), quantile(toReference, 0.75)],
    };
  });
}

/**
 * A scenario's results, and whether they can be believed.
 * @param {import('./types.js').Race} race
 */
export function table(race) {
  const rows = outcomes(race);
  const reference = /** @type {Outcome} */ (rows[0]);
  const heads = ['system', 'value', 'mean lap', 'cpu', 'ratio', 'middle half', 'p50', 'p99'];
  const lines = [`${race.scenario.name} (${reference.better} is better)`, columns(heads)];
  for (const row of rows) {
    const to = row === reference ? 1 : row.ratios[reference.system] ?? NaN;
    const spread = row === reference ? '' : row.spread.map(ratio).join('–');
    const laps = row.p50 === 0 ? ['–', '–'] : [duration(row.p50), duration(row.p99)];
    const times = [duration(row.each), duration(row.cpu)];
    lines.push(columns([row.system, value(row.value, row.unit), ...times, ratio(to), spread, ...laps]));
  }
  lines.push(`ratios to ${reference.system}; against itself: ${race.againstItself.toFixed(3)}`);
  if (Math.abs(race.againstItself - 1) > NOISE) {
    lines.push('warning: the machine is too noisy: the reference differs from itself by more than 3 %');
  }
  lines.push(`note: ${race.scenario.note}`);
  for (const [system, reason] of race.leftOut) lines.push(`left out: ${system}, because ${reason}`);
  return `${lines.join('\n')}\n`;
}

/** @param {readonly string[]} cells */
function columns(cells) {
  const [system = '', ...rest] = cells;
  return system.padEnd(24) + rest.map((cell, at) => cell.padStart(WIDTHS[at] ?? 0)).join('');
}

const WIDTHS = [16, 11, 10, 9, 15, 11, 11];

/** @param {number} ratio */
export function ratio(ratio) {
  return ratio < 0.1 ? ratio.toFixed(4) : ratio.toFixed(3);
}

/**
 * @param {number} value
 * @param {string} unit
 */
export function value(value, unit) {
  if (unit === 'ns') return duration(value);
  return `${scaled(value)} ${unit === 'fds/s' ? unit : 'msg/s'}`;
}

/** @param {number} nanoseconds */
function duration(nanoseconds) {
  if (nanoseconds < 1e3) return `${nanoseconds.toFixed(0)} ns`;
  return nanoseconds < 1e6 ? `${(nanoseconds / 1e3).toFixed(2)} µs` : `${(nanoseconds / 1e6).toFixed(2)} ms`;
}

/** @param {number} value */
function scaled(value) {
  return value < 1e6 ? `${(value / 1e3).toFixed(1)} k` : `${(value / 1e6).toFixed(2)} M`;
}
