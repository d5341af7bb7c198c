// One addon, loaded in every way at once.

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import * as ginnel from 'ginnel';
import { Connection, Fd, Server, Stream } from 'ginnel';

import { codeOf, failing, story } from '../support/core';
import { addonFile, tables } from '../support/hardening/raw';

/** A module as `import` finds it, also where this file is CommonJS. */
async function imported(name: string): Promise<unknown> {
  const load = new Function('name', 'return import(name)') as (name: string) => Promise<unknown>;
  return load(name).catch(() => import(name));
}

story('the classes of import and require are the same', async () => {
  const other = await imported('ginnel');
  assert.ok(typeof other === 'object' && other !== null);
  for (const [name, value] of Object.entries(ginnel)) {
    if (name === 'default' || name === '__esModule') continue;
    assert.equal(Reflect.get(other, name), value, name);
  }
});

story('the addon loaded again has the same tables', () => {
  const file = addonFile();
  const first = tables();
  const entry = require.cache[file];
  delete require.cache[file];
  const again: unknown = require(file);
  if (entry !== undefined) require.cache[file] = entry;
  assert.deepEqual(Object.keys(again ?? {}).sort(), Object.keys(first).sort());
  // Of one addon's handles every other one knows what they are.
  assert.ok(typeof again === 'object' && again !== null);
  const pair: unknown = Reflect.get(Reflect.get(again, 'stream'), 'pair')();
  assert.ok(Array.isArray(pair));
  for (const end of pair) {
    assert.ok(Number(first['stream']?.['fd']?.(end)) > 0);
    first['stream']?.['close']?.(end);
  }
});

story('workers that load it at the same time', async () => {
  const code = `
    const { Stream } = require(${JSON.stringify(require.resolve('ginnel'))});
    const { parentPort } = require('node:worker_threads');
    const [a, b] = Stream.pair();
    b.once('data', (data) => { parentPort.postMessage(String(data)); a.destroy(); b.destroy(); });
    a.write('from a worker');`;
  const workers = Array.from({ length: 8 }, () => new Worker(code, { eval: true }));
  const said = await Promise.all(workers.map(async (worker) => {
    const [text] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    return text[0] as unknown;
  }));
  assert.deepEqual(said, workers.map(() => 'from a worker'));
});

story('what comes from another context', async () => {
  const context = createContext({ Stream });
  const [a, b] = Stream.pair();
  const bytes: unknown = runInContext('new Uint8Array([104, 105])', context);
  const fds: unknown = runInContext('[0, 1]', context);
  const data = once(b, 'data');
  const came = new Promise<Fd[]>((resolve) => b.once('fds', resolve));
  await Reflect.apply(a.send, a, [bytes, { fds }]);
  assert.deepEqual((await data)[0], Buffer.from('hi'));
  (await came).forEach((fd) => fd.close());
  const refused: unknown = runInContext('({ length: 2, 0: 1, 1: 1 })', context);
  assert.equal(await failing(() => Reflect.apply(a.send, a, [refused])), 'ERR_INVALID_ARG_TYPE');
  const foreign: unknown = runInContext('try { Stream.adopt("x") } catch (error) { error }', context);
  assert.equal(codeOf(foreign), 'ERR_INVALID_ARG_TYPE');
  a.destroy();
  b.destroy();
});

const CHILD = join(__dirname, '..', 'support', 'hardening', 'child.js');

/** Serves whoever asks, and counts. */
function serving(path: string): { server: Server; asked: () => number } {
  const server = Server.listen(path);
  let asked = 0;
  void (async () => {
    for await (const happening of server) {
      if (happening.type !== 'request') continue;
      asked += 1;
      await happening.request.reply(happening.request.data).catch(() => {});
    }
  })();
  return { server, asked: () => asked };
}

story('children that are forked', async (directory) => {
  const path = join(directory, 'server');
  const { server, asked } = serving(path);
  const children = Array.from({ length: 3 }, () => fork(CHILD, { env: { ...process.env, GINNEL_TEST_PATH: path } }));
  for (const exit of await Promise.all(children.map((child) => once(child, 'exit')))) assert.deepEqual(exit, [0, null]);
  assert.equal(asked(), 6);
  server.destroy();
});

story('workers of a cluster', async (directory) => {
  const path = join(directory, 'server');
  const { server, asked } = serving(path);
  cluster.setupPrimary({ exec: CHILD });
  const workers = Array.from({ length: 3 }, () => cluster.fork({ GINNEL_TEST_PATH: path }));
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  assert.equal(asked(), 6);
  server.destroy();
});

story('what a worker is sent are no handles', async () => {
  const [a, b] = Connection.pair();
  assert.throws(() => structuredClone(tables()['stream']?.['pair']?.()), { name: 'DataCloneError' });
  a.destroy();
  b.destroy();
  const fd = Fd.duplicate(0);
  // Numbers cross, owners do not.
  const copy: unknown = structuredClone(fd);
  assert.ok(!(copy instanceof Fd));
  fd.close();
});
