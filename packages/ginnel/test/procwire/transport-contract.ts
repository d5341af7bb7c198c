// What both do alike with connections and servers.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { after, dial, diary, failure, nth, Plain, type Scenario, serve, soon, timersFrom, until } from './face';

export const transportContract: readonly Scenario[] = [
  {
    name: 'states and events of a connection, in order',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const transport = new face.SocketTransport({ path });
      const lines = diary(transport);
      assert.equal(transport.state, 'disconnected');
      const connected = transport.connect().then(() => lines.push('connect() resolved'));
      assert.equal(transport.state, 'connecting');
      assert.equal((await failure(transport.connect())).message, 'Connection already in progress');
      await connected;
      assert.equal((await failure(transport.connect())).message, 'Already connected');
      const disconnected = transport.disconnect().then(() => lines.push('disconnect() resolved'));
      assert.equal(transport.state, 'connected');
      await disconnected;
      await transport.disconnect();
      assert.deepEqual(lines, [
        'connect (connected)', 'connect() resolved', 'disconnect (disconnected)', 'disconnect() resolved',
      ]);
      await transport.connect();
      assert.equal(transport.state, 'connected');
      await transport.disconnect();
      plain.close();
    },
  },
  {
    name: 'a failed connect() is one error, as event and as rejection',
    run: async (face, place) => {
      const path = place.path();
      const transport = new face.SocketTransport({ path });
      const told: Error[] = [];
      transport.on('error', (error) => told.push(error));
      const error = await failure(transport.connect());
      assert.deepEqual(told, [error]);
      assert.ok(error instanceof face.TransportError);
      assert.equal(error.name, 'TransportError');
      assert.equal(error.code, 'TRANSPORT_ERROR');
      assert.equal(error.message, `Connection failed: connect ENOENT ${path}`);
      assert.ok(error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'ENOENT');
      assert.equal(transport.state, 'error');
    },
  },
  {
    name: 'nobody listens at a socket file that is left over',
    run: async (face, place) => {
      const path = place.path();
      await place.deadSocket(path);
      const error = await failure(new face.SocketTransport({ path }).connect());
      assert.equal(error.message, `Connection failed: connect ECONNREFUSED ${path}`);
    },
  },
  {
    name: 'options that make no sense',
    run: async (face) => {
      const rows: [object, string][] = [
        [{ path: '' }, 'path is required and cannot be empty'],
        [{ path: '  ' }, 'path is required and cannot be empty'],
        [{ path: '/x', connectionTimeout: 0 }, 'connectionTimeout must be positive'],
        [{ path: '/x', reconnectDelay: -1 }, 'reconnectDelay cannot be negative'],
        [{ path: '/x', maxReconnectDelay: -1 }, 'maxReconnectDelay cannot be negative'],
        [{ path: '/x', reconnectDelay: 2, maxReconnectDelay: 1 }, 'reconnectDelay cannot be greater than maxReconnectDelay'],
      ];
      for (const [options, message] of rows) {
        assert.throws(() => new face.SocketTransport({ path: '/x', ...options }), { message: `SocketTransport: ${message}` });
      }
    },
  },
  {
    name: 'bytes both ways, and an empty write',
    run: async (face, place) => {
      const path = place.path();
      const { server, clients } = await serve(face, path);
      const transport = new face.SocketTransport({ path });
      assert.equal((await failure(transport.write(Buffer.from('x')))).message, 'Not connected');
      await transport.connect();
      await until(() => clients.length === 1, 'a client');
      const client = nth(clients, 0);
      client.onData((data) => { void client.write(data); });
      const sent = Buffer.alloc(3 << 20, 'abcdefg');
      const got: Buffer[] = [];
      let bytes = 0;
      transport.onData((data) => {
        got.push(data);
        bytes += data.length;
      });
      await transport.write(Buffer.alloc(0));
      await transport.write(sent);
      await until(() => bytes >= sent.length, 'the echo');
      assert.ok(Buffer.concat(got).equals(sent));
      await transport.disconnect();
      await until(() => client.state === 'disconnected', 'the end');
      assert.equal((await failure(client.write(Buffer.from('x')))).message, 'Not connected');
      await server.close();
    },
  },
  {
    name: 'a handler that throws disturbs nobody; one that is unsubscribed is not called',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const transport = new face.SocketTransport({ path });
      const told: string[] = [];
      transport.on('connect', () => { throw new Error('mine'); });
      transport.on('connect', () => told.push('second'));
      transport.on('connect', () => told.push('gone'))();
      const said: unknown[] = [];
      const before = console.error;
      console.error = (what: unknown) => { said.push(what); };
      try {
        await transport.connect();
      } finally {
        console.error = before;
      }
      assert.deepEqual(told, ['second']);
      assert.deepEqual(said, ["Error in event handler for 'connect':"]);
      await transport.disconnect();
      plain.close();
    },
  },
  {
    name: 'the end by the peer is a disconnect and no error',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const transport = new face.SocketTransport({ path });
      await transport.connect();
      const lines = diary(transport);
      (await plain.first()).end('last words');
      const got: string[] = [];
      transport.onData((data) => got.push(data.toString()));
      await until(() => transport.state === 'disconnected', 'the end');
      assert.deepEqual(lines, ['disconnect (disconnected)']);
      assert.equal(got.join(''), 'last words');
      plain.close();
    },
  },
  {
    name: 'a peer that keeps its side open is cut off after a second',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path, (socket) => socket.resume());
      const transport = new face.SocketTransport({ path });
      await transport.connect();
      const start = Date.now();
      await soon(transport.disconnect(), 'disconnect', 3000);
      const took = Date.now() - start;
      assert.ok(took > 900 && took < 1800, `${took} ms`);
      plain.close();
    },
  },
  {
    name: 'autoReconnect waits twice as long after each failure, up to the limit',
    run: async (face, place) => {
      const path = place.path();
      const options = { path, autoReconnect: true, reconnectDelay: 11, maxReconnectDelay: 40 };
      const transport = new face.SocketTransport(options);
      const lines = diary(transport);
      const { timers, restore } = timersFrom();
      try {
        await failure(transport.connect());
        await until(() => lines.length >= 4, 'four failures');
      } finally {
        restore();
      }
      const delays = timers.filter((ms) => ms >= 11 && ms <= 40).slice(0, 4);
      assert.deepEqual(delays, [11, 22, 40, 40]);
      const plain = await Plain.at(path);
      await until(() => transport.state === 'connected', 'a connection');
      assert.equal(lines.at(-1), 'connect (connected)');
      assert.ok(lines.slice(0, -1).every((line) => line === `error: Connection failed: connect ENOENT ${path} (error)`));
      await transport.disconnect();
      plain.close();
    },
  },
  {
    name: 'autoReconnect after a lost connection',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const transport = new face.SocketTransport({ path, autoReconnect: true, reconnectDelay: 15 });
      const lines = diary(transport);
      await transport.connect();
      (await plain.first()).end();
      await until(() => plain.sockets.length === 2, 'a second connection');
      await until(() => transport.state === 'connected', 'a second connection');
      assert.deepEqual(lines, ['connect (connected)', 'disconnect (disconnected)', 'connect (connected)']);
      await transport.disconnect();
      await after(50);
      assert.equal(plain.sockets.length, 2);
      plain.close();
    },
  },
  {
    name: 'what a transport counts',
    run: async (face, place) => {
      const path = place.path();
      const counted: string[] = [];
      const metrics = {
        incrementCounter: (name: string, value?: number, tags?: object) => {
          counted.push(`${name} ${value} ${JSON.stringify(tags)}`);
        },
        recordGauge: () => undefined,
        recordHistogram: () => undefined,
      };
      await failure(new face.SocketTransport({ path, metrics }).connect());
      const plain = await Plain.at(path);
      const transport = new face.SocketTransport({ path, metrics });
      await transport.connect();
      await transport.disconnect();
      assert.deepEqual(counted, [
        'transport.error 1 {"transport":"socket","type":"TransportError"}',
        'transport.connect 1 {"transport":"socket"}',
        'transport.disconnect 1 {"transport":"socket"}',
      ]);
      plain.close();
    },
  },
];

