// Where usocket is wrong, the face is right: a test for each defect that COMPAT lists, by its number, and their like.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import * as usocket from 'ginnel/usocket';

import { aWhile, inDirectory, isCloseOnExec, openDescriptors, Story, testBetween, told, until } from './faces/support';
import { connected } from './faces/usocket_tales';

type Socket = usocket.USocket;
type Ends = Awaited<ReturnType<typeof connected>> & { directory: string };

function between(name: string, action: (ends: Ends) => Promise<void>): void {
  testBetween(name, (directory) => connected({ story: new Story(), usocket, directory }), action);
}

between('D1: every descriptor arrives, however late they are read', async ({ here, there }) => {
  let [sent, fds, bytes] = [0, 0, 0];
  for (let index = 0; index < 2000; index += 1) {
    here.write({ data: Buffer.alloc(1000), fds: [0], callback: () => { sent += 1; } });
  }
  await pause(200);
  there.on('fds', (came: number[]) => { fds += came.length; came.forEach((fd) => closeSync(fd)); });
  there.on('data', (data: Buffer) => { bytes += data.length; });
  await until('all is there', () => bytes === 2_000_000);
  assert.deepEqual([sent, fds], [2000, 2000]);
});

between('D2: descriptors that are written alone go with the next byte', async ({ here, there }) => {
  const story = new Story();
  here.write([0, 1], () => story.add('two'));
  here.write({ fds: [2], callback: () => story.add('one more') });
  await aWhile();
  assert.deepEqual(story.lines, [], 'nothing was sent yet');
  here.write('x', () => story.add('x'));
  await once(there, 'readable');
  const read = there.read(1, 3);
  assert.equal(read?.fds.length, 3);
  read?.fds.forEach((fd) => closeSync(fd));
  await until('the callbacks are called', () => story.lines.length === 3);
  assert.deepEqual(story.lines, ['one more', 'two', 'x']);
});

between('D2: descriptors that no byte follows are an error', async ({ here, there }) => {
  const error = told(here, 'error');
  const told1 = new Promise((resolve) => here.write([0], resolve));
  here.end('');
  assert.match(String(await told1), /travel with a byte/);
  assert.match(String((await error)[0]), /travel with a byte/);
  there.resume();
  await once(there, 'end');
});

between('D3: end() sends everything first', async ({ here, there }) => {
  let bytes = 0;
  const written = new Promise((resolve) => here.write(Buffer.alloc(4 << 20), resolve));
  here.end(Buffer.from('the end'));
  there.on('data', (data: Buffer) => { bytes += data.length; });
  await once(there, 'end');
  assert.equal(bytes, (4 << 20) + 7);
  assert.equal(await written, null);
  assert.ok(here.writableFinished);
});

between('D4: descriptors that are put back are read again, in their order', async ({ here, there }) => {
  here.write({ data: Buffer.from('abc'), fds: [0, 1, 2] });
  await once(there, 'readable');
  const read = there.read(3, 2);
  assert.ok(read !== null);
  there.unshift(read.data, read.fds);
  assert.deepEqual(read.fds.length, 2, 'the array is the caller\'s');
  const again = there.read(3, null);
  assert.deepEqual(again?.fds.slice(0, 2), read.fds);
  assert.equal(again?.fds.length, 3);
  assert.equal(String(again?.data), 'abc');
  again?.fds.forEach((fd) => closeSync(fd));
  assert.throws(() => there.unshift(null, ['x' as unknown as number]), TypeError);
  const stays = openSync('/dev/null', 'r');
  assert.throws(() => there.unshift(null, [stays, 1_000_000]), { code: 'EBADF' });
  there.destroy();
  closeSync(stays);
});

const WRONG: readonly [string, unknown, RegExp][] = [
  ['no array', { data: Buffer.from('x'), fds: 7 }, /fds needs to be an array/],
  ['no data', { data: 'x' }, /data needs to be a buffer/],
  ['nothing open', { data: Buffer.from('x'), fds: [100_000] }, /EBADF/],
  ['no descriptors', { data: Buffer.from('x'), fds: ['a', {}] }, /array of descriptors/],
  ['negative', { data: Buffer.from('x'), fds: [-1] }, /-1/],
  ['too many', { data: Buffer.from('x'), fds: new Array<number>(254).fill(0) }, /254 descriptors/],
  ['a getter that throws', { get data(): never { throw new Error('mine'); } }, /mine/],
];

for (const [name, input, words] of WRONG) {
  between(`D5: a write that fails is an error, and closes: ${name}`, async ({ here }) => {
    const story = new Story();
    here.on('error', (error: Error) => story.add('error', words.test(error.message)));
    here.on('close', (error: Error) => story.add('close', words.test(error.message)));
    here.write(input as Buffer, (error?: Error | null) => story.add('callback', words.test(error?.message ?? '')));
    here.write('behind', (error?: Error | null) => story.add('behind', error instanceof Error));
    await told(here, 'close');
    await aWhile();
    assert.deepEqual(story.lines, ['callback true', 'behind true', 'error true', 'close true']);
    const late = await new Promise((resolve) => here.write('late', resolve));
    assert.ok(late instanceof Error);
  });
}

