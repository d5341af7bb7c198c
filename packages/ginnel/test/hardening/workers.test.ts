// Workers that are ended in mid-traffic, at any point: the process goes on, and nothing of theirs stays.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Server, Stream } from 'ginnel';

import { collect, openFds, until } from '../support/core';
import { Chance, SOAK } from '../support/hardening/chance';
import { KINDS } from '../support/hardening/traffic';
import { type Ending, type Task } from '../support/hardening/worker';

const WORKERS = SOAK ? 1000 : 40;
const AT_ONCE = 4;
const FILE = join(__dirname, '..', 'support', 'hardening', 'worker.js');
const ENDINGS: readonly Ending[] = ['terminated', 'terminated', 'busy', 'ticks', 'exit', 'throw', 'reject', 'done'];

function task(chance: Chance, directory: string, number: number): Task {
  const kinds = Array.from({ length: 1 + chance.below(3) }, () => chance.below(KINDS.length));
  const ending = chance.one(ENDINGS);
  return { place: { directory, number, shared: join(directory, 'shared') }, kinds, ending, after: 1 + chance.below(200) };
}

/** Runs one until it has ended. */
async function ended(chance: Chance, given: Task): Promise<void> {
  const worker = new Worker(FILE, { workerData: given, stdout: true, stderr: true });
  const { ending } = given;
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    const terminate = (): void => void worker.terminate();
    worker.on('exit', () => resolve());
    worker.on('error', () => {});
    worker.on('message', terminate);
    // At any point: also while the addon is loaded, and before. The others are ended too, if their moment does not come.
    timer = setTimeout(terminate, ending === 'terminated' ? chance.below(120) : 3000);
  });
  clearTimeout(timer);
}

async function all(chance: Chance, directory: string, count: number): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      await ended(chance, task(chance, directory, number));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

test(`${WORKERS} workers end in mid-traffic`, { timeout: SOAK ? 1_200_000 : 60_000 }, async () => {
  const seed = Number(process.env['GINNEL_SEED'] ?? Date.now() % 1_000_000);
  const chance = new Chance(seed);
  const directory = mkdtempSync(join(tmpdir(), 'ginnel-'));
  const server = Server.listen(join(directory, 'shared'));
  const serve = async (): Promise<void> => {
    for await (const happening of server) {
      if (happening.type === 'request') await happening.request.reply(happening.request.data).catch(() => {});
    }
  };
  const served = serve();
  try {
    // What Node and the addon need for the first ones is not counted.
    await all(chance, directory, 12);
    await until(() => server.connections.length === 0);
    collect();
    const [fds, memory] = [openFds(), process.memoryUsage().rss];
    await all(chance, directory, WORKERS);
    await until(() => server.connections.length === 0);
    await until(() => openFds() <= fds, () => `seed ${seed}: ${openFds()} descriptors, and ${fds} before`);
    collect();
    const grown = process.memoryUsage().rss - memory;
    assert.ok(grown < 200 << 20, `seed ${seed}: ${grown >> 20} MiB more`);
    // No name is still held.
    for (const name of readdirSync(directory)) {
      if (name.endsWith('.lock') || !/^(packets|server)-/.test(name)) continue;
      Stream.listen(join(directory, name)).close();
    }
    console.log(`# seed ${seed}: ${WORKERS} workers, ${openFds()} descriptors, ${(grown / 1048576).toFixed(1)} MiB more`);
  } finally {
    server.destroy();
    await served;
    rmSync(directory, { recursive: true, force: true });
  }
});