export const serverContract: readonly Scenario[] = [
  {
    name: 'a server from listen() to close(), and again',
    run: async (face, place) => {
      const path = place.path();
      const server = new face.SocketServer();
      const lines: string[] = [];
      server.on('listening', (address) => lines.push(`listening ${JSON.stringify(address)}`));
      server.on('connection', (client) => {
        lines.push(`connection (${client.state})`);
        client.on('disconnect', () => lines.push('disconnect'));
      });
      server.on('close', () => lines.push('close'));
      assert.deepEqual([server.isListening, server.address], [false, null]);
      await server.close();
      const address = await server.listen(path);
      assert.deepEqual(address, { type: 'unix', value: path });
      assert.deepEqual([server.isListening, server.address], [true, address]);
      assert.equal((await failure(server.listen(path))).message, 'Server is already listening');
      const peer = await dial(path);
      peer.resume().once('end', () => peer.end());
      await until(() => lines.length === 2, 'a connection');
      await server.close();
      assert.deepEqual([server.isListening, server.address, existsSync(path)], [false, null, false]);
      assert.deepEqual(lines, [
        `listening ${JSON.stringify(address)}`, 'connection (connected)', 'disconnect', 'close',
      ]);
      await server.listen(path);
      await server.close();
    },
  },
  {
    name: 'a transport that a server accepted cannot connect',
    run: async (face, place) => {
      const path = place.path();
      const { server, clients } = await serve(face, path);
      const peer = await dial(path);
      peer.resume().once('end', () => peer.end());
      await until(() => clients.length === 1, 'a client');
      const client = nth(clients, 0);
      const lines = diary(client);
      assert.equal((await failure(client.connect())).message, 'Already connected (server-accepted connection)');
      await client.disconnect();
      await client.disconnect();
      assert.deepEqual(lines, ['disconnect (disconnected)']);
      await server.close();
    },
  },
  {
    name: 'addresses that are none',
    run: async (face, place) => {
      const server = new face.SocketServer();
      assert.equal((await failure(server.listen(7))).message, 'Socket server requires path address (string)');
      const file = join(place.dir, 'file');
      writeFileSync(file, 'mine');
      const error = await failure(server.listen(file));
      assert.ok(error instanceof face.TransportError);
      assert.match(error.message, /^Failed to listen: /);
      assert.ok(existsSync(file));
      assert.equal(server.isListening, false);
    },
  },
  {
    name: 'a dead server leaves its place, unless cleanup is not wanted',
    run: async (face, place) => {
      const path = place.path();
      await place.deadSocket(path);
      const careful = new face.SocketServer({ cleanupBeforeListen: false });
      const error = await failure(careful.listen(path));
      assert.equal(error.message, `Failed to listen: listen EADDRINUSE: address already in use ${path}`);
      const { server } = await serve(face, path);
      (await dial(path)).destroy();
      await server.close();
    },
  },
  {
    name: 'PipePath.cleanup() removes what is dead, and never throws',
    run: async (face, place) => {
      const path = place.path();
      await place.deadSocket(path);
      await face.PipePath.cleanup(path);
      assert.equal(existsSync(path), false);
      await face.PipePath.cleanup(path);
      const file = join(place.dir, 'file');
      writeFileSync(file, 'mine');
      await face.PipePath.cleanup(file);
      assert.ok(existsSync(file));
    },
  },
];
