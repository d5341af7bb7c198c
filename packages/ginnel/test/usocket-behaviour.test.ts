// What the face does beyond the original's promises: before it is connected, under pressure, and when handlers misbehave.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';

import * as usocket from 'ginnel/usocket';

import { aWhile, crampedPeer, inDirectory, openDescriptors, Story, told, until } from './faces/support';
import { connected } from './faces/usocket_tales';

type Socket = usocket.USocket;

async function between(action: (here: Socket, there: Socket, server: usocket.UServer, path: string) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const { here, there, server } = await connected({ story: new Story(), usocket, directory });
    try {
      await action(here, there, server, `${directory}/s`);
    } finally {
      here.destroy();
      there.destroy();
      server.close();
    }
  });
}

test('what is written and read before the socket is connected waits', () => between(async (_here, _there, server, path) => {
  const client = new usocket.USocket(path);
  let came = '';
  client.on('data', (data: Buffer) => { came += String(data); });
  client.write('early ');
  client.write('and ');
  client.end('late');
  const [there] = await once(server, 'connection') as [Socket];
  there.end('welcome');
  const parts = await there.toArray() as Buffer[];
  assert.equal(Buffer.concat(parts).toString(), 'early and late');
  await told(client, 'close');
  assert.equal(came, 'welcome');
}));

test('who gives up while connecting hears nothing', () => between(async (_here, _there, _server, path) => {
  const client = new usocket.USocket(path, () => assert.fail('connected'));
  for (const event of ['error', 'close', 'connected']) client.on(event, () => assert.fail(event));
  const written = new Promise<unknown>((resolve) => client.write('x', resolve));
  client.destroy();
  assert.ok(await written instanceof Error);
  await aWhile();
}));

test('a full queue makes clients wait', () => inDirectory(async (directory) => {
  const server = new usocket.UServer();
  server.pause();
  server.listen(`${directory}/s`, 1);
  await once(server, 'listening');
  const clients = Array.from({ length: 8 }, () => new usocket.USocket(`${directory}/s`));
  let connected = 0;
  for (const client of clients) client.on('connected', () => { connected += 1; });
  await aWhile();
  assert.ok(connected < 8);
  server.resume();
  await until('all are connected', () => connected === 8);
  for (const client of clients) client.destroy();
  server.close();
}));

test('write tells when to wait, and pipes keep to it', () => between(async (here, there) => {
  let waits = 0;
  while (here.write(Buffer.alloc(65_536))) waits += 1;
  assert.ok(waits < 100);
  assert.ok(here.writableNeedDrain);
  let bytes = 0;
  there.on('data', (data: Buffer) => { bytes += data.length; });
  await once(here, 'drain');
  await pipeline(Readable.from(Array.from({ length: 200 }, () => Buffer.alloc(10_000))), here);
  await once(there, 'end');
  assert.equal(bytes, (waits + 1) * 65_536 + 2_000_000);
}));

test('many writes that wait go in few calls, in order and with their descriptors', () => between(async (here, there) => {
  const story = new Story();
  let text = '';
  let fds = 0;
  here.write(Buffer.alloc(1 << 20));
  for (let index = 0; index < 3000; index += 1) {
    const data = Buffer.from(`${index},`);
    here.write(index % 7 === 0 ? { data, fds: [0] } : data, () => { if (index % 1000 === 0) story.add(index); });
  }
  there.on('fds', (came: number[]) => { fds += came.length; came.forEach((fd) => closeSync(fd)); });
  there.on('data', (data: Buffer) => { text += data.toString('latin1'); });
  here.end();
  await once(there, 'end');
  assert.equal(text.slice(1 << 20), Array.from({ length: 3000 }, (_, index) => `${index},`).join(''));
  assert.equal(fds, Math.ceil(3000 / 7));
  assert.deepEqual(story.lines, ['0', '1000', '2000']);
}));

test('descriptors behind more bytes than a stream buffers can be waited for', () => between(async (here, there) => {
  here.write(Buffer.alloc(1_000_000));
  here.write({ data: Buffer.from('!'), fds: [0] });
  const found = new Promise<number>((resolve) => {
    there.on('readable', () => {
      const read = there.read(50_000, 1);
      if (read === null) return;
      read.fds.forEach((fd) => closeSync(fd));
      resolve(read.data?.length ?? 0);
    });
  });
  assert.equal(await found, 50_000);
}));

