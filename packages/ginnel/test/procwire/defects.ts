// Runs one defect's scenario in a process of its own: `node defects.js ours|original NAME`.
// The exit code says whether it went well.

import { channelDefects } from './channel-defects';
import { load, Place, type Scenario, type Which } from './face';
import { transportDefects } from './transport-defects';

export const scenarios: readonly Scenario[] = [...transportDefects, ...channelDefects];

/** One scenario in a process of its own. */
async function main(which: Which, name: string): Promise<void> {
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  const place = new Place();
  try {
    await scenario.run(await load(which), place);
  } finally {
    place.remove();
  }
}

const [, , which, name] = process.argv;
if (require.main === module && (which === 'ours' || which === 'original') && name !== undefined) {
  main(which, name).then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}