between('D5: the other side is gone', async ({ here, there }) => {
  there.destroy();
  here.on('error', () => undefined);
  const error = new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => here.write('x', resolve));
  const [closed] = await told(here, 'close');
  assert.equal((await error)?.code, 'EPIPE');
  assert.equal(closed, await error);
});

between('D6: as many descriptors as a message carries', async ({ here, there }) => {
  here.write({ data: Buffer.from('x'), fds: new Array<number>(253).fill(0) });
  const [fds] = await once(there.resume(), 'fds') as [number[]];
  assert.equal(fds.length, 253);
  fds.forEach((fd) => closeSync(fd));
});

between('D7: descriptors that nobody reads are closed, and everything is close-on-exec', async ({ server, here, there }) => {
  const before = openDescriptors().length;
  for (let index = 0; index < 10; index += 1) here.write({ data: Buffer.from('x'), fds: [0] });
  there.resume();
  await until('they are there', () => openDescriptors().length === before + 10);
  const one = there.read(0, 1)?.fds[0] ?? -1;
  assert.ok([one, server.fd ?? -1, here.fd ?? -1, there.fd ?? -1].every(isCloseOnExec));
  there.destroy();
  assert.equal(openDescriptors().length, before + 1 - 1, 'the socket is gone too, and the one that was read is ours');
  closeSync(one);
});

between('D7: descriptors that a listener was told of are its own', async ({ here, there }) => {
  const mine: number[] = [];
  there.on('fds', (fds: number[]) => mine.push(...fds));
  there.resume();
  here.write({ data: Buffer.from('x'), fds: [0] });
  await until('it is there', () => mine.length === 1);
  there.destroy();
  mine.forEach((fd) => { fstatSync(fd); closeSync(fd); });
});

between('D8: a live server keeps its path', async ({ server, directory }) => {
  const other = new usocket.UServer();
  const refused = told(other, 'error');
  other.listen(`${directory}/s`);
  assert.equal(((await refused)[0] as NodeJS.ErrnoException).code, 'EADDRINUSE');
  const client = new usocket.USocket(`${directory}/s`);
  await once(server, 'connection');
  client.destroy();
  server.close();
  other.listen(`${directory}/s`);
  await once(other, 'listening');
  other.close();
  assert.ok(existsSync(`${directory}/s`));
});

test('D8: a file that is no socket is left alone', () => inDirectory(async (directory) => {
  writeFileSync(`${directory}/precious.txt`, 'precious');
  const server = new usocket.UServer();
  const refused = told(server, 'error');
  server.listen(`${directory}/precious.txt`);
  assert.equal(((await refused)[0] as NodeJS.ErrnoException).code, 'ERR_GINNEL_NOT_A_SOCKET');
  assert.equal(readFileSync(`${directory}/precious.txt`, 'utf8'), 'precious');
}));

between('D9: what was not read when both sides had ended can still be read', async ({ here, there }) => {
  const closed = told(there, 'close');
  here.end({ data: Buffer.from('0123456789'), fds: [0] });
  there.end();
  await closed;
  assert.equal(there.readableLength, 10);
  const read = there.read(4, 1);
  assert.equal(String(read?.data), '0123');
  closeSync(read?.fds[0] ?? -1);
  const [rest, end] = [once(there, 'data'), once(there, 'end')];
  there.resume();
  assert.equal(String((await rest)[0]), '456789');
  await end;
});

between('D9: who reads slowly gets all, and then the events', async ({ here, there }) => {
  const parts: string[] = [];
  there.end();
  here.resume();
  here.write('first ');
  here.end('second');
  for await (const part of there) {
    parts.push(String(part));
    await aWhile();
  }
  assert.equal(parts.join(''), 'first second');
});

test('D10: listen with options calls its callback', () => inDirectory(async (directory) => {
  const server = new usocket.UServer();
  await new Promise<void>((resolve) => server.listen({ path: `${directory}/s`, backlog: 1 }, resolve));
  server.close();
}));

between('D11: allowHalfOpen is an option, and the others stay', async ({ server, directory }) => {
  const path = `${directory}/s`;
  const client = new usocket.USocket({ path, allowHalfOpen: false });
  const [there] = await once(server, 'connection') as [Socket];
  assert.equal(client.writableObjectMode, true);
  assert.equal(client.allowHalfOpen, false);
  client.resume();
  there.resume();
  there.end();
  await Promise.all([told(client, 'close'), told(there, 'close')]);
  assert.equal(new usocket.USocket().allowHalfOpen, true);
});
