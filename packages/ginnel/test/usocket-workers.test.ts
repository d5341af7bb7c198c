// Threads that are ended in the middle of traffic over the faces leave nothing behind.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { inDirectory, openDescriptors, until } from './faces/support';

test('workers that are ended in the middle of traffic', { timeout: 60_000 }, () => inDirectory(async (directory) => {
  let before = -1;
  for (let round = 0; round < 12; round += 1) {
    const worker = new Worker(join(__dirname, 'faces', 'traffic_worker.js'), { workerData: { path: `${directory}/${round}` } });
    await once(worker, 'message');
    await worker.terminate();
    // What the first one has made the process open for good is no leak.
    if (round === 1) before = openDescriptors().length;
  }
  await until('all is closed', () => openDescriptors().length <= before);
  assert.ok(before > 0);
}));
