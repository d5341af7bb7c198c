// Server and client over real sockets.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';

import {
  connect,
  createUnixSocketClient,
  listen,
  UnixSocketClientTransport,
  UnixSocketConnection,
  UnixSocketServerTransport,
} from 'ginnel/kyneta';

import { Exchange } from './support/kyneta/exchange';
import { captured, freshPath, openSockets, pause, until } from './support/kyneta/place';
import { FrameStreamParser, Transport } from './support/kyneta/transport';

type ServerOptions = ConstructorParameters<typeof UnixSocketServerTransport>[0];

async function serving(options: Partial<ServerOptions> = {}, canConnect: (id: string) => boolean = () => true) {
  const exchange = new Exchange({ id: 'server', canConnect });
  const path = options.path ?? freshPath();
  const server = new UnixSocketServerTransport({ ...options, path });
  await exchange.addTransport(server);
  return { exchange, server, path };
}

async function joined(path: string, id: string, options: object = {}) {
  const exchange = new Exchange({ id });
  const client = new UnixSocketClientTransport({ path, ...options });
  await exchange.addTransport(client);
  return { exchange, client };
}

function raw(path: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path, allowHalfOpen: true }, () => resolve(socket)).on('error', reject);
  });
}

/** Resolves when the other side has ended or broken it. */
function ended(socket: net.Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => {
    socket.on('error', () => resolve()).on('end', () => resolve()).on('close', () => resolve());
  });
}

test('a document goes from one exchange to the others and back', async () => {
  const before = openSockets();
  const { exchange, server, path } = await serving();
  const a = await joined(path, 'a');
  const b = await joined(path, 'b');
  assert.deepEqual([a.client, server].map((it) => it instanceof Transport), [true, true]);
  assert.match(a.client.transportId, /^unix-socket-client-\d+$/);
  await until(() => exchange.peers.size === 2 && a.exchange.peers.size === 1 && b.exchange.peers.size === 1, 'all met');
  a.exchange.set('text', 'hello');
  await until(() => b.exchange.texts.get('text') === 'hello', 'it arrived');
  b.exchange.set('text', 'hello you');
  await until(() => a.exchange.texts.get('text') === 'hello you', 'it came back');

  assert.equal(server.connectionCount, 2);
  const [first] = server.getAllConnections();
  assert.ok(first instanceof UnixSocketConnection);
  assert.match(first.peerId, /^uds-/);
  assert.equal(server.isConnected(first.peerId), true);
  assert.equal(server.getConnection(first.peerId), first);
  server.broadcast({ type: 'depart' });
  await until(() => b.exchange.received.at(-1)?.type === 'depart', 'the broadcast arrived');

  await Promise.all([a.exchange.shutdown(), b.exchange.shutdown()]);
  await until(() => server.connectionCount === 0, 'they left');
  await exchange.shutdown();
  assert.equal(fs.existsSync(path), false);
  await until(() => openSockets() === before, 'all sockets are closed');
});

