// What a worker does that will be terminated: traffic, and at some callback something that it does not come back from.

import { parentPort, workerData } from 'node:worker_threads';

import { KINDS, type Place } from './traffic';

/** How a worker ends. */
export type Ending = 'terminated' | 'busy' | 'ticks' | 'exit' | 'throw' | 'reject' | 'done';

export interface Task {
  readonly place: Place;
  readonly kinds: readonly number[];
  readonly ending: Ending;
  /** At which callback it ends. */
  readonly after: number;
}

const { place, kinds, ending, after } = workerData as Task;

let told = 0;

function tell(): void {
  told += 1;
  if (told === after) end();
}

function end(): void {
  const again = (): void => process.nextTick(again);
  switch (ending) {
    case 'busy':
      parentPort?.postMessage('now');
      for (;;);
    case 'ticks':
      parentPort?.postMessage('now');
      again();
      return;
    case 'exit':
      process.exit(7);
    case 'throw':
      process.nextTick(() => { throw new Error('planned'); });
      throw new Error('planned');
    case 'reject':
      void Promise.reject(new Error('planned'));
      return;
    default:
      parentPort?.postMessage('now');
  }
}

for (const kind of kinds) KINDS[kind]?.(place, tell);
