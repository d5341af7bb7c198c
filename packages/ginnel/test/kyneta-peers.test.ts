// Peers: one listens, the others connect, whoever goes is replaced.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';

import { createUnixSocketPeer, UnixSocketServerTransport, type UnixSocketPeer } from 'ginnel/kyneta';

import { Exchange } from './support/kyneta/exchange';
import { captured, freshPath, openSockets, pause, until } from './support/kyneta/place';

interface Here { exchange: Exchange; peer: UnixSocketPeer }

function here(path: string, id: string, options: object = {}): Here {
  const exchange = new Exchange({ id });
  return { exchange, peer: createUnixSocketPeer(exchange, { path, ...options }) };
}

function roles(peers: readonly { peer: { role: string } }[]): string[] {
  return peers.map(({ peer }) => peer.role).sort();
}

function settled(peers: readonly Here[]): boolean {
  const listening = peers.filter(({ peer }) => peer.role === 'listener');
  const [listener] = listening;
  return listening.length === 1
    && listener?.exchange.peers.size === peers.length - 1
    && peers.every(({ exchange, peer }) => peer.role === 'listener' || (peer.role === 'connector' && exchange.peers.size === 1));
}

/** What a process leaves that was killed while it listened. */
async function leaveStale(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise((resolve) => spawn(process.execPath, ['-e', script]).on('exit', resolve));
  assert.equal(fs.statSync(path).isSocket(), true);
}

