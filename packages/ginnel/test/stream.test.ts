// Streams: what arrives, in which order, and what becomes of descriptors.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { Fd, Stream } from 'ginnel';

import { codeOf, failing, PACKAGE, story, turn, until } from './support/core';

/** Bytes until their end. */
async function all(stream: Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks);
}

/** A stream whose peer takes nothing: the next that is sent has to wait. */
function full(): [Stream, Stream, number] {
  const [a, b] = Stream.pair({ allowHalfOpen: true });
  const chunk = Buffer.alloc(1 << 20, 'f');
  a.write(chunk);
  return [a, b, chunk.length];
}

const inode = (fd: number): bigint => fstatSync(fd, { bigint: true }).ino;

story('what is written and sent arrives in order, each descriptor no later than its byte', async (directory) => {
  const [a, b] = Stream.pair();
  const files = Array.from({ length: 40 }, (_, index) => {
    const path = join(directory, String(index));
    writeFileSync(path, '');
    return openSync(path, 'r');
  });
  const arrived: { ino: bigint; at: number }[] = [];
  b.on('fds', (fds, at) => {
    assert.equal(at, b.bytesRead);
    for (const fd of fds) {
      arrived.push({ ino: inode(fd.number), at });
      fd.close();
    }
  });
  const received = all(b);
  const expected: Buffer[] = [];
  const sentAt: number[] = [];
  let bytes = 0;
  const sends: Promise<void>[] = [];
  files.forEach((file, index) => {
    const plain = Buffer.alloc(index * 700, index);
    const carrying = Buffer.alloc(1 + index * 90, index + 100);
    a.write(plain);
    sentAt.push(bytes + plain.length);
    sends.push(a.send(carrying, { fds: [file] }));
    expected.push(plain, carrying);
    bytes += plain.length + carrying.length;
  });
  await Promise.all(sends);
  a.end();
  assert.deepEqual(await received, Buffer.concat(expected));
  assert.deepEqual(arrived.map(({ ino }) => ino), files.map(inode));
  arrived.forEach(({ at }, index) => assert.ok(at <= (sentAt[index] ?? 0)));
  files.forEach(closeSync);
});

story('a write that finds no room says so, and "drain" comes when there is some', async () => {
  const [a, b] = Stream.pair();
  let written = 0;
  while (a.write(Buffer.alloc(64 << 10))) {
    written += 64 << 10;
    await turn();
  }
  written += 64 << 10;
  const drained = once(a, 'drain');
  let read = 0;
  b.on('data', (chunk: Buffer) => { read += chunk.length; });
  await drained;
  a.end();
  await once(b, 'end');
  assert.equal(read, written);
});

story('an awaited send is slowed down by a slow reader', async () => {
  const [a, b, length] = full();
  let sent = false;
  const sending = a.send('behind').then(() => { sent = true; });
  await turn();
  assert.equal(sent, false);
  a.end();
  assert.equal((await all(b)).length, length + 6);
  await sending;
  b.end();
});

story('each side ends for itself where it may stay half open', async () => {
  const [a, b] = Stream.pair({ allowHalfOpen: true });
  a.end('last of a');
  assert.equal((await all(b)).toString(), 'last of a');
  assert.equal(await failing(() => a.send('more')), 'ERR_GINNEL_CLOSED');
  b.end('last of b');
  assert.equal((await all(a)).toString(), 'last of b');
});

story('the end of one side ends the other unless told otherwise', async () => {
  const [a, b] = Stream.pair();
  b.resume();
  a.resume();
  const closed = Promise.all([once(a, 'close'), once(b, 'close')]);
  a.end('x');
  await closed;
  assert.deepEqual([a.fd, b.fd], [-1, -1]);
});

for (const event of ['data', 'fds', 'end', 'drain', 'finish', 'close', 'readable', 'error', 'pause', 'resume']) {
  story(`destroyed inside '${event}'`, async () => {
    const [a, b] = Stream.pair();
    const other = openSync('/dev/null', 'r');
    for (const stream of [a, b]) {
      let busy = false;
      stream.on(event, () => {
        if (busy) return;
        busy = true;
        stream.destroy();
        stream.destroy(new Error('once more'));
      });
      stream.on('error', () => {});
      if (event !== 'readable') stream.on('data', () => {});
    }
    if (event === 'pause') b.pause();
    const sent = [1, 2, 3].map((number) => b.send(Buffer.alloc(number * 40_000), { fds: [other, other] }).catch(codeOf));
    const more = [a, b].map((stream) => stream.send(Buffer.alloc(300_000), { fds: [other] }).catch(codeOf));
    if (event === 'error') a.destroy(new Error('of ours'));
    a.end();
    await Promise.all([...sent, ...more]);
    b.end();
    for (const stream of [a, b]) if (event === 'pause') stream.destroy();
    await until(() => a.closed && b.closed, () => `a ${a.closed} b ${b.closed}`);
    assert.equal(await failing(() => a.send('late', { fds: [other] })), 'ERR_GINNEL_CLOSED');
    closeSync(other);
  });
}

