// Datagrams: names, and destinations that read at their own pace.

import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Datagram } from 'ginnel';

import { elsewhere, failing, story, turn } from './support/core';

/** Sends until its reader has to be waited for. */
function fill(socket: Datagram, to?: string): number {
  let count = 0;
  while (socket.trySend(Buffer.alloc(10, count), to === undefined ? {} : { to })) count += 1;
  return count;
}

function destroy(...sockets: Datagram[]): void {
  sockets.forEach((socket) => socket.destroy());
}

story('a destination that does not read keeps nobody else waiting', async (directory) => {
  const [slow, quick] = [join(directory, 'slow'), join(directory, 'quick')];
  const [at, beside, sender] = [Datagram.bind(slow), Datagram.bind(quick), Datagram.bind()];
  const before = fill(sender, slow);
  const waiting = Array.from({ length: 30 }, (_, index) => sender.send(`waits ${index}`, { to: slow }));
  assert.equal(sender.trySend('x', { to: slow }), false);
  for (let count = 0; count < 30; count++) {
    await sender.send(`passes ${count}`, { to: quick });
    assert.equal((await beside.recv())?.data.toString(), `passes ${count}`);
  }
  for (let count = 0; count < before; count++) assert.equal((await at.recv())?.data.length, 10);
  for (let count = 0; count < 30; count++) assert.equal((await at.recv())?.data.toString(), `waits ${count}`);
  await Promise.all(waiting);
  destroy(at, beside, sender);
});

story('one of a pair waits for the other', async () => {
  const [a, b] = Datagram.pair();
  const before = fill(a);
  const waiting = Array.from({ length: 100 }, (_, index) => a.send(`waits ${index}`, { fds: [0] }));
  const closed = a.close();
  for (let count = 0; count < before; count++) assert.equal((await b.recv())?.data.length, 10);
  for (let count = 0; count < 100; count++) {
    const packet = await b.recv();
    assert.equal(packet?.data.toString(), `waits ${count}`);
    assert.equal(packet.fds.length, 1);
    packet.fds.forEach((fd) => fd.close());
  }
  await Promise.all([...waiting, closed]);
  assert.equal(await failing(() => b.send('x')), 'ECONNREFUSED');
  destroy(b);
});

story('who has sent it is told, if that has a name', async (directory) => {
  const path = join(directory, 'here');
  const [here, there, nowhere] = [Datagram.bind(path, { mode: 0o620 }), Datagram.bind(join(directory, 'there')), Datagram.bind()];
  assert.equal(statSync(path).mode & 0o777, 0o620);
  const sends = [there, nowhere, there].map((sender, index) => sender.send(String(index), { to: path }));
  await Promise.all(sends);
  const came = [];
  for (let count = 0; count < 3; count++) came.push(await here.recv());
  assert.deepEqual(
    came.map((packet) => [packet?.data.toString(), packet?.from]),
    [['0', join(directory, 'there')], ['1', null], ['2', join(directory, 'there')]],
  );
  await here.send('back', { to: String(came[0]?.from) });
  assert.equal((await there.recv())?.from, path);
  destroy(here, there, nowhere);
  assert.equal(existsSync(path), false);
});

const DYING = `
  require(process.argv[1]).Datagram.bind(process.env.AT);
  process.kill(process.pid, 'SIGKILL');
`;

story('a live name is not taken, a dead one is, and other files are left alone', async (directory) => {
  const path = join(directory, 'name');
  await assert.rejects(elsewhere(DYING, `AT='${path}'; export AT`), /SIGKILL/);
  assert.equal(existsSync(path), true);
  const nobody = Datagram.bind();
  assert.equal(await failing(() => nobody.send('x', { to: path })), 'ECONNREFUSED');
  const first = Datagram.bind(path);
  assert.throws(() => Datagram.bind(path), { code: 'EADDRINUSE' });
  await nobody.send('still here', { to: path });
  assert.equal((await first.recv())?.data.toString(), 'still here');
  destroy(first);
  assert.equal(await failing(() => nobody.send('x', { to: path })), 'ENOENT');
  writeFileSync(path, 'a file');
  assert.throws(() => Datagram.bind(path), { code: 'ERR_GINNEL_NOT_A_SOCKET' });
  assert.equal(statSync(path).size, 6);
  destroy(nobody);
});

story('a destination that goes away fails what waits for it, and nothing else', async (directory) => {
  const path = join(directory, 'leaving');
  const [leaving, staying, sender] = [Datagram.bind(path), Datagram.bind(join(directory, 'staying')), Datagram.bind()];
  fill(sender, path);
  const waiting = [1, 2].map(() => failing(() => sender.send('x', { to: path, fds: [0] })));
  await turn();
  destroy(leaving);
  assert.deepEqual(await Promise.all(waiting), ['ENOENT', 'ENOENT']);
  await sender.send('y', { to: join(directory, 'staying') });
  assert.equal((await staying.recv())?.data.toString(), 'y');
  destroy(staying, sender);
});

story('aborted: places and packets are given up', async () => {
  const [a, b] = Datagram.pair();
  const stop = new AbortController();
  const place = b.recv({ signal: stop.signal });
  const other = openSync('/dev/null', 'r');
  stop.abort();
  await assert.rejects(place, { name: 'AbortError' });
  await assert.rejects(a.send('x', { signal: stop.signal }), { name: 'AbortError' });
  const before = fill(a);
  const later = new AbortController();
  const given = a.send('never', { signal: later.signal, fds: [other] });
  const kept = a.send('kept');
  closeSync(other);
  later.abort();
  await assert.rejects(given, { name: 'AbortError' });
  for (let count = 0; count < before; count++) await b.recv();
  assert.equal((await b.recv())?.data.toString(), 'kept');
  await kept;
  destroy(a, b);
});

story('empty ones, too large ones, cut ones', async () => {
  const [a, b] = Datagram.pair({ largestPacket: 10 });
  await a.send('');
  assert.equal((await b.recv())?.data.length, 0);
  assert.equal(await failing(() => a.send(Buffer.alloc(8 << 20))), 'EMSGSIZE');
  for (const size of [10, 11, 3]) await a.send(Buffer.alloc(size), { fds: [0] });
  const first = await b.recv();
  first?.fds.forEach((fd) => fd.close());
  assert.equal(first?.data.length, 10);
  assert.equal(await failing(() => b.recv()), 'ERR_GINNEL_PACKET_CUT');
  const last = await b.recv();
  last?.fds.forEach((fd) => fd.close());
  assert.equal(last?.data.length, 3);
  destroy(a, b);
});

story('one that is not connected and is told no name', async () => {
  const socket = Datagram.bind();
  assert.ok(['ENOTCONN', 'EDESTADDRREQ'].includes(await failing(() => socket.send('x'))));
  const waiting = socket.recv();
  destroy(socket);
  assert.equal(await waiting, null);
  assert.throws(() => socket.trySend('x'), { code: 'ERR_GINNEL_CLOSED' });
  assert.equal(await failing(() => socket.detach()), 'ERR_GINNEL_CLOSED');
});

story('detached and adopted', async () => {
  const [a, b] = Datagram.pair();
  const again = Datagram.adopt(a.detach());
  await b.send('x');
  assert.equal((await again.recv())?.data.toString(), 'x');
  await b.send('y');
  for await (const { data } of again) {
    assert.equal(data.toString(), 'y');
    break;
  }
  destroy(again, b);
});
