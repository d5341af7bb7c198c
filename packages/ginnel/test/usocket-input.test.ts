// Whatever callers give: an error with words, or nothing; never the end of the process.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';

import * as usocket from 'ginnel/usocket';

import { attempt, inside, STRANGE, taken } from './faces/strange';
import { aWhile, inDirectory, Story } from './faces/support';
import { connected } from './faces/usocket_tales';


test('strange arguments of every method', { timeout: 60_000 }, () => inside(async (directory) => {
  const path = `${directory}/s`;
  const { server, here, there } = await connected({ story: new Story(), usocket, directory });
  server.on('connection', (accepted: usocket.USocket) => accepted.destroy());
  for (const value of STRANGE) {
    const given = value as never;
    attempt(() => new usocket.USocket(given).on('error', () => undefined).destroy());
    attempt(() => new usocket.USocket({ path: given }).on('error', () => undefined).destroy());
    if (typeof value !== 'number' || value > 1e9) attempt(() => new usocket.USocket({ fd: given }).on('error', () => undefined).destroy());
    for (const path of [given, `${directory}/t`]) {
      const other = new usocket.UServer();
      other.on('error', () => undefined);
      attempt(() => other.listen(path, given, given));
      other.close();
    }
    const socket = new usocket.USocket(path);
    socket.on('error', () => undefined);
    await once(socket, 'connected');
    attempt(() => socket.read(given, given));
    attempt(() => socket.unshift(given, given));
    attempt(() => socket.write(given, given, given));
    attempt(() => socket.connect(given, given));
    attempt(() => socket.end(given, given, given));
    attempt(() => socket.destroy(given));
    socket.destroy();
  }
  await aWhile();
  for (const socket of [here, there]) socket.destroy();
  server.close();
}));

test('counts that are none', () => inDirectory(async (directory) => {
  const { server, here, there } = await connected({ story: new Story(), usocket, directory });
  assert.throws(() => here.read(1, -1), RangeError);
  assert.throws(() => here.read(1, 0.5), RangeError);
  assert.throws(() => here.read(1, '1' as unknown as number), TypeError);
  for (const socket of [here, there]) socket.destroy();
  server.close();
}));

test('bytes that were transferred', () => inDirectory(async (directory) => {
  const { server, here, there } = await connected({ story: new Story(), usocket, directory });
  here.on('error', () => undefined);
  here.write(Buffer.alloc(1 << 20));
  const queued = new Uint8Array(1000).fill(7);
  const told = new Promise((resolve) => here.write(queued, resolve));
  taken(queued);
  there.resume();
  assert.match(String(await told), /transferred/);
  const again = new usocket.USocket(`${directory}/s`);
  again.on('error', () => undefined);
  assert.match(String(await new Promise((resolve) => again.write({ data: taken(new Uint8Array(10)) }, resolve))), /transferred/);
  for (const socket of [here, there, again]) socket.destroy();
  server.close();
}));

test('shared memory is sent as it is at the moment of the write', () => inDirectory(async (directory) => {
  const { server, here, there } = await connected({ story: new Story(), usocket, directory });
  here.write(Buffer.alloc(1 << 20));
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  shared.set([1, 2, 3]);
  here.write(shared);
  shared.fill(9);
  here.end();
  const all = Buffer.concat(await there.toArray() as Buffer[]);
  assert.deepEqual([...all.subarray(1 << 20)], [1, 2, 3]);
  here.destroy();
  there.destroy();
  server.close();
}));

test('descriptors that are no connected local streams', () => inDirectory(async (directory) => {
  const { server, here, there } = await connected({ story: new Story(), usocket, directory });
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { _handle } = other as unknown as { _handle: { fd: number } };
  for (const fd of [1_000_000, server.fd, _handle.fd]) {
    const socket = new usocket.USocket();
    const error = once(socket, 'error').catch((reason: unknown) => [reason]) as Promise<[NodeJS.ErrnoException]>;
    socket.on('error', () => undefined);
    socket.connect({ fd: fd ?? -1 });
    assert.match(String((await error)[0].code), /EBADF|ERR_GINNEL_WRONG/);
  }
  assert.ok(other.listening, 'what was refused stays the caller\'s');
  other.close();
  for (const socket of [here, there]) socket.destroy();
  server.close();
}));
