// The results as one picture: for each scenario, the speed of every system as a bar, on a logarithmic scale with a line
// where the reference stands. It has no background, and its greys can be read on white and on black.

import { ratio, value } from './report.mjs';

/** @typedef {import('./types.js').Outcome} Outcome */

const WIDTH = 820;
const LEFT = 190;
const RIGHT = 640;
const ROW = 18;
const HEAD = 34;
const TOP = 36;

const STYLE = `
  text { font: 12px sans-serif; fill: #57606a }
  .head { font-weight: bold; fill: #24292f }
  .other { fill: #8c959f }
  .ours { fill: #1f7ac4 }
  .one { stroke: #57606a; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9ea7b3 }
    .head { fill: #e6edf3 }
    .other { fill: #6e7681 }
    .ours { fill: #4a9fe8 }
    .one { stroke: #9ea7b3 }
  }`;

/**
 * @param {readonly Outcome[]} outcomes
 * @returns {string} an SVG
 */
export function draw(outcomes) {
  const speeds = outcomes.map((outcome) => speed(outcome, outcomes));
  const scale = new Scale(Math.min(1, ...speeds), Math.max(1, ...speeds));
  /** @type {string[]} */
  const parts = [text(LEFT, 20, 'Speed, where the first of each group is 1 (logarithmic; longer is faster)', 'head')];
  let top = TOP;
  for (const scenario of new Set(outcomes.map((outcome) => outcome.scenario))) {
    parts.push(text(12, top + 20, scenario, 'head'));
    top += HEAD;
    const group = outcomes.filter((outcome) => outcome.scenario === scenario);
    for (const [at, outcome] of group.entries()) parts.push(bar(outcome, speed(outcome, group), scale, top + at * ROW));
    parts.push(line(scale.across(1), top, group.length * ROW));
    top += group.length * ROW;
  }
  const size = `width="${WIDTH}" height="${top + 12}" viewBox="0 0 ${WIDTH} ${top + 12}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>\n<style>${STYLE}\n</style>\n${parts.join('\n')}\n</svg>\n`;
}

/**
 * How fast in comparison with the reference, which is the first of its scenario.
 * @param {Outcome} outcome
 * @param {readonly Outcome[]} outcomes
 */
function speed(outcome, outcomes) {
  const reference = outcomes.find(({ scenario }) => scenario === outcome.scenario);
  const found = outcome.ratios[reference?.system ?? ''] ?? 1;
  return outcome.better === 'lower' ? 1 / found : found;
}

/** From speeds to pixels. */
class Scale {
  #slowest;
  #span;

  /**
   * @param {number} slowest
   * @param {number} fastest
   */
  constructor(slowest, fastest) {
    // So that the slowest has a bar, too.
    this.#slowest = Math.log(slowest / 1.5);
    this.#span = Math.log(fastest) - this.#slowest;
  }

  /** @param {number} speed */
  across(speed) {
    return LEFT + Math.round(((Math.log(speed) - this.#slowest) / this.#span) * (RIGHT - LEFT));
  }
}

/**
 * @param {Outcome} outcome
 * @param {number} speed
 * @param {Scale} scale
 * @param {number} top
 */
function bar(outcome, speed, scale, top) {
  const end = scale.across(speed);
  const kind = outcome.system.startsWith('ginnel') ? 'ours' : 'other';
  const told = `${ratio(speed)}   ${value(outcome.value, outcome.unit)}`;
  return [
    text(LEFT - 8, top + 13, outcome.system, '', 'end'),
    `<rect x="${LEFT}" y="${top + 2}" width="${end - LEFT}" height="${ROW - 4}" class="${kind}"/>`,
    text(Math.max(end, scale.across(1)) + 6, top + 13, told),
  ].join('\n');
}

/**
 * @param {number} x
 * @param {number} top
 * @param {number} height
 */
function line(x, top, height) {
  return `<line x1="${x}" y1="${top}" x2="${x}" y2="${top + height}" class="one"/>`;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {string} [kind]
 * @param {'start' | 'end'} [anchor]
 */
function text(x, y, words, kind = '', anchor = 'start') {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" class="${kind}" xml:space="preserve">${words}</text>`;
}
