// One scenario: all systems that can play it, in many short rounds that alternate, so that whatever else the machine
// does meets all of them alike.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Latencies } from './latencies.mjs';
import { Pair } from './pair.mjs';
import { median, order, pairedRatios } from './stats.mjs';

/** @typedef {import('./types.js').Scenario} Scenario */

const FEWEST_LAPS = 16;
/**
 * Runs a scenario. Two processes of one system differ for as long as they live, by what V8 has made of their code and
 * where their memory lies, so there are several heats, each with new processes.
 * @param {Scenario} scenario
 * @param {readonly string[]} systems the reference first
 * @param {import('./types.js').Plan} plan
 * @returns {Promise<import('./types.js').Race>}
 */
export async function run(scenario, systems, plan) {
  const directory = await mkdtemp(join(tmpdir(), 'ginnel-bench-'));
  const field = new Field(scenario, systems);
  try {
    for (let heat = 0; heat < plan.heats; heat++) {
      await field.each(heat, (runner) => runner.start(directory, plan.placement));
      if (heat === 0) await field.each(heat, (runner) => runner.calibrate(plan.milliseconds));
      for (let round = 0; round < plan.warmUp; round++) await field.each(round, (runner) => runner.round());
      for (let round = 0; round < plan.roundsEach; round++) {
        await field.each(heat * plan.roundsEach + round, (runner) => runner.countedRound());
      }
      await field.end();
    }
    return field.finish();
  } finally {
    await field.end();
    await rm(directory, { recursive: true, force: true });
  }
}

class Field {
  #scenario;
  /** @type {Runner[]} */
  #runners;
  /** The reference plays twice, the second time far from the first in the order. */
  #again;
  /** @type {[string, string][]} */
  #leftOut = [];

  /**
   * @param {Scenario} scenario
   * @param {readonly string[]} systems
   */
  constructor(scenario, systems) {
    this.#scenario = scenario;
    this.#runners = systems.map((system) => new Runner(scenario, system));
    const [reference] = systems;
    if (reference === undefined) throw new Error('nobody takes part');
    this.#again = new Runner(scenario, reference);
    this.#runners.splice(Math.ceil(systems.length / 2), 0, this.#again);
  }

  /**
   * Everyone in the order of this round. Who fails is left out from then on.
   * @param {number} round
   * @param {(runner: Runner) => Promise<unknown>} act
   */
  async each(round, act) {
    const runners = this.#runners;
    for (const index of order(round, runners.length)) {
      const runner = /** @type {Runner} */ (runners[index]);
      try {
        await act(runner);
      } catch (error) {
        await runner.end();
        this.#runners = this.#runners.filter((other) => other !== runner);
        this.#leftOut.push([runner.system, error instanceof Error ? error.message : String(error)]);
      }
    }
  }

  async end() {
    await Promise.all(this.#runners.map((runner) => runner.end()));
  }

  finish() {
    const finishes = this.#runners.filter((runner) => runner !== this.#again);
    const [reference] = finishes;
    if (!reference) throw new Error(`nobody finished: ${this.#leftOut.join('; ')}`);
    const againstItself = median(pairedRatios(reference.values, this.#again.values));
    return { scenario: this.#scenario, finishes, againstItself, leftOut: this.#leftOut };
  }
}

/** @typedef {import('./types.js').Finish} Finish */

/** @implements {Finish} */
class Runner {
  #scenario;
  /** @type {Pair | null} */
  #pair = null;
  /** In a round, see `calibrate`. */
  #laps = FEWEST_LAPS;
  /** @type {number[]} */
  values = [];
  /** @type {number[]} */
  means = [];
  /** @type {number[]} */
  cpus = [];
  latencies = new Latencies();

  /**
   * @param {Scenario} scenario
   * @param {string} system
   */
  constructor(scenario, system) {
    this.#scenario = scenario;
    this.system = system;
  }

  /**
   * @param {string} directory
   * @param {import('./types.js').Plan['placement']} placement
   */
  async start(directory, placement) {
    const path = join(directory, String(sockets++));
    this.#pair = await Pair.start({ scenario: this.#scenario.name, system: this.system, path, placement });
  }

  /**
   * Finds how many laps fill a round.
   * @param {number} milliseconds
   */
  async calibrate(milliseconds) {
    this.#laps = this.#whole(FEWEST_LAPS);
    await this.round();
    for (;;) {
      // Whatever disturbs one is unlikely to disturb the next; and each leaves the code faster than it was.
      const fastest = Math.min((await this.round()).took, (await this.round()).took);
      const times = milliseconds / fastest;
      this.#laps = this.#whole(this.#laps * Math.min(times, 4));
      if (times < 1.25) return;
    }
  }

  round() {
    if (!this.#pair) throw new Error('it is not running');
    return this.#pair.round(this.#laps);
  }

  async countedRound() {
    const { took, middle, cpu, latencies } = await this.round();
    const mean = (took / this.#laps) * 1e6;
    this.means.push(mean);
    this.cpus.push((cpu / this.#laps) * 1e3);
    this.values.push(this.#scenario.unit === 'ns' ? middle * 1e6 : 1e9 / mean);
    this.latencies.merge(latencies);
  }

  async end() {
    const pair = this.#pair;
    this.#pair = null;
    await pair?.end();
  }

  /** @param {number} laps */
  #whole(laps) {
    return Math.ceil(laps / this.#scenario.multiple) * this.#scenario.multiple;
  }
}

let sockets = 0;
