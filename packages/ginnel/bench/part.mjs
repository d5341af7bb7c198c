// One process of a scenario: it waits for orders and runs rounds. Arguments: SCENARIO SYSTEM SIDE SOCKET.
//
// The server signals when it is awake in a round, so that the client's clock does not start with its wake-up.

import { SIGNAL } from './inbox.mjs';
import { Latencies } from './latencies.mjs';
import { SCENARIOS } from './scenarios.mjs';
import { median } from './stats.mjs';
import { load } from './systems.mjs';

const [scenarioName, systemName = '', side, path = ''] = process.argv.slice(2);

/** @param {import('./types.js').Reply} reply */
function say(reply) {
  process.send?.(reply);
}

/** @param {unknown} reason */
function fail(reason) {
  const [told = ''] = (reason instanceof Error ? reason.message : String(reason)).split('\n');
  process.send?.({ failed: told }, () => process.exit(1));
}

process.on('disconnect', () => process.exit());
process.on('uncaughtException', fail);

/** @param {NodeJS.CpuUsage} before */
function since(before) {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** @param {(laps: number) => Promise<void>} round */
function obey(round) {
  let last = Promise.resolve();
  process.on('message', (/** @type {import('./types.js').Order} */ { laps }) => {
    last = last.then(() => round(laps)).catch(fail);
  });
  say({ ready: true });
}

async function run() {
  const scenario = SCENARIOS.find(({ name }) => name === scenarioName);
  if (!scenario) throw new Error(`no scenario is called ${scenarioName}`);
  const system = await load(systemName);
  if (side === 'server') {
    const { accepted } = await system.listen(path);
    obey(async (laps) => {
      const link = await accepted;
      const cpu = process.cpuUsage();
      const served = scenario.serve(link, laps);
      await link.send(SIGNAL);
      await served;
      say({ took: 0, middle: 0, cpu: since(cpu), latencies: [] });
    });
  } else {
    const link = await system.connect(path);
    obey(async (laps) => {
      /** @type {number[]} */
      const lengths = [];
      await link.inbox.signalled();
      const cpu = process.cpuUsage();
      const before = performance.now();
      await scenario.ask(link, laps, (lap) => lengths.push(lap));
      const took = performance.now() - before;
      const middle = lengths.length === 0 ? took / laps : median(lengths);
      say({ took, middle, cpu: since(cpu), latencies: Latencies.of(lengths).entries() });
    });
  }
}

run().catch(fail);