test('a close that waits for a reader does not wait for descriptors that cannot come', () => between(async (here, there) => {
  there.on('readable', () => there.read(3, 1));
  const closed = told(there, 'close');
  there.end();
  here.end('abc');
  await closed;
  assert.equal(String(there.read()), 'abc');
}));

test('a handler that throws loses nothing of what came', async () => {
  const thrown: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error));
  try {
    await between(async (here, there) => {
      let text = '';
      let fds = 0;
      there.on('fds', (came: number[]) => { fds += 1; came.forEach((fd) => closeSync(fd)); throw new Error('fds'); });
      there.on('data', (data: Buffer) => { text += String(data); throw new Error('data'); });
      for (const word of ['a', 'b', 'c', 'd']) here.write({ data: Buffer.from(word), fds: [0] });
      await until('all is there', () => text === 'abcd');
      assert.equal(fds, 4);
    });
    assert.equal(thrown.length, 8);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});

for (const event of ['connected', 'fds', 'data', 'readable', 'end', 'drain', 'write', 'chunk', 'close', 'error']) {
  test(`destroy in '${event}' is final, and leaves no descriptor`, async () => {
    await between(async (_here, _there, server, path) => {
      const before = openDescriptors().length;
      const client = new usocket.USocket(path);
      const [there] = await once(server, 'connection') as [Socket];
      there.on('error', () => undefined);
      let happened = false;
      const finish = (told: unknown): void => {
        happened = true;
        client.destroy();
        // Those that a listener is told of are its own.
        if (event === 'fds') (told as number[]).forEach((fd) => closeSync(fd));
        for (const later of event === 'error' ? ['fds', 'data'] : ['fds', 'data', 'close', 'error']) client.on(later, () => assert.fail(later));
      };
      client.on('error', () => undefined);
      if (event === 'write') client.write('x', finish);
      else if (event === 'chunk') client.write({ data: Buffer.from('x'), callback: finish });
      else client.once(event, finish);
      if (event === 'drain') { for (let index = 0; index < 64; index += 1) client.write(Buffer.alloc(50_000)); }
      if (event === 'error') client.write(42 as unknown as string);
      for (let index = 0; index < 20; index += 1) there.write({ data: Buffer.from('x'), fds: [0, 0] });
      if (event === 'end' || event === 'close') there.end();
      if (event === 'close') client.end();
      if (event !== 'readable') client.resume();
      there.resume();
      await until(`'${event}' has happened`, () => happened);
      there.destroy();
      await until('all is closed', () => openDescriptors().length <= before);
    });
  });
}

test('descriptors of a socket that ended and was forgotten are closed', { skip: global.gc === undefined }, async () => {
  await between(async (_here, _there, server, path) => {
    const before = openDescriptors().length;
    await forgetOne(server, path);
    await until('they are closed', () => {
      global.gc?.();
      return openDescriptors().length === before;
    });
  });
});

async function forgetOne(server: usocket.UServer, path: string): Promise<void> {
  const client = new usocket.USocket(path);
  const [there] = await once(server, 'connection') as [Socket];
  there.end({ data: Buffer.from('x'), fds: [0, 0, 0] });
  client.end();
  there.resume();
  await Promise.all([told(there, 'close'), told(client, 'close')]);
}

test('a server that closes before it has told that it listens tells nothing', () => inDirectory(async (directory) => {
  const server = new usocket.UServer();
  server.on('listening', () => assert.fail('it listens'));
  server.listen(`${directory}/s`);
  server.close();
  await aWhile();
  server.removeAllListeners('listening');
  server.listen(`${directory}/s`);
  await once(server, 'listening');
  server.close();
}));

test('names that look like other addresses are paths', () => inDirectory(async (directory) => {
  const home = process.cwd();
  process.chdir(directory);
  try {
    for (const path of ['@abstract', 'fd:0', 'named:x', './plain']) {
      const server = new usocket.UServer();
      server.listen(path);
      await once(server, 'listening');
      const client = new usocket.USocket(path);
      await once(client, 'connected');
      client.destroy();
      server.close();
    }
  } finally {
    process.chdir(home);
  }
}));

test('without descriptors left, accepting pauses, and goes on', { timeout: 30_000 }, () => inDirectory(async (directory) => {
  const path = `${directory}/s`;
  const server = crampedPeer(join(__dirname, 'faces', 'full_table.js'), 'usocket', path);
  await server.listening;
  const client = new usocket.USocket(path);
  await once(client, 'connected');
  assert.equal(await server.ended, 'room connection\n');
  client.destroy();
}));