describe('in one process', () => {
  test('the first listens, the second connects, documents flow, and the path is given back', async () => {
    const before = openSockets();
    const path = freshPath();
    const a = here(path, 'a');
    assert.equal(a.peer.role, 'negotiating');
    const seen: string[] = [];
    a.peer.subscribe((role) => seen.push(role));
    await until(() => a.peer.role === 'listener', 'the first listens');
    const b = here(path, 'b');
    await until(() => settled([a, b]), 'they met');
    a.exchange.set('text', 'hello');
    await until(() => b.exchange.texts.get('text') === 'hello', 'it arrived');
    assert.equal(a.exchange.channelsSeen, 1, 'nobody connects only to look');
    await b.peer.dispose();
    await a.peer.dispose();
    await a.peer.dispose();
    assert.deepEqual([...seen, b.peer.role], ['listener', 'disposed', 'disposed']);
    assert.equal(fs.existsSync(path), false);
    await until(() => openSockets() === before, 'all sockets are closed');
    assert.equal(a.exchange.transports.size, 0);
  });

  test('K1: peers that start together have one listener, on a fresh path and on a stale one', async () => {
    for (let trial = 0; trial < 40; trial++) {
      const path = freshPath();
      if (trial % 8 === 7) await leaveStale(path);
      const peers = Array.from({ length: 2 + (trial % 4) }, (_, n) => here(path, `p${n}`));
      await until(() => settled(peers), `trial ${trial}: one listens, the others are connected: ${roles(peers)}`);
      await Promise.all(peers.map(({ peer }) => peer.dispose()));
    }
  });

  test('the others heal when the listener leaves, and what they know survives', async () => {
    const path = freshPath();
    let peers = Array.from({ length: 5 }, (_, n) => here(path, `p${n}`));
    await until(() => settled(peers), 'they met');
    peers[0]?.exchange.set('text', 'kept');
    await until(() => peers.find(({ peer }) => peer.role === 'listener')?.exchange.texts.get('text') === 'kept', 'it is known');
    while (peers.length > 1) {
      const leaving = peers.find(({ peer }) => peer.role === 'listener');
      await leaving?.peer.dispose();
      peers = peers.filter((other) => other !== leaving);
      await until(() => settled(peers), `${peers.length} are left, and have met: ${roles(peers)}`);
    }
    const late = here(path, 'late');
    await until(() => late.exchange.texts.get('text') === 'kept', 'who comes last still hears of it');
    await Promise.all([late, ...peers].map(({ peer }) => peer.dispose()));
  });

  test('K6: a peer may be disposed of at any moment, and leaves nothing', async () => {
    const before = openSockets();
    const path = freshPath();
    for (let trial = 0; trial < 60; trial++) {
      const peers = [here(path, 'a'), here(path, 'b')];
      for (let turn = 0; turn < trial % 12; turn++) await (turn % 4 === 3 ? pause(0) : Promise.resolve());
      await Promise.all(peers.map(({ peer }) => peer.dispose()));
      assert.deepEqual(roles(peers), ['disposed', 'disposed']);
      assert.deepEqual(peers.map(({ exchange }) => exchange.transports.size), [0, 0]);
      assert.equal(fs.existsSync(path), false, `trial ${trial}: the path is free`);
    }
    await until(() => openSockets() === before, 'all sockets are closed');
  });

  test('K6: also while the exchange takes its time', async () => {
    const before = openSockets();
    for (let trial = 0; trial < 20; trial++) {
      const path = freshPath();
      const exchange = new Exchange({ id: 'slow' });
      const slow = {
        addTransport: async (transport: { readonly transportId: string }) => {
          await pause(trial % 5);
          await exchange.addTransport(transport);
          await pause(trial % 3);
        },
        removeTransport: async (id: string) => {
          await pause(trial % 4);
          await exchange.removeTransport(id);
        },
      };
      const peer = createUnixSocketPeer(slow, { path });
      await pause(trial % 7);
      await peer.dispose();
      assert.equal(exchange.transports.size, 0);
      assert.equal(fs.existsSync(path), false);
    }
    await until(() => openSockets() === before, 'all sockets are closed');
  });

  test('a listener that is lost while a peer joins it is lost for that peer too', async () => {
    const path = freshPath();
    const server = net.createServer((socket) => void socket.on('error', () => {}).destroy());
    await new Promise<void>((listening) => server.listen(path, listening));
    const a = here(path, 'a');
    await pause(50);
    assert.notEqual(a.peer.role, 'listener');
    server.close();
    await until(() => a.peer.role === 'listener', 'it listens itself');
    await a.peer.dispose();
  });

  test('a name that is deleted comes back, and those who come find it', async () => {
    const path = freshPath();
    const peers = ['a', 'b', 'c'].map((id) => here(path, id));
    await until(() => settled(peers), 'they met');
    fs.unlinkSync(path);
    peers.push(here(path, 'd'));
    await until(() => settled(peers), `all four met: ${roles(peers)}`);
    await Promise.all(peers.map(({ peer }) => peer.dispose()));
    assert.equal(fs.existsSync(path), false);
  });

  test('a listener that is displaced, as by a peer of the original, joins who has displaced it', async () => {
    const path = freshPath();
    const peers = ['a', 'b'].map((id) => here(path, id));
    await until(() => settled(peers), 'they met');
    fs.unlinkSync(path);
    const heard: string[] = [];
    const theirs = net.createServer((socket) => {
      socket.on('data', (data) => heard.push(data.toString('latin1'))).on('error', () => {});
      socket.write(captured('establish, server'));
    });
    await new Promise<void>((listening) => theirs.listen(path, listening));
    await until(() => roles(peers).join() === 'connector,connector' && heard.length >= 2, 'both have joined');
    assert.equal(fs.existsSync(path), true);
    const gone = Promise.all(peers.map(({ peer }) => peer.dispose()));
    theirs.close();
    await gone;
  });

  test('an exchange that shuts down takes its peer with it', async () => {
    const path = freshPath();
    const a = here(path, 'a');
    await until(() => a.peer.role === 'listener', 'the first listens');
    const b = here(path, 'b');
    await until(() => settled([a, b]), 'they met');
    await b.exchange.shutdown();
    await until(() => b.peer.role === 'disposed', 'it went with its exchange');
    await a.exchange.shutdown();
    await until(() => a.peer.role === 'disposed' && !fs.existsSync(path), 'and so did the other');
  });

  test('an exchange that refuses a transport is asked again', async () => {
    const errors: string[] = [];
    const exchange = new Exchange({ id: 'a' });
    let refusals = 3;
    const strict = {
      addTransport: async (transport: { readonly transportId: string }) => {
        if (refusals-- > 0) throw new Error('not now');
        await exchange.addTransport(transport);
      },
      removeTransport: (id: string) => exchange.removeTransport(id),
    };
    const peer = createUnixSocketPeer(strict, { path: freshPath(), onError: (error) => errors.push(error.message) });
    await until(() => peer.role === 'listener', 'it was taken');
    assert.deepEqual(errors, ['not now', 'not now', 'not now']);
    await peer.dispose();
  });

  test('a peer tells what is in its way, touches nothing, and takes part when it can', async () => {
    const path = freshPath();
    fs.writeFileSync(path, 'mine');
    const errors: unknown[] = [];
    const onError = (error: Error): void => void errors.push(Reflect.get(error, 'code'));
    const a = here(path, 'a', { onError, retryDelayMs: 5 });
    const b = here(`${path}.d/s`, 'b', { onError, retryDelayMs: 5 });
    await until(() => ['ERR_GINNEL_NOT_A_SOCKET', 'ENOENT'].every((code) => errors.includes(code)), 'both told');
    assert.equal(fs.readFileSync(path, 'utf8'), 'mine');
    fs.unlinkSync(path);
    fs.mkdirSync(`${path}.d`);
    await until(() => a.peer.role === 'listener' && b.peer.role === 'listener', 'both take part');
    await Promise.all([a.peer.dispose(), b.peer.dispose()]);
  });

  test('without anybody to tell, a warning says it once', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listen);
    const a = here(`${freshPath()}.none/s`, 'a', { retryDelayMs: 1 });
    await until(() => warnings.length > 0, 'a warning came');
    await pause(30);
    await a.peer.dispose();
    process.off('warning', listen);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /cannot take part yet: .*ENOENT/);
  });

  test('a listener that rejects a peer does not have it come back in circles', async () => {
    const path = freshPath();
    const strict = new Exchange({ id: 'strict', canConnect: () => false });
    const server = new UnixSocketServerTransport({ path, establishTimeout: 5 });
    await strict.addTransport(server);
    const a = here(path, 'a');
    const attempts = (): number => strict.received.filter(({ type }) => type === 'establish').length;
    await until(() => attempts() >= 2, 'it came back');
    await pause(300);
    assert.ok(attempts() < 20, `${attempts()} attempts`);
    await a.peer.dispose();
    await strict.shutdown();
  });

  test('what is wrong is refused', () => {
    const exchange = new Exchange({ id: 'a' });
    const call = (...given: unknown[]) => () => Reflect.apply(createUnixSocketPeer, undefined, given);
    assert.throws(call(), /the exchange must be an object/);
    assert.throws(call({ path: 'x' }), TypeError);
    assert.throws(call({ addTransport() {} }, { path: 'x' }), /removeTransport of the exchange must be a function/);
    assert.throws(call(exchange), /options must be an object/);
    assert.throws(call(exchange, { path: 1 }), TypeError);
    assert.throws(call(exchange, { path: '' }), RangeError);
    assert.throws(call(exchange, { path: 'x', retryDelayMs: -1 }), RangeError);
    assert.throws(call(exchange, { path: 'x', reconnect: 1 }), TypeError);
    assert.throws(call(exchange, { path: 'x', onError: 1 }), TypeError);
    assert.throws(call(exchange, { path: 'x', mode: 'x' }), TypeError);
  });
});