story('an aborted send: not begun it never goes, and its descriptors are closed', async () => {
  const [a, b, length] = full();
  const other = openSync('/dev/null', 'r');
  const early = AbortSignal.abort();
  assert.equal(await failing(() => a.send('never', { signal: early, fds: [other] })), '20');
  const stop = new AbortController();
  const given = a.send('given up', { signal: stop.signal, fds: [other] });
  const kept = a.send('kept', { signal: new AbortController().signal, fds: [other] });
  stop.abort(new Error('of mine'));
  await assert.rejects(given, /of mine/);
  closeSync(other);
  let fds = 0;
  b.on('fds', (arrived) => {
    fds += arrived.length;
    arrived.forEach((fd) => fd.close());
  });
  a.end();
  const received = await all(b);
  await kept;
  assert.equal(received.length, length + 4);
  assert.equal(received.subarray(-4).toString(), 'kept');
  assert.equal(fds, 1);
  b.end();
});

story('descriptors that wait to be sent outlive those they were given as', async (directory) => {
  const [a, b] = full();
  const path = join(directory, 'file');
  writeFileSync(path, 'kept alive');
  const file = openSync(path, 'r');
  const owned = Fd.duplicate(file);
  const sending = a.send('x', { fds: [file, owned] });
  closeSync(file);
  owned.close();
  const texts: string[] = [];
  b.on('fds', (fds) => fds.forEach((fd) => {
    texts.push(readFileSync(`/proc/self/fd/${fd.number}`, 'utf8'));
    fd.close();
  }));
  a.end();
  await all(b);
  await sending;
  assert.deepEqual(texts, ['kept alive', 'kept alive']);
  b.end();
});

story('a stream that ends with descriptors in its queue closes them', async () => {
  const [a, b] = full();
  const other = openSync('/dev/null', 'r');
  const sends = [1, 2, 3].map(() => failing(() => a.send('x', { fds: [other, other] })));
  a.destroy();
  assert.deepEqual(await Promise.all(sends), ['ERR_GINNEL_CLOSED', 'ERR_GINNEL_CLOSED', 'ERR_GINNEL_CLOSED']);
  b.destroy();
  closeSync(other);
});

story('a send that cannot be made costs nothing else', async () => {
  const [a, b] = full();
  const bad = failing(() => a.send('x', { fds: [19_999] }));
  assert.equal(await bad, 'EBADF');
  assert.equal(await failing(() => a.send('', { fds: [0] })), 'ERR_INVALID_ARG_TYPE');
  const many = Array.from({ length: 254 }, () => 0);
  const tooMany = failing(() => a.send('x', { fds: many }));
  const after = a.send('after');
  a.end();
  const received = await all(b);
  assert.equal(await tooMany, 'ERR_GINNEL_TOO_MANY_FDS');
  await after;
  assert.equal(received.subarray(-5).toString(), 'after');
  b.end();
});

story('descriptors that nobody listens for are closed', async () => {
  const [a, b] = Stream.pair();
  for (let count = 0; count < 100; count++) await a.send('x', { fds: [0, 1, 2] });
  a.end();
  assert.equal((await all(b)).length, 100);
});

story('more descriptors than one look takes', async () => {
  const [a, b] = Stream.pair();
  let fds = 0;
  b.on('fds', (arrived) => {
    fds += arrived.length;
    arrived.forEach((fd) => fd.close());
  });
  const many = Array.from({ length: 253 }, () => 0);
  const sends = Array.from({ length: 5 }, () => a.send('x', { fds: many }));
  const received = all(b);
  await Promise.all(sends);
  a.end();
  await received;
  assert.equal(fds, 5 * 253);
});

