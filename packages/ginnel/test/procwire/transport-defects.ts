// What the original does wrong with connections and servers: scenarios that fail where it is wrong.

import assert from 'node:assert/strict';
import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import { dial, diary, failure, nth, Plain, serve, sleep, soon, until, type Scenario } from './face';

const MIB = 1 << 20;

export const transportDefects: readonly Scenario[] = [
  {
    name: 'P1 disconnect() resolves after a failed connect()',
    run: async (face, place) => {
      const transport = new face.SocketTransport({ path: place.path() });
      await failure(transport.connect());
      await sleep(20);
      await soon(transport.disconnect(), 'disconnect');
      assert.equal(transport.state, 'disconnected');
    },
  },
  {
    name: 'P1 disconnect() resolves while autoReconnect waits, and stops it',
    run: async (face, place) => {
      const transport = new face.SocketTransport({ path: place.path(), autoReconnect: true, reconnectDelay: 60 });
      const lines = diary(transport);
      await failure(transport.connect());
      await sleep(20);
      await soon(transport.disconnect(), 'disconnect');
      const before = lines.length;
      await sleep(80);
      assert.equal(lines.length, before);
    },
  },
  {
    name: 'P2 writes that nobody awaits are refused beyond a limit',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path, (socket) => socket.pause());
      const transport = new face.SocketTransport({ path });
      await transport.connect();
      const block = Buffer.alloc(MIB);
      let refused = 0;
      const writes = Array.from({ length: 200 }, () => transport.write(block).catch(() => { refused += 1; }));
      await sleep(50);
      assert.ok(refused >= 200 - 66, `${refused} of 200 were refused`);
      plain.close();
      await soon(Promise.all(writes), 'writes');
      await soon(transport.disconnect(), 'disconnect');
    },
  },
  {
    name: 'P2 a server-side transport adds no listener for each write',
    run: async (face, place) => {
      const path = place.path();
      const warnings: string[] = [];
      const heard = (warning: Error): void => { warnings.push(warning.name); };
      process.on('warning', heard);
      const { server, clients } = await serve(face, path);
      const peer = await dial(path);
      await until(() => clients.length === 1, 'a client');
      const writes = Array.from({ length: 20 }, () => nth(clients, 0).write(Buffer.alloc(MIB)).catch(() => undefined));
      await sleep(50);
      process.off('warning', heard);
      assert.deepEqual(warnings, []);
      peer.destroy();
      await soon(Promise.all(writes), 'writes');
      await server.close();
    },
  },
  {
    name: 'P3 no timer is left behind when everything is closed',
    run: async (face, place) => {
      const path = place.path();
      const { server, clients } = await serve(face, path);
      const transport = new face.SocketTransport({ path });
      await transport.connect();
      await until(() => clients.length === 1, 'a client');
      const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
      const before = timers();
      await transport.disconnect();
      await server.close();
      assert.ok(timers() <= before, `${timers() - before} timers are left`);
    },
  },
  {
    name: 'P4 a path where somebody listens is not taken away',
    run: async (face, place) => {
      const path = place.path();
      const first = await serve(face, path);
      const second = new face.SocketServer();
      const error = await failure(second.listen(path));
      assert.match(error.message, /^Failed to listen: listen EADDRINUSE: address already in use /);
      const peer = await dial(path);
      await until(() => first.clients.length === 1, 'a client of the first');
      peer.destroy();
      await first.server.close();
    },
  },
  {
    name: 'P4 closing a server leaves the file of another in peace',
    run: async (face, place) => {
      const path = place.path();
      const first = await serve(face, path);
      unlinkSync(path);
      const plain = await Plain.at(path);
      await first.server.close();
      assert.ok(existsSync(path));
      plain.close();
    },
  },
  {
    name: 'P5 a failed listen() is told once, and close() resolves after it',
    run: async (face, place) => {
      const server = new face.SocketServer();
      const errors: string[] = [];
      server.on('error', (error) => errors.push(error.message));
      const error = await failure(server.listen(join(place.dir, 'missing', 'a.sock')));
      await sleep(5);
      assert.deepEqual(errors, [error.message]);
      await soon(server.close(), 'close');
      assert.equal(errors.length, 1);
    },
  },
  {
    name: 'P11 one broken connection is one error event',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path, (socket) => socket.pause());
      const transport = new face.SocketTransport({ path });
      await transport.connect();
      const lines = diary(transport);
      const writes = [1, 2, 3].map(() => transport.write(Buffer.alloc(4 * MIB)).catch(() => undefined));
      (await plain.first()).destroy();
      await soon(Promise.all(writes), 'writes');
      await until(() => transport.state === 'disconnected', 'the end');
      assert.equal(lines.length, 2);
      assert.match(nth(lines, 0), /^error: Socket error: \w+ E(PIPE|CONNRESET) \(error\)$/);
      assert.equal(nth(lines, 1), 'disconnect (disconnected)');
      plain.close();
    },
  },
  {
    name: 'Q1 connect() works after a failed connect()',
    run: async (face, place) => {
      const path = place.path();
      const transport = new face.SocketTransport({ path });
      await failure(transport.connect());
      const plain = await Plain.at(path);
      await transport.connect();
      await transport.disconnect();
      plain.close();
    },
  },
  {
    name: 'Q2 disconnect() after a lost connection stops autoReconnect',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const transport = new face.SocketTransport({ path, autoReconnect: true, reconnectDelay: 30 });
      await transport.connect();
      (await plain.first()).end();
      await until(() => transport.state === 'disconnected', 'the end');
      await transport.disconnect();
      await sleep(100);
      assert.equal(transport.state, 'disconnected');
      plain.close();
    },
  },
  {
    name: 'Q4 close() may be called twice, and ends although somebody connects meanwhile',
    run: async (face, place) => {
      const path = place.path();
      const { server, clients } = await serve(face, path);
      const holding = await dial(path);
      await until(() => clients.length === 1, 'a client');
      const closed = Promise.all([server.close(), server.close()]);
      const late = await dial(path).catch(() => null);
      await soon(closed, 'close');
      late?.destroy();
      holding.destroy();
    },
  },
  {
    name: 'Q7 write() after disconnect() rejects and breaks nothing',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path, (socket) => socket.on('end', () => setTimeout(() => socket.end(), 20)).resume());
      const transport = new face.SocketTransport({ path });
      await transport.connect();
      const lines = diary(transport);
      const disconnected = transport.disconnect();
      assert.equal((await failure(transport.write(Buffer.from('x')))).message, 'Write failed: write after end');
      await disconnected;
      assert.deepEqual(lines, ['error: Write failed: write after end (connected)', 'disconnect (disconnected)']);
      plain.close();
    },
  },
  {
    name: 'Q9 a long path is not cut short',
    run: async (face, place) => {
      const path = join(place.dir, `${'x'.repeat(140)}.sock`);
      const { server, clients } = await serve(face, path);
      assert.ok(existsSync(path));
      const transport = new face.SocketTransport({ path });
      await transport.connect();
      await until(() => clients.length === 1, 'a client');
      await transport.disconnect();
      await server.close();
    },
  },
  {
    name: 'Q13 two listen() at once do not both succeed',
    run: async (face, place) => {
      const server = new face.SocketServer();
      const [first, second] = await Promise.allSettled([server.listen(place.path()), server.listen(place.path())]);
      assert.deepEqual([first.status, second.status], ['fulfilled', 'rejected']);
      await server.close();
    },
  },
];
