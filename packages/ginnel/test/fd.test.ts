// Descriptors that have come: owned by somebody, or closed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Datagram, Fd, SeqPacket, Stream } from 'ginnel';

import { collect, failing, openFds, PACKAGE, story, turn, until } from './support/core';

/** Descriptors that came over a stream. */
async function received(count: number, each = 1): Promise<Fd[]> {
  const [a, b] = Stream.pair();
  const fds: Fd[] = [];
  b.on('fds', (arrived) => fds.push(...arrived));
  b.resume();
  const other = openSync('/dev/null', 'r');
  for (let sent = 0; sent < count; sent += each) {
    await a.send('x', { fds: Array.from({ length: each }, () => other) });
  }
  await until(() => fds.length === count, () => `${fds.length} of ${count}`);
  closeSync(other);
  a.destroy();
  b.destroy();
  return fds;
}

/** Until what nobody reaches has been closed. */
async function collected(before: number): Promise<void> {
  for (let turns = 0; turns < 200 && openFds() > before; turns++) {
    collect();
    await turn();
  }
}

story('ten thousand descriptors received and dropped: as many are open as before', async () => {
  const before = openFds();
  for (let round = 0; round < 20; round++) {
    await received(500, round % 2 === 0 ? 1 : 5);
    await collected(before);
    assert.equal(openFds(), before);
  }
});

story('packets and datagrams that are dropped, too', async () => {
  const before = openFds();
  const other = openSync('/dev/null', 'r');
  const [a, b] = SeqPacket.pair();
  const [c, d] = Datagram.pair();
  for (let count = 0; count < 300; count++) {
    await Promise.all([a.send('x', { fds: [other, other] }), c.send('y', { fds: [other] })]);
    assert.equal((await b.recv())?.fds.length, 2);
    assert.equal((await d.recv())?.fds.length, 1);
  }
  [a, b, c, d].forEach((socket) => socket.destroy());
  closeSync(other);
  await collected(before);
  assert.equal(openFds(), before);
});

story('closed once: a number that is used again stays open', async (directory) => {
  const before = openFds();
  let fds = await received(40);
  const numbers = new Set(fds.map((fd) => fd.number));
  fds.forEach((fd) => {
    fd.close();
    assert.deepEqual([fd.number, fd.closed, fd.take()], [-1, true, -1]);
    fd.close();
    fd[Symbol.dispose]();
  });
  assert.equal(openFds(), before);
  const files = Array.from({ length: 40 }, (_, index) => openSync(join(directory, String(index)), 'w'));
  assert.ok(files.filter((file) => numbers.has(file)).length > 20);
  fds = [];
  for (let turns = 0; turns < 10; turns++) {
    collect();
    await turn();
  }
  files.forEach((file) => {
    writeSync(file, 'still open');
    closeSync(file);
  });
});

story('taken ones stay open when their object and those beside it are collected', async () => {
  const before = openFds();
  const numbers = (await received(40)).flatMap((fd, index) => (index % 3 === 0 ? [fd.take()] : []));
  await collected(before + numbers.length);
  assert.equal(openFds(), before + numbers.length);
  numbers.forEach(closeSync);
});

story('closing while others are being collected', async () => {
  const before = openFds();
  const keepSome = async (round: number): Promise<void> => {
    const fds = await received(64);
    const kept = fds.filter((_, index) => index % 7 === round % 7);
    fds.length = 0;
    collect();
    kept.forEach((fd) => fd.close());
  };
  for (let round = 0; round < 30; round++) await keepSome(round);
  await collected(before);
  assert.equal(openFds(), before);
});

story('adopted, duplicated and handed over', async (directory) => {
  const path = join(directory, 'file');
  writeFileSync(path, '');
  const fd = Fd.adopt(openSync(path, 'r'));
  const second = Fd.duplicate(fd.number);
  assert.equal(fstatSync(second.number).ino, fstatSync(fd.number).ino);
  fd.close();
  fstatSync(second.number);
  const number = second.take();
  assert.equal(second.closed, true);
  const third = Fd.adopt(number);
  third.close();
  assert.equal(await failing(() => Fd.adopt(number)), 'EBADF');
  assert.equal(await failing(() => Fd.duplicate(number)), 'EBADF');
  const [a, b] = Stream.pair();
  const detached = a.detach();
  const owner = Stream.adopt(detached);
  assert.equal(detached.closed, true);
  owner.destroy();
  b.destroy();
});

const RECEIVER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { Stream, SeqPacket } = require(workerData.package);
  const stream = Stream.adopt(workerData.stream);
  const packets = SeqPacket.adopt(workerData.packets);
  globalThis.kept = [];
  let count = 0;
  const arrived = (fds) => {
    kept.push(...fds.filter((_, index) => index % 2 === 0));
    count += fds.length;
    if (count === 600) parentPort.postMessage('all');
  };
  stream.on('fds', arrived);
  stream.resume();
  (async () => { for await (const { fds } of packets) arrived(fds); })();
`;

story('a worker that is terminated leaves none open', async () => {
  const other = openSync('/dev/null', 'r');
  let before = -1;
  for (let round = 0; round < 3; round++) {
    const [a, b] = Stream.pair();
    const [c, d] = SeqPacket.pair();
    const workerData = { package: PACKAGE, stream: b.detach().take(), packets: d.detach().take() };
    const worker = new Worker(RECEIVER, { eval: true, workerData });
    const told = once(worker, 'message');
    for (let count = 0; count < 100; count++) {
      await a.send('x', { fds: [other, other, other] });
      await c.send('x', { fds: [other, other, other] });
    }
    await told;
    // More are on their way while it ends.
    for (let count = 0; count < 20; count++) void a.send('x', { fds: [other, other] }).catch(() => {});
    await worker.terminate();
    a.on('error', () => {});
    a.destroy();
    c.destroy();
    // The first one has opened what stays for the next.
    if (before === -1) before = openFds();
    await until(() => openFds() <= before, () => `${openFds()} are open, and ${before} were`);
  }
  closeSync(other);
});