story('a paused reader is told of descriptors with the bytes it asks for', async () => {
  const [a, b] = Stream.pair({ highWaterMark: 100 });
  const events: string[] = [];
  b.on('fds', (fds, at, starts) => {
    events.push(`at ${at}: ${starts.join()}`);
    fds.forEach((fd) => fd.close());
  });
  for (let count = 0; count < 3; count++) await a.send(Buffer.alloc(60), { fds: [0] });
  b.on('readable', () => {});
  await until(() => b.readableLength >= 100);
  for (let count = 0; count < 2; count++) await a.send(Buffer.alloc(60), { fds: [0] });
  a.end();
  await turn();
  // What fills it keeps the rest with the kernel.
  assert.deepEqual(events, ['at 0: 0,60,120']);
  b.removeAllListeners('readable');
  assert.equal((await all(b)).length, 300);
  assert.deepEqual(events, ['at 0: 0,60,120', 'at 180: 0,60']);
});

story('detached only when nothing would be lost', async () => {
  const [a, b] = Stream.pair();
  const passed: string[] = [];
  b.on('fds', (fds) => {
    passed.push('fds');
    fds.forEach((fd) => fd.close());
    assert.throws(() => b.detach(), { code: 'ERR_GINNEL_BUSY' });
  });
  await a.send('one', { fds: [0] });
  const [first]: unknown[] = await once(b, 'data');
  assert.equal(String(first), 'one');
  await a.send('two', { fds: [0] });
  await until(() => passed.length === 2);
  await turn();
  b.pause();
  const fd = b.detach();
  assert.equal(b.fd, -1);
  await once(b, 'close');
  assert.equal(await failing(() => b.detach()), 'ERR_GINNEL_CLOSED');
  const again = Stream.adopt(fd);
  assert.equal(fd.closed, true);
  again.end('from the new one');
  assert.equal((await all(a)).toString(), 'from the new one');
});

story('what is adopted must be a connected local stream, and stays the caller\'s if not', async (directory) => {
  const path = join(directory, 'file');
  writeFileSync(path, '');
  const file = openSync(path, 'r');
  assert.throws(() => Stream.adopt(file), (error) => codeOf(error) === 'ERR_GINNEL_WRONG_SOCKET' || codeOf(error) === 'ENOTSOCK');
  fstatSync(file);
  closeSync(file);
  assert.equal(await failing(() => Stream.adopt(file)), 'EBADF');
});

const BLOCKING = `
  const { Stream } = require(process.argv[1]);
  const flags = () => require('node:fs').readFileSync('/proc/self/fdinfo/3', 'utf8').match(/flags:\\s*(\\d+)/)[1];
  const before = flags();
  const stream = Stream.adopt(3, { allowHalfOpen: true });
  let got = 0;
  stream.on('data', (chunk) => { got += chunk.length; });
  stream.on('end', () => stream.end(JSON.stringify({ before, after: flags(), got })));
`;

story('an inherited descriptor keeps its flags, and reads and writes do not block', async () => {
  // What it inherits is a socket in blocking mode.
  const child = spawn(process.execPath, ['-e', BLOCKING, PACKAGE], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'], timeout: 20_000 });
  const pipe = child.stdio[3];
  assert.ok(pipe instanceof Duplex);
  let told = '';
  pipe.on('data', (chunk: Buffer) => { told += chunk.toString(); });
  pipe.write(Buffer.alloc(300_000));
  pipe.end('x');
  await once(child, 'close');
  const { before, after, got }: { before: string; after: string; got: number } = JSON.parse(told);
  assert.equal(Number.parseInt(before, 8) & 0o4000, 0);
  assert.equal(after, before);
  assert.equal(got, 300_001);
});

story('it takes part in what Node\'s own streams do', async () => {
  const [a, b] = Stream.pair();
  b.setEncoding('utf8');
  a.write('ab');
  a.write(Buffer.from('cd'));
  a.end('ef', 'utf8');
  let text = '';
  for await (const chunk of b) text += String(chunk);
  assert.equal(text, 'abcdef');
  assert.equal(b.bytesRead, 6);
});

story('credentials, and closing as a disposable', async () => {
  const [a, b] = Stream.pair();
  assert.deepEqual(b.peerCredentials, { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  a.write('told before the end');
  const received = all(b);
  await a[Symbol.asyncDispose]();
  assert.equal((await received).toString(), 'told before the end');
  await b.close();
  await b.close();
  assert.throws(() => b.peerCredentials, { code: 'ERR_GINNEL_CLOSED' });
});
