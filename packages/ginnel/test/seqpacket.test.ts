// Packets in order: their bounds, their descriptors, their end.

import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Packet, SeqPacket } from 'ginnel';

import { elsewhere, failing, story, turn } from './support/core';

const inode = (fd: number): bigint => fstatSync(fd, { bigint: true }).ino;

/** What arrives until the end, and closes its descriptors. */
async function all(socket: SeqPacket): Promise<Buffer[]> {
  const packets: Buffer[] = [];
  for await (const { data, fds } of socket) {
    fds.forEach((fd) => fd.close());
    packets.push(data);
  }
  return packets;
}

/** Queues packets until one has to wait; what the kernel took, and what waits. */
function fill(socket: SeqPacket): number {
  let count = 0;
  while (socket.trySend(Buffer.alloc(1000, count))) count += 1;
  return count;
}

function destroy(...sockets: SeqPacket[]): void {
  sockets.forEach((socket) => socket.destroy());
}

story('packets of one tick keep their bounds, their order and their descriptors', async (directory) => {
  const [a, b] = SeqPacket.pair();
  const files = Array.from({ length: 30 }, (_, index) => {
    const path = join(directory, String(index));
    writeFileSync(path, '');
    return openSync(path, 'r');
  });
  const packets = Array.from({ length: 400 }, (_, index) => ({
    data: Buffer.alloc((index * 37) % 300, index),
    fds: index % 7 === 0 ? files.slice(index % 30, index % 30 + index % 4) : [],
  }));
  const sends = packets.map(({ data, fds }) => a.send(data, { fds }));
  for (const { data, fds } of packets) {
    const packet = await b.recv();
    assert.ok(packet !== null);
    assert.deepEqual(packet.data, data);
    assert.deepEqual(packet.fds.map((fd) => inode(fd.number)), fds.map(inode));
    packet.fds.forEach((fd) => fd.close());
  }
  await Promise.all(sends);
  files.forEach(closeSync);
  destroy(a, b);
});

story('empty packets are packets, and the end is the end', async () => {
  const [a, b] = SeqPacket.pair();
  await Promise.all(['', 'x', '', ''].map((text) => a.send(text)));
  await a.end();
  const texts = [];
  for await (const { data } of b) texts.push(data.toString());
  assert.deepEqual(texts, ['', 'x', '', '']);
  assert.equal(await b.recv(), null);
  assert.equal(await failing(() => a.send('late')), 'ERR_GINNEL_CLOSED');
  assert.equal(await failing(() => a.end()), 'ERR_GINNEL_CLOSED');
  await b.send('the other way');
  assert.equal((await a.recv())?.data.toString(), 'the other way');
  destroy(a, b);
});

story('thousands that are awaited together, to a reader that comes later', async () => {
  const [a, b] = SeqPacket.pair();
  const sends = Array.from({ length: 5000 }, (_, index) => a.send(Buffer.alloc(index % 200, index)));
  await turn();
  void Promise.all(sends).then(() => a.end());
  const packets = await all(b);
  assert.equal(packets.length, 5000);
  packets.forEach((data, index) => assert.deepEqual(data, Buffer.alloc(index % 200, index)));
  destroy(a, b);
});

story('one that is too large fails alone', async () => {
  const [a, b] = SeqPacket.pair();
  const huge = Buffer.alloc(8 << 20);
  assert.throws(() => a.trySend(huge), { code: 'EMSGSIZE' });
  const sends = [a.send('before'), failing(() => a.send(huge)), a.send('between'), failing(() => a.send(huge)), a.send('after')];
  assert.deepEqual(await Promise.all(sends), [undefined, 'EMSGSIZE', undefined, 'EMSGSIZE', undefined]);
  void a.end();
  assert.deepEqual((await all(b)).map(String), ['before', 'between', 'after']);
  destroy(a, b);
});

story('one that is larger than its room is lost, and said to be', async () => {
  const [a, b] = SeqPacket.pair({ largestPacket: 100 });
  const sizes = [50, 100, 101, 0, 5000, 100];
  for (const size of sizes) await a.send(Buffer.alloc(size, size), { fds: [0, 1] });
  const came: (number | string)[] = [];
  for (const _ of sizes) {
    const one = async (): Promise<void> => {
      const packet = await b.recv();
      assert.equal(packet?.fds.length, 2);
      packet.fds.forEach((fd) => fd.close());
      came.push(packet.data.length);
    };
    const code = await failing(one);
    if (code.startsWith('ERR')) came.push(code);
  }
  assert.deepEqual(came, [50, 100, 'ERR_GINNEL_PACKET_CUT', 0, 'ERR_GINNEL_PACKET_CUT', 100]);
  destroy(a, b);
});

story('a full queue: tried ones are refused, sent ones wait', async () => {
  const [a, b] = SeqPacket.pair();
  const before = fill(a);
  assert.ok(before > 10);
  assert.equal(a.trySend('x'), false);
  let sent = false;
  const waiting = a.send('waits').then(() => { sent = true; });
  await turn();
  assert.equal(sent, false);
  const ended = a.end();
  const packets = await all(b);
  await waiting;
  await ended;
  assert.equal(packets.length, before + 1);
  assert.equal(packets.at(-1)?.toString(), 'waits');
  destroy(a, b);
});

story('whoever sends too much without waiting is told', async () => {
  const [a, b] = SeqPacket.pair();
  const large = Buffer.alloc(100_000);
  const sends = Array.from({ length: 700 }, () => failing(() => a.send(large)));
  destroy(a);
  const codes = await Promise.all(sends);
  assert.ok(codes.includes('ERR_GINNEL_LIMIT'));
  assert.ok(codes.includes('ERR_GINNEL_CLOSED'));
  destroy(b);
});

