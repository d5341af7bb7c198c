// Names that others connect to: whose they are, and what becomes of their files.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { type Listener, SeqPacket, Stream } from 'ginnel';

import { elsewhere, failing, story, turn } from './support/core';

/** Who connects is talked to by who has accepted. */
async function answers(listener: Listener<Stream>, path: string): Promise<void> {
  const accepting = listener.accept();
  const client = await Stream.connect(path);
  const accepted = await accepting;
  assert.ok(accepted !== null);
  accepted.end('hello');
  const [data]: unknown[] = await once(client, 'data');
  assert.equal(String(data), 'hello');
  client.destroy();
  accepted.destroy();
}

story('a live one is not displaced', async (directory) => {
  const path = join(directory, 'socket');
  const listener = Stream.listen(path);
  assert.equal(listener.address, path);
  assert.throws(() => Stream.listen(path), { code: 'EADDRINUSE', syscall: 'listen', path, errno: -98 });
  assert.throws(() => SeqPacket.listen(path), { code: 'EADDRINUSE' });
  await answers(listener, path);
  listener.close();
  assert.equal(existsSync(path), false);
  const again = Stream.listen(path);
  await answers(again, path);
  again.close();
});

story('a live one of somebody else\'s is not displaced either', async (directory) => {
  const path = join(directory, 'socket');
  const server = net.createServer((socket) => {
    // Who looks whether somebody listens here does not wait for an answer.
    socket.on('error', () => {});
    socket.end('of Node\'s');
  }).listen(path);
  await once(server, 'listening');
  assert.throws(() => Stream.listen(path), { code: 'EADDRINUSE' });
  const client = await Stream.connect(path);
  const [data]: unknown[] = await once(client, 'data');
  assert.equal(String(data), 'of Node\'s');
  client.destroy();
  server.close();
  await once(server, 'close');
});

const DYING = `
  require(process.argv[1]).Stream.listen(process.env.AT);
  process.kill(process.pid, 'SIGKILL');
`;

story('what a dead one has left is replaced', async (directory) => {
  const path = join(directory, 'socket');
  await assert.rejects(elsewhere(DYING, `AT='${path}'; export AT`), /SIGKILL/);
  assert.equal(existsSync(path), true);
  assert.equal(await failing(() => Stream.connect(path)), 'ECONNREFUSED');
  const listener = Stream.listen(path);
  await answers(listener, path);
  listener.close();
});

story('other files are left alone', async (directory) => {
  const [file, folder, link] = ['file', 'folder', 'link'].map((name) => join(directory, name)) as [string, string, string];
  writeFileSync(file, 'mine');
  mkdirSync(folder);
  symlinkSync(file, link);
  for (const path of [file, folder, link]) {
    assert.throws(() => Stream.listen(path), { code: 'ERR_GINNEL_NOT_A_SOCKET', path });
  }
  assert.equal(readFileSync(file, 'utf8'), 'mine');
  assert.equal(readFileSync(link, 'utf8'), 'mine');
  assert.equal(await failing(() => Stream.listen(join(directory, 'no', 'such', 'folder'))), 'ENOENT');
  for (const path of ['', 'with\0zero', join(directory, 'x'.repeat(300))]) {
    assert.ok(['ERR_GINNEL_ADDRESS', 'ENAMETOOLONG'].includes(await failing(() => Stream.listen(path))), path);
  }
});

story('a path that is too long for the kernel', async (directory) => {
  const path = join(directory, 'x'.repeat(200));
  const listener = Stream.listen(path);
  await answers(listener, path);
  listener.close();
  assert.equal(existsSync(path), false);
});

story('it removes its own file only', async (directory) => {
  const [path, aside] = [join(directory, 'socket'), join(directory, 'aside')];
  const listener = Stream.listen(path);
  renameSync(path, aside);
  writeFileSync(path, 'of somebody else');
  listener.close();
  assert.equal(readFileSync(path, 'utf8'), 'of somebody else');
});

story('one that leaves, leaves its file as a dead one does', async (directory) => {
  const path = join(directory, 'socket');
  const listener = Stream.listen(path);
  const waiting = listener.accept();
  listener.leave();
  assert.equal(await waiting, null);
  assert.ok(statSync(path).isSocket());
  assert.equal(await failing(() => Stream.connect(path)), 'ECONNREFUSED');
  const again = Stream.listen(path);
  await answers(again, path);
  again.close();
});

story('whoever waits is served in order; who gives up costs nobody a connection', async (directory) => {
  const path = join(directory, 'socket');
  const listener = SeqPacket.listen(path);
  const stops = Array.from({ length: 4 }, () => new AbortController());
  const places = stops.map(({ signal }, index) => listener.accept({ signal }).then(async (socket) => {
    const said = (await socket?.recv())?.data.toString();
    socket?.destroy();
    return `${index} ${said}`;
  }));
  stops[1]?.abort();
  await assert.rejects(listener.accept({ signal: AbortSignal.abort() }), { name: 'AbortError' });
  const clients: SeqPacket[] = [];
  for (const name of ['a', 'b', 'c']) {
    const client = await SeqPacket.connect(path);
    await client.send(name);
    clients.push(client);
  }
  const came = await Promise.allSettled(places);
  assert.deepEqual(came.map((place) => (place.status === 'fulfilled' ? place.value : 'gave up')), ['0 a', 'gave up', '2 b', '3 c']);
  clients.forEach((client) => client.destroy());
  listener.close();
});