describe('the client', () => {
  test('it goes through its states, and returns when the server does', async () => {
    const first = await serving();
    const exchange = new Exchange({ id: 'c' });
    const client = new UnixSocketClientTransport({ path: first.path, reconnect: { baseDelay: 10, maxDelay: 20, maxAttempts: 500 } });
    const states: string[] = [];
    const unsubscribe = client.subscribeToTransitions(({ to }) => states.push(to.status));
    assert.deepEqual(client.getState(), { status: 'disconnected' });
    await exchange.addTransport(client);
    await client.waitForStatus('connected', { timeoutMs: 5000 });
    await until(() => exchange.peers.size === 1, 'they met');
    await first.exchange.shutdown();
    await client.waitForStatus('reconnecting', { timeoutMs: 5000 });
    assert.equal(exchange.channelCount, 0);
    const second = await serving({ path: first.path });
    await until(() => second.exchange.peers.size === 1, 'they met again');
    assert.equal(client.isConnected, true);
    await exchange.removeTransport(client.transportId);
    assert.deepEqual(client.getState(), { status: 'disconnected', reason: { type: 'intentional' } });
    assert.deepEqual(states.slice(0, 3), ['connecting', 'connected', 'reconnecting']);
    unsubscribe();
    await second.exchange.shutdown();
  });

  test('it gives up, and says why', async () => {
    const { exchange, client } = await joined(freshPath(), 'c', { reconnect: { baseDelay: 1, maxDelay: 1, maxAttempts: 3 } });
    const state = await client.waitForStatus('disconnected', { timeoutMs: 5000 });
    assert.deepEqual(state, { status: 'disconnected', reason: { type: 'max-retries-exceeded', attempts: 3 } });
    await exchange.shutdown();

    const other = await joined(freshPath(), 'c', { reconnect: { enabled: false } });
    const last = await other.client.waitForStatus('disconnected', { timeoutMs: 5000 });
    assert.ok(last.status === 'disconnected' && last.reason?.type === 'error');
    assert.equal(last.reason.errno, 'ENOENT');
    await other.exchange.shutdown();
  });

  test('waiting for a state has an end', async () => {
    const client = createUnixSocketClient({ path: freshPath() })();
    await assert.rejects(client.waitForStatus('connected', { timeoutMs: 5 }), /did not come in 5 ms/);
  });

  test('K7: what opens after a stop is closed', async () => {
    const path = freshPath();
    const open = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket)).on('error', () => {}).resume();
    });
    await new Promise<void>((listening) => server.listen(path, listening));
    const before = openSockets();
    for (let trial = 0; trial < 50; trial++) {
      const exchange = new Exchange({ id: 'c' });
      const client = new UnixSocketClientTransport({ path });
      const adding = exchange.addTransport(client);
      assert.equal(client.getState().status, 'connecting');
      if (trial % 3 === 1) await Promise.resolve();
      if (trial % 3 === 2) await pause(0);
      await exchange.removeTransport(client.transportId);
      await adding;
    }
    // A connector of the user's own that does not know how to stop.
    let discarded = 0;
    const { exchange, client } = await joined(path, 'c', {
      connect: async () => {
        await pause(20);
        return { ...(await connect(path)), destroy: () => void (discarded += 1) };
      },
    });
    await exchange.removeTransport(client.transportId);
    await until(() => discarded === 1, 'the late connection was discarded');
    server.close();
    open.forEach((socket) => socket.destroy());
    await until(() => openSockets() <= before, 'no connection is left');
  });

  test('it can be started again after a stop', async () => {
    const { exchange, path } = await serving();
    const other = new Exchange({ id: 'c' });
    const client = new UnixSocketClientTransport({ path });
    for (let n = 0; n < 3; n++) {
      await other.addTransport(client);
      await until(() => exchange.peers.has('c'), 'they met');
      await other.removeTransport(client.transportId);
      await until(() => !exchange.peers.has('c'), 'it left');
    }
    await exchange.shutdown();
  });
});

