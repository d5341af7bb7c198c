// Measures the Node package beside Node's own sockets and the packages that it replaces.

import { writeFile } from 'node:fs/promises';
import { availableParallelism, release, type } from 'node:os';
import { parseArgs } from 'node:util';
import { judge } from './bars.mjs';
import { draw } from './plot.mjs';
import { run } from './race.mjs';
import { outcomes, table } from './report.mjs';
import { SCENARIOS } from './scenarios.mjs';

const HELP = `node run.mjs [--only SUBSTRING] [--systems A,B] [--quick] [--json FILE] [--plot FILE.svg]
             [--placement split|same|free]

--only       only scenarios whose name contains this
--systems    only these systems; ratios are to the first of them
--quick      fewer and shorter rounds
--placement  processors of client and server: each its own (split), one for both (same), any (free)
`;

const PLACEMENTS = {
  split: 'client and server have a processor each',
  same: 'client and server share one processor',
  free: 'the scheduler places client and server',
};

async function main() {
  const { values: options } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      systems: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      plot: { type: 'string' },
      placement: { type: 'string', default: availableParallelism() > 1 ? 'split' : 'free' },
      help: { type: 'boolean', default: false },
    },
  });
  if (options.help) return process.stdout.write(HELP);
  const plan = planned(options.quick, options.placement);
  const only = options.only;
  const scenarios = SCENARIOS.filter(({ name }) => name.includes(only));
  if (scenarios.length === 0) throw new Error(`no scenario's name contains "${only}"`);
  process.stdout.write(header(plan));

  const found = [];
  let missed = 0;
  for (const scenario of scenarios) {
    process.stderr.write(`measuring ${scenario.name}\n`);
    const chosen = options.systems?.split(',').filter((system) => scenario.systems.includes(system));
    const race = await run(scenario, chosen ?? scenario.systems, plan);
    const ours = outcomes(race);
    const verdict = judge(ours);
    process.stdout.write(`\n${table(race)}${verdict.text}`);
    missed += verdict.missed;
    found.push(...ours);
  }
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(found, null, 2)}\n`);
  if (options.plot !== undefined) await writeFile(options.plot, draw(found));
  if (missed > 0) throw new Error(`${missed} of the bars were missed`);
}

/**
 * @param {boolean} quick
 * @param {string} placement
 * @returns {import('./types.js').Plan}
 */
function planned(quick, placement) {
  if (placement !== 'split' && placement !== 'same' && placement !== 'free') {
    throw new Error(`"${placement}" is none of split, same, free`);
  }
  if (quick) return { heats: 2, warmUp: 15, roundsEach: 8, milliseconds: 20, placement };
  return { heats: 4, warmUp: 20, roundsEach: 12, milliseconds: 40, placement };
}

/** @param {import('./types.js').Plan} plan */
function header({ heats, roundsEach, milliseconds, placement }) {
  const rounds = `${heats * roundsEach} rounds of about ${milliseconds} ms, alternating`;
  const machine = `Node ${process.versions.node}, ${type()} ${release()}, ${availableParallelism()} processors`;
  return `${machine}; ${PLACEMENTS[placement]}; ${rounds}\n`;
}

main().catch((error) => {
  process.stderr.write(`ginnel-bench-node: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
