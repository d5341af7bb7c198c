// What the benchmark calculates and draws, and one short run of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from './bars.mjs';
import { Latencies } from './latencies.mjs';
import { BYTES, Checker, nth } from './messages.mjs';
import { draw } from './plot.mjs';
import { run } from './race.mjs';
import { outcomes, table } from './report.mjs';
import { SCENARIOS } from './scenarios.mjs';
import { median, order, pairedRatios, quantile } from './stats.mjs';

test('quantiles lie between values', () => {
  assert.equal(median([9, 1, 2]), 2);
  assert.equal(median([4, 1, 9, 2]), 3);
  assert.equal(quantile([0, 10], 0.25), 2.5);
  assert.throws(() => median([]), RangeError);
});

test('ratios are taken within rounds', () => {
  assert.equal(median(pairedRatios([10, 12, 100, 110], [5, 6, 50, 55])), 2);
});

test('every system stands in every place and follows every other equally often', () => {
  for (let systems = 2; systems < 12; systems++) {
    const orders = Array.from({ length: 2 * systems }, (_, round) => order(round, systems));
    const places = orders.flatMap((systems) => systems.map((system, place) => `${system} in ${place}`));
    const pairs = orders.flatMap((systems) => systems.slice(1).map((system, at) => `${systems[at]} ${system}`));
    for (const seen of [places, pairs]) {
      for (const one of new Set(seen)) assert.equal(seen.filter((other) => other === one).length, 2, one);
    }
  }
});

test('messages are known again in pieces of any size, and nothing else is', () => {
  const all = Buffer.concat(Array.from({ length: 2500 }, (_, number) => nth(number)));
  for (const size of [1, 63, BYTES, 65, 4096, 70_000, all.length]) {
    const checker = new Checker();
    for (let at = 0; at < all.length; at += size) checker.check(all.subarray(at, at + size));
    assert.equal(checker.bytes, all.length);
  }
  const torn = Buffer.from(all);
  torn[100_000] = torn[100_000] === 0 ? 1 : 0;
  assert.throws(() => new Checker().check(torn), /differs/);
  assert.throws(() => new Checker().check(nth(1)), /differs/);
  assert.throws(() => new Checker().checkWhole(nth(0).subarray(1)), /length/);
});

test('latencies are merged and keep their quantiles', () => {
  const laps = Array.from({ length: 1000 }, (_, lap) => (lap + 1) / 1000);
  const [one, other] = [0, 1].map((odd) => Latencies.of(laps.filter((_, lap) => lap % 2 === odd)));
  assert.ok(one && other);
  one.merge(other.entries());
  for (const share of [0.5, 0.99]) assert.ok(Math.abs(one.quantile(share) / (share * 1e6) - 1) < 0.01);
  assert.equal(new Latencies().quantile(0.5), 0);
});

/**
 * @param {string} system
 * @param {number[]} values
 * @returns {import('./types.js').Finish}
 */
function finish(system, values) {
  return { system, values, means: values, cpus: values.map((value) => value - 100), latencies: new Latencies() };
}

const race = {
  scenario: /** @type {import('./types.js').Scenario} */ (SCENARIOS[0]),
  finishes: [finish('net', [1000, 2000, 1500]), finish('ginnel-stream', [900, 1800, 1500])],
  againstItself: 1.05,
  leftOut: [/** @type {const} */ (['usocket', 'it is away'])],
};

test('the table names values, noise and absences, and the bars say what was found', () => {
  const text = table(race);
  assert.match(text, /ginnel-stream +1\.50 µs +1\.50 µs +1\.40 µs +0\.900 +0\.900–0\.950/);
  assert.match(text, /against itself: 1\.050\nwarning: the machine is too noisy/);
  assert.match(text, /left out: usocket, because it is away/);
  assert.deepEqual(judge(outcomes(race)), {
    text: 'bar: ginnel-stream to net at most 1: 0.900, met\n',
    missed: 0,
  });
  const [net, ours] = outcomes(race);
  assert.ok(net && ours);
  assert.equal(judge([net, { ...ours, ratios: { net: 1.01 } }]).missed, 1);
});

test('the picture shows every system', () => {
  const svg = draw(outcomes(race));
  for (const word of ['node-rtt-64', 'net', 'ginnel-stream', '1.111', 'prefers-color-scheme']) {
    assert.ok(svg.includes(word), word);
  }
});

test('a short run measures net, twice', { timeout: 60_000 }, async () => {
  const plan = /** @type {const} */ ({ heats: 1, warmUp: 1, roundsEach: 2, milliseconds: 2, placement: 'free' });
  const [rtt, oneway] = SCENARIOS;
  assert.ok(rtt && oneway);
  for (const scenario of [rtt, oneway]) {
    const found = await run(scenario, ['net', 'no-such-system'], plan);
    assert.deepEqual(found.leftOut.map(([system]) => system), ['no-such-system']);
    assert.equal(found.finishes[0]?.values.length, 2);
  }
});
