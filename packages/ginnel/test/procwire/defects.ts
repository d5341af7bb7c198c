// Runs one defect's scenario in a process of its own: `node defects.js ours|original NAME`.
// The exit code says whether it went well; `NEVER_BEGAN` is none that a scenario can have.

import { channelDefects } from './channel-defects';
import { load, Place, type Scenario, type Which } from './face';
import { transportDefects } from './transport-defects';

export const scenarios: readonly Scenario[] = [...transportDefects, ...channelDefects];

/** The exit code if there was nothing to run. */
export const NEVER_BEGAN = 99;

/** One scenario in a process of its own: the exit code. */
async function main(which: Which, name: string): Promise<number> {
  const scenario = scenarios.find((one) => one.name === name);
  const face = await load(which).catch(console.error);
  if (scenario === undefined || !face) return NEVER_BEGAN;
  const place = new Place();
  try {
    await scenario.run(face, place);
    return 0;
  } catch (error) {
    console.error(error);
    return 1;
  } finally {
    place.remove();
  }
}

const [, , which, name] = process.argv;
if (require.main === module && (which === 'ours' || which === 'original') && name !== undefined) {
  void main(which, name).then((code) => process.exit(code));
}