story('closed: who waits gets null, and so does who asks later', async (directory) => {
  const listener = Stream.listen(join(directory, 'socket'));
  const waiting = [listener.accept(), listener.accept()];
  const iterating = (async (): Promise<number> => {
    let count = 0;
    for await (const stream of listener) count += stream.fd;
    return count;
  })();
  listener.close();
  listener.close();
  assert.deepEqual(await Promise.all(waiting), [null, null]);
  assert.deepEqual([await iterating, await listener.accept(), listener.closed, listener.fd], [0, null, true, -1]);
  assert.throws(() => listener.detach(), { code: 'ERR_GINNEL_CLOSED' });
  listener.leave();
});

story('it can be closed while it is being told of a connection', async (directory) => {
  const path = join(directory, 'socket');
  const listener = Stream.listen(path);
  const accepted: (Stream | null)[] = [];
  const closing = listener.accept().then((stream) => {
    listener.close();
    accepted.push(stream);
  });
  const second = listener.accept().then((stream) => accepted.push(stream));
  const clients = await Promise.all([Stream.connect(path), Stream.connect(path)]);
  await Promise.all([closing, second]);
  [...clients, ...accepted].forEach((stream) => stream?.destroy());
});

story('what is said about who may connect', async (directory) => {
  const path = join(directory, 'socket');
  const listener = Stream.listen(path, { mode: 0o640, backlog: 1, allow: 'same-user' });
  assert.equal(statSync(path).mode & 0o777, 0o640);
  await answers(listener, path);
  listener.close();
  const strangers = Stream.listen(path, { allow: 'uid:4294967' });
  const waiting = strangers.accept();
  const denied = await Stream.connect(path);
  denied.resume();
  await once(denied, 'close');
  strangers.close();
  assert.equal(await waiting, null);
  assert.throws(() => Stream.listen(path, { allow: 'whoever' }), { code: 'ERR_GINNEL_POLICY' });
  assert.throws(() => Stream.listen('@ginnel-test'), { code: 'ERR_GINNEL_NO_POLICY' });
  assert.equal(existsSync(path), false);
});

story('connecting to nobody, to others, and with a full queue', async (directory) => {
  const path = join(directory, 'socket');
  await assert.rejects(Stream.connect(path), { code: 'ENOENT', errno: -2, syscall: 'connect', path });
  await assert.rejects(Stream.connect(path, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  writeFileSync(path, '');
  assert.equal(await failing(() => Stream.connect(path)), 'ECONNREFUSED');
  const busy = join(directory, 'busy');
  const listener = Stream.listen(busy, { backlog: 1 });
  assert.ok(['EPROTOTYPE', 'EPROTOTYP'].includes(await failing(() => SeqPacket.connect(busy))));
  const stop = new AbortController();
  const clients = Array.from({ length: 6 }, () => Stream.connect(busy, { signal: stop.signal }));
  const settled = Promise.allSettled(clients);
  const [first] = await Promise.all(clients.slice(0, 2));
  assert.ok(first !== undefined && first.fd > 0);
  await turn();
  const accepted = await listener.accept();
  stop.abort();
  let connected = 0;
  for (const client of await settled) {
    if (client.status === 'fulfilled') {
      connected += 1;
      client.value.destroy();
    } else {
      assert.equal(client.reason.name, 'AbortError');
    }
  }
  assert.ok(connected >= 2 && connected < 6, `${connected}`);
  accepted?.destroy();
  listener.close();
});

const CROWDED = `
  const { Stream } = require(process.argv[1]);
  const { openSync, closeSync } = require('node:fs');
  const { Listener } = require(require('node:path').join(process.argv[1], '..', 'native'));
  const path = process.env.AT;
  (async () => {
    const listener = Stream.listen(path);
    const accepting = listener.accept();
    let looks = 0;
    const accept = Listener.prototype.accept;
    Listener.prototype.accept = function () { looks += 1; return accept.call(this); };
    const held = [];
    try { for (;;) held.push(openSync('/dev/null')); } catch {}
    closeSync(held.pop());
    const client = await Stream.connect(path);
    let settled = false;
    accepting.then(() => { settled = true; });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const early = settled;
    const few = looks > 0 && looks < 100;
    held.forEach(closeSync);
    const accepted = await accepting;
    accepted.destroy(); client.destroy(); listener.close();
    console.log(JSON.stringify({ early, few }));
  })();
`;

story('without descriptors left it pauses, and goes on when there are some', async (directory) => {
  const told = await elsewhere(CROWDED, `ulimit -n 60; AT='${join(directory, 'socket')}'; export AT`);
  assert.deepEqual(JSON.parse(told), { early: false, few: true });
});

story('detached: the socket still listens, the name is given up', async (directory) => {
  const path = join(directory, 'socket');
  const listener = Stream.listen(path);
  const fd = listener.detach();
  assert.equal(existsSync(path), false);
  assert.ok(fd.number >= 0);
  fd.close();
  await using again = Stream.listen(path);
  await answers(again, path);
});