interface Line { role?: string; met?: string; at: number }

interface There { child: ChildProcess; lines: Line[]; last: () => Line | undefined }

const children = new Set<ChildProcess>();
after(() => children.forEach((child) => child.kill('SIGKILL')));

function there(path: string, id: string): There {
  const child = spawn(process.execPath, [join(__dirname, 'support/kyneta/child.js'), path, id], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.add(child);
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
  return { child, lines, last: () => lines.filter(({ role }) => role !== undefined).at(-1) };
}

async function gone({ child }: There, end: () => void): Promise<void> {
  const exited = new Promise((resolve) => child.on('exit', resolve));
  end();
  await exited;
  children.delete(child);
}

function met(peers: readonly There[]): boolean {
  return peers.filter((peer) => peer.last()?.role === 'listener').length === 1
    && peers.every((peer) => ['listener', 'connector'].includes(peer.last()?.role ?? ''));
}

describe('in processes of their own', () => {
  test('K1: processes that start together have one listener, on a fresh path and on a stale one', async () => {
    for (let trial = 0; trial < 6; trial++) {
      const path = freshPath();
      if (trial % 2 === 1) await leaveStale(path);
      const peers = ['a', 'b', 'c'].map((id) => there(path, id));
      await until(() => met(peers), `trial ${trial}: one listens, the others are connected`);
      const listener = peers.find((peer) => peer.last()?.role === 'listener');
      const names = (): Set<unknown> => new Set(listener?.lines.flatMap(({ met: name }) => name ?? []));
      await until(() => names().size === 2, 'it has met both');
      await Promise.all(peers.map((peer) => gone(peer, () => peer.child.stdin?.end())));
    }
  });

  test('K9: when the listener is killed another one takes over', async (context) => {
    const path = freshPath();
    let peers = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => there(path, id));
    await until(() => met(peers), 'they met');
    const took: number[] = [];
    while (peers.length > 1) {
      const killed = peers.find((peer) => peer.last()?.role === 'listener');
      assert.ok(killed !== undefined);
      peers = peers.filter((peer) => peer !== killed);
      const before = new Map(peers.map((peer) => [peer, peer.lines.length]));
      const at = performance.timeOrigin + performance.now();
      await gone(killed, () => killed.child.kill('SIGKILL'));
      await until(() => met(peers) && peers.every((peer) => peer.lines.length > (before.get(peer) ?? 0)), 'they healed');
      const healed = peers.map((peer) => peer.last()?.at ?? NaN);
      took.push(Math.max(...healed) - at);
    }
    context.diagnostic(`from kill to all healed, in ms: ${took.map((ms) => ms.toFixed(1)).join(' ')}`);
    await Promise.all(peers.map((peer) => gone(peer, () => peer.child.stdin?.end())));
  });

  test('a peer here takes over from one there, and is heard by one that comes', async () => {
    const path = freshPath();
    const first = there(path, 'first');
    await until(() => first.last()?.role === 'listener', 'the other process listens');
    const second = here(path, 'second');
    await until(() => second.exchange.texts.get('of first') === 'first', 'it is connected');
    await gone(first, () => first.child.kill('SIGKILL'));
    await until(() => second.peer.role === 'listener', 'it listens now');
    const third = there(path, 'third');
    await until(() => second.exchange.texts.get('of third') === 'third', 'they met');
    await gone(third, () => third.child.stdin?.end());
    await second.peer.dispose();
  });

  test('a plain client of kyneta 1.8 is served by a peer', async () => {
    const path = freshPath();
    const a = here(path, 'a');
    await until(() => a.peer.role === 'listener', 'it listens');
    const socket = net.connect(path);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk)).write(captured('establish, client'));
    await until(() => a.exchange.peers.has('client') && chunks.length > 0, 'they met');
    assert.equal(Buffer.concat(chunks).subarray(0, 2).toString('hex'), '0200');
    socket.destroy();
    await a.peer.dispose();
  });
});