story('an aborted recv gives up its place, an aborted send its packet', async () => {
  const [a, b] = SeqPacket.pair();
  const stops = Array.from({ length: 5 }, () => new AbortController());
  const places = stops.map(({ signal }) => b.recv({ signal }));
  stops[0]?.abort();
  stops[3]?.abort();
  for (const text of ['one', 'two', 'three']) await a.send(text);
  const came = await Promise.allSettled(places);
  assert.deepEqual(
    came.map((place) => (place.status === 'fulfilled' ? place.value?.data.toString() : (place.reason as Error).name)),
    ['AbortError', 'one', 'two', 'AbortError', 'three'],
  );
  await assert.rejects(b.recv({ signal: AbortSignal.abort() }), { name: 'AbortError' });

  const before = fill(a);
  const stop = new AbortController();
  const other = openSync('/dev/null', 'r');
  const given = [1, 2, 3].map(() => a.send('never', { fds: [other], signal: stop.signal }));
  const kept = a.send('kept', { fds: [other] });
  closeSync(other);
  stop.abort(new Error('of mine'));
  for (const one of given) await assert.rejects(one, /of mine/);
  const ended = a.end();
  const packets = await all(b);
  assert.equal(packets.length, before + 1);
  assert.equal(packets.at(-1)?.toString(), 'kept');
  await Promise.all([kept, ended]);
  destroy(a, b);
});

story('destroyed: who waits for a packet gets null, what waits to be sent fails, descriptors are closed', async () => {
  const [a, b] = SeqPacket.pair();
  const waiting = [a.recv(), a.recv()];
  fill(a);
  const sends = [1, 2, 3].map(() => failing(() => a.send('x', { fds: [0, 1] })));
  a.destroy();
  a.destroy();
  assert.deepEqual(await Promise.all(waiting), [null, null]);
  assert.deepEqual(await Promise.all(sends), ['ERR_GINNEL_CLOSED', 'ERR_GINNEL_CLOSED', 'ERR_GINNEL_CLOSED']);
  assert.deepEqual([a.closed, a.fd, await a.recv()], [true, -1, null]);
  assert.equal(await failing(() => a.detach()), 'ERR_GINNEL_CLOSED');
  assert.throws(() => a.trySend('x'), { code: 'ERR_GINNEL_CLOSED' });
  assert.throws(() => a.peerCredentials, { code: 'ERR_GINNEL_CLOSED' });
  destroy(b);
});

story('packets that were taken in and never asked for: their descriptors are closed', async () => {
  const [a, b] = SeqPacket.pair();
  for (let count = 0; count < 20; count++) await a.send('x', { fds: [0, 1] });
  (await b.recv())?.fds.forEach((fd) => fd.close());
  destroy(a, b);
});

story('closing waits for what is queued, whoever else waits for its end', async () => {
  const [a, b] = SeqPacket.pair();
  const before = fill(a);
  const last = a.send('last');
  const ended = a.end();
  const closed = Promise.all([a.close(), a.close()]);
  const packets = await all(b);
  await Promise.all([last, ended, closed]);
  assert.equal(packets.length, before + 1);
  assert.equal(a.closed, true);
  await b[Symbol.asyncDispose]();
});

story('the other side is gone: sending fails, and its last packets can be read', async () => {
  const [a, b] = SeqPacket.pair();
  await b.send('last words');
  b.destroy();
  assert.equal(await failing(() => a.send('x')), 'EPIPE');
  assert.equal((await a.recv())?.data.toString(), 'last words');
  assert.equal(await a.recv(), null);
  destroy(a);
});

story('over an address: accepted, detached and adopted', async (directory) => {
  const path = join(directory, 'socket');
  const listener = SeqPacket.listen(path);
  const a = await SeqPacket.connect(path);
  const b = await listener.accept();
  assert.ok(b !== null);
  await a.send('before');
  const c = SeqPacket.adopt(b.detach());
  assert.deepEqual([b.closed, (await c.recv())?.data.toString()], [true, 'before']);
  assert.equal(c.peerCredentials.pid, process.pid);
  listener.close();
  assert.equal(await failing(() => SeqPacket.connect(path)), 'ENOENT');
  destroy(a, c);
});

story('two thousand packets with a descriptor each, to a reader that starts late', async () => {
  const [a, b] = SeqPacket.pair();
  const other = openSync('/dev/null', 'r');
  const sends = Array.from({ length: 2000 }, () => a.send(Buffer.alloc(64), { fds: [other] }));
  await new Promise((resolve) => setTimeout(resolve, 200));
  let fds = 0;
  for (let packet: Packet | null = null; fds < 2000; fds += packet.fds.length) {
    packet = await b.recv();
    assert.ok(packet !== null);
    packet.fds.forEach((fd) => fd.close());
  }
  await Promise.all(sends);
  closeSync(other);
  destroy(a, b);
});

const LOST = `
  const { Datagram, SeqPacket } = require(process.argv[1]);
  (async () => {
    const told = [];
    for (const [a, b] of [SeqPacket.pair(), Datagram.pair()]) {
      await a.send('first');
      await a.send('second', { fds: new Array(48).fill(0) });
      told.push((await b.recv()).data.toString());
      told.push(await b.recv().then(() => 'arrived', (error) => error.code));
      a.destroy();
      b.destroy();
    }
    console.log(told.join(' '));
  })();
`;

story('what goes wrong behind a packet is told though nothing more comes', async () => {
  const lost = 'first ERR_GINNEL_FDS_LOST';
  assert.equal(await elsewhere(LOST, 'ulimit -n 60'), `${lost} ${lost}`);
});