describe('the server', () => {
  test('K2: a second server is refused, and the first one stays where it is', async () => {
    const first = await serving();
    await assert.rejects(serving({ path: first.path }), { code: 'EADDRINUSE' });
    const { exchange } = await joined(first.path, 'c');
    await until(() => first.exchange.peers.has('c'), 'the first server answers');
    await exchange.shutdown();
    await first.exchange.shutdown();
    const next = await serving({ path: first.path });
    await next.exchange.shutdown();
  });

  test('K2: stopping does not remove what somebody else put there', async () => {
    const { exchange, path } = await serving();
    fs.unlinkSync(path);
    fs.writeFileSync(path, 'mine');
    await exchange.shutdown();
    assert.equal(fs.readFileSync(path, 'utf8'), 'mine');
    fs.unlinkSync(path);
  });

  test('what a dead server left is replaced, unless that is not wanted; other files are left alone', async () => {
    const path = freshPath();
    const { exchange } = await serving({ path });
    fs.linkSync(path, `${path}.dead`);
    await exchange.shutdown();
    await assert.rejects(serving({ path: `${path}.dead`, cleanup: false }), { code: 'EADDRINUSE' });
    const replaced = await serving({ path: `${path}.dead` });
    await replaced.exchange.shutdown();
    fs.writeFileSync(path, 'mine');
    await assert.rejects(serving({ path }), { code: 'ERR_GINNEL_NOT_A_SOCKET' });
    assert.equal(fs.readFileSync(path, 'utf8'), 'mine');
  });

  test('a path of any length is the path that was meant', async () => {
    const path = `${freshPath()}-${'x'.repeat(150)}`;
    const { exchange } = await serving({ path });
    assert.equal(fs.statSync(path).isSocket(), true);
    const other = await joined(path, 'c');
    await until(() => exchange.peers.has('c'), 'they met');
    await other.exchange.shutdown();
    await exchange.shutdown();
  });

  test('K4: what was sent before closing arrives, the farewell last', async () => {
    const { exchange, path } = await serving();
    const socket = await raw(path);
    socket.write(captured('establish, client'));
    await until(() => exchange.peers.has('client'), 'they met');
    const data = 'x'.repeat(100_000);
    for (let n = 0; n < 60; n++) {
      exchange.send({ type: 'offer', docId: `d${n}`, payload: { kind: 0, encoding: 0, data }, version: '1' });
    }
    const gone = exchange.shutdown();
    await pause(50);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    await new Promise((resolve) => socket.on('end', resolve));
    socket.end();
    await gone;
    const bytes = Buffer.concat(chunks);
    const parsed = new FrameStreamParser().feed(bytes).map((frame) => (frame.ok ? Buffer.from(frame.value) : Buffer.alloc(0)));
    assert.equal(parsed.length, 62, 'K3: an introduction, 60 offers, a farewell, each once');
    parsed.slice(1, 61).forEach((frame, n) => assert.ok(frame.includes(`cdocbd${n}`.slice(1)) || frame.includes(`d${n}`)));
    assert.deepEqual(parsed.at(-1), captured('depart'));
  });

  test('a client that does not read cannot keep a server from stopping', async () => {
    const { exchange, path } = await serving({ closeTimeout: 50 });
    const socket = await raw(path);
    socket.pause();
    socket.write(captured('establish, client'));
    await until(() => exchange.peers.has('client'), 'they met');
    const data = 'x'.repeat(8 << 20);
    exchange.send({ type: 'offer', docId: 'd', payload: { kind: 0, encoding: 0, data }, version: '1' });
    await exchange.shutdown();
    socket.destroy();
  });

  test('K5: 6 bytes cost 6 bytes, and too many end the connection', async () => {
    const faults: unknown[] = [];
    const { exchange, server, path } = await serving({ onFault: (fault) => faults.push(Reflect.get(fault, 'code')) });
    const announced = FrameStreamParser.announced;
    const polite = await Promise.all(Array.from({ length: 8 }, () => raw(path)));
    polite.forEach((socket) => socket.write(Buffer.from('02000fffffff', 'hex')));
    const greedy = await Promise.all(Array.from({ length: 8 }, () => raw(path)));
    greedy.forEach((socket) => socket.write(Buffer.from('0200ffffffff', 'hex')));
    await Promise.all(greedy.map(ended));
    assert.deepEqual(faults, Array.from({ length: 8 }, () => 'ERR_GINNEL_KYNETA_TOO_LONG'));
    assert.equal(FrameStreamParser.announced, announced, 'the parser heard of none of them');
    await until(() => server.connectionCount === 8, 'the others are still there');
    polite.forEach((socket) => socket.destroy());
    greedy.forEach((socket) => socket.destroy());
    await until(() => server.connectionCount === 0, 'all are gone');
    await exchange.shutdown();
  });

  test('K10: whom the exchange does not accept is disconnected, and so is who says nothing or nonsense', async () => {
    const faults: unknown[] = [];
    const onFault = (fault: Error): void => void faults.push(Reflect.get(fault, 'code'));
    const { exchange, server, path } = await serving({ establishTimeout: 50, onFault }, (id) => id !== 'client');
    const [rejected, silent, stranger, accepted] = await Promise.all([raw(path), raw(path), raw(path), raw(path)]);
    rejected.write(captured('establish, client'));
    stranger.write('GET / HTTP/1.1\r\n\r\n');
    accepted.write(captured('establish without a name'));
    await Promise.all([rejected, silent, stranger].map(ended));
    assert.deepEqual([...exchange.peers.keys()], ['cli']);
    assert.deepEqual(faults.sort(), ['ERR_GINNEL_KYNETA_SILENT', 'ERR_GINNEL_KYNETA_SILENT', 'ERR_GINNEL_KYNETA_TOO_LONG']);
    [rejected, silent, stranger].forEach((socket) => socket.destroy());
    await until(() => server.connectionCount === 1, 'one is left');
    accepted.destroy();
    await exchange.shutdown();
  });

  test('K12: whoever is unregistered is disconnected', async () => {
    const { exchange, server, path } = await serving();
    const socket = await raw(path);
    socket.write(captured('establish, client'));
    await until(() => exchange.peers.has('client'), 'they met');
    const [connection] = server.getAllConnections();
    server.unregisterConnection(connection?.peerId ?? '');
    assert.equal(server.connectionCount, 0);
    await ended(socket);
    socket.destroy();
    assert.equal(exchange.channelCount, 0);
    server.unregisterConnection('nobody');
    await exchange.shutdown();
  });

  test('K6: a stop while a listener is being made leaves none', async () => {
    const before = openSockets();
    for (let trial = 0; trial < 30; trial++) {
      const path = freshPath();
      const exchange = new Exchange({ id: 's' });
      let stopped = 0;
      const server = new UnixSocketServerTransport({
        path,
        listen: async (at, onConnection) => {
          if (trial % 3 > 0) await pause(trial % 3);
          const listener = await listen(at, onConnection);
          return { stop: () => { stopped += 1; listener.stop(); } };
        },
      });
      const starting = exchange.addTransport(server);
      await exchange.removeTransport(server.transportId);
      await starting;
      assert.equal(stopped, 1);
      assert.equal(fs.existsSync(path), false);
    }
    await until(() => openSockets() === before, 'no listener is left');
  });

  test('it may be initialized and started anew without a stop, and so may a client', async () => {
    const before = openSockets();
    const { server, path } = await serving();
    const { client } = await joined(path, 'c');
    await until(() => server.connectionCount === 1 && client.isConnected, 'they met');
    const anew = new Exchange({ id: 'anew' });
    await anew.addTransport(server);
    const other = new Exchange({ id: 'other' });
    await other.addTransport(client);
    await until(() => anew.peers.has('other') && server.connectionCount === 1, 'the new ones met');
    await Promise.all([anew.shutdown(), other.shutdown()]);
    await until(() => openSockets() === before, 'nothing of the old ones is left');
  });

  test('connections that break in every way leave nothing', async () => {
    const { exchange, server, path } = await serving();
    const before = openSockets();
    const sockets = await Promise.all(Array.from({ length: 40 }, () => raw(path)));
    sockets.forEach((socket, n) => {
      socket.write(captured('establish, client').subarray(0, n));
      if (n % 3 === 0) socket.end();
      else if (n % 3 === 1) socket.destroy();
      else setTimeout(() => socket.destroy(), n % 5);
      socket.on('error', () => {}).resume().on('end', () => socket.end());
    });
    await until(() => server.connectionCount === 0 && exchange.channelCount === 0, 'all are gone');
    await until(() => openSockets() === before, 'all are closed');
    await exchange.shutdown();
  });
});

test('connect and listen alone', async () => {
  const path = freshPath();
  const got: string[] = [];
  const listener = await listen(path, (socket) => {
    socket.onData((data) => got.push(Buffer.from(data).toString()));
    socket.onClose(() => got.push('close'));
    socket.write(Buffer.from('welcome'));
  });
  const socket = await connect(path);
  let heard = '';
  socket.onData((data) => (heard += Buffer.from(data).toString()));
  socket.write(Buffer.from('hello'));
  await until(() => heard === 'welcome' && got.length === 1, 'both heard');
  socket.end();
  await until(() => got.length === 2, 'it closed');
  assert.deepEqual(got, ['hello', 'close']);
  listener.stop();
  await assert.rejects(connect(path), { code: 'ENOENT' });
});

test('every path is a file, also one that looks like another address', async () => {
  const before = process.cwd();
  process.chdir(dirname(freshPath()));
  try {
    for (const path of ['named:app', 'fd:0', '@app']) {
      const listener = await listen(path, () => {});
      assert.equal(fs.statSync(path).isSocket(), true, path);
      (await connect(path)).end();
      listener.stop();
    }
  } finally {
    process.chdir(before);
  }
});
