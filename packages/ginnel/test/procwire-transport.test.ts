// What only ours promises of connections: bounded memory, early data, nothing left behind.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';

import { Stream } from 'ginnel';
import { SocketServer, SocketTransport } from 'ginnel/procwire';

import { dial, diary, failure, load, nth, Place, Plain, serve, sleep, soon, until } from './procwire/face';

const MIB = 1 << 20;
const place = new Place();
process.once('exit', () => place.remove());

function causeCode(error: Error): unknown {
  return error.cause instanceof Error && 'code' in error.cause ? error.cause.code : undefined;
}

/** A listener at `path` that accepts nobody, and whose queue is full. */
async function full(path: string): Promise<() => void> {
  const listener = Stream.listen(path, { backlog: 0 });
  const waiting = await Stream.connect(path);
  return () => {
    waiting.destroy();
    listener.close();
  };
}

describe('procwire: writes', () => {
  test('who awaits each is slowed down by a slow reader, and all arrives', async () => {
    const path = place.path();
    const plain = await Plain.at(path, (socket) => socket.pause());
    const transport = new SocketTransport({ path, maxBufferedBytes: 1 });
    await transport.connect();
    const socket = await plain.first();
    let written = 0;
    const all = (async () => {
      for (let i = 0; i < 16; i++) {
        await transport.write(Buffer.alloc(MIB, i));
        written += 1;
      }
    })();
    await sleep(50);
    assert.ok(written < 2, `${written} MiB are taken for written, and nobody reads`);
    let got = 0;
    socket.on('data', (data: Buffer) => { got += data.length; }).resume();
    await soon(all, 'writes');
    await until(() => got === 16 * MIB, 'all bytes');
    await transport.disconnect();
    plain.close();
  });

  test('who does not await is refused beyond the limit, with a code, and the connection goes on', async () => {
    const path = place.path();
    const plain = await Plain.at(path, (socket) => socket.pause());
    const transport = new SocketTransport({ path, maxBufferedBytes: 3 * MIB });
    const lines = diary(transport);
    await transport.connect();
    const first = transport.write(Buffer.alloc(8 * MIB));
    const error = await failure(transport.write(Buffer.alloc(1)));
    assert.equal(error.name, 'TransportError');
    assert.equal(causeCode(error), 'ERR_GINNEL_BACKLOG');
    assert.match(error.message, /^Write refused: 8388736 bytes wait, 3145728 may$/);
    (await plain.first()).resume();
    await first;
    await transport.write('again');
    assert.deepEqual(lines, ['connect (connected)']);
    plain.close();
    await until(() => transport.state === 'disconnected', 'the end');
  });

  test('very many small writes meet the limit too, and settle when the connection ends', async () => {
    const path = place.path();
    const server = new SocketServer({ maxBufferedBytes: MIB });
    const clients: Awaited<ReturnType<typeof serve>>['clients'] = [];
    server.onConnection((client) => clients.push(client));
    await server.listen(path);
    const peer = await dial(path);
    await until(() => clients.length === 1, 'a client');
    let refused = 0;
    const one = Buffer.alloc(1);
    const writes = Array.from({ length: 50_000 }, () => nth(clients, 0).write(one).catch(() => { refused += 1; }));
    await sleep(1);
    assert.ok(refused > 40_000, `${refused} were refused`);
    peer.destroy();
    await soon(Promise.all(writes), 'writes');
    await server.close();
  });

  test('what waits goes out although the peer has ended, and nothing can be added', async () => {
    const path = place.path();
    const plain = await Plain.at(path, (socket) => socket.pause());
    const transport = new SocketTransport({ path });
    await transport.connect();
    const lines = diary(transport);
    const socket = await plain.first();
    const written = transport.write(Buffer.alloc(2 * MIB));
    socket.end();
    await sleep(20);
    assert.equal((await failure(transport.write('x'))).message, 'Write failed: write after end');
    let got = 0;
    socket.on('data', (data: Buffer) => { got += data.length; }).resume();
    await written;
    await until(() => transport.state === 'disconnected', 'the end');
    await until(() => got === 2 * MIB, 'all bytes');
    assert.deepEqual(lines, ['error: Write failed: write after end (connected)', 'disconnect (disconnected)']);
    plain.close();
  });

  test('disconnect() sends what waits first', async () => {
    const path = place.path();
    const plain = await Plain.at(path, (socket) => socket.pause());
    const transport = new SocketTransport({ path });
    await transport.connect();
    const socket = await plain.first();
    void transport.write(Buffer.alloc(2 * MIB));
    const disconnected = transport.disconnect();
    let got = 0;
    socket.on('data', (data: Buffer) => { got += data.length; }).resume();
    socket.once('end', () => socket.end());
    await soon(disconnected, 'disconnect');
    assert.equal(got, 2 * MIB);
    plain.close();
  });
});

describe('procwire: connections', () => {
  test('a listener whose queue is full: connect() gives up in time, and tries again if it should', async () => {
    const path = place.path();
    const release = await full(path);
    const transport = new SocketTransport({ path, connectionTimeout: 30, autoReconnect: true, reconnectDelay: 5 });
    const lines = diary(transport);
    const error = await failure(transport.connect());
    assert.equal(error.message, 'Connection timeout after 30ms');
    await until(() => lines.length === 2, 'a second attempt');
    assert.equal(lines[0], 'error: Connection timeout after 30ms (error)');
    await transport.disconnect();
    assert.equal(transport.state, 'disconnected');
    release();
  });

  test('disconnect() while connecting ends the attempt', async () => {
    const path = place.path();
    const release = await full(path);
    const transport = new SocketTransport({ path });
    const lines = diary(transport);
    const connected = failure(transport.connect());
    await sleep(5);
    await soon(transport.disconnect(), 'disconnect', 100);
    assert.equal((await connected).message, 'Connection failed: disconnected while connecting');
    assert.deepEqual(lines, ['disconnect (disconnected)']);
    release();
  });

  test('connect() from an error handler', async () => {
    const path = place.path();
    const plain = await Plain.at(path);
    const transport = new SocketTransport({ path });
    await transport.connect();
    let again: Promise<void> | null = null;
    transport.on('error', () => { again ??= transport.connect(); });
    const writes = [1, 2].map(() => transport.write(Buffer.alloc(4 * MIB)).catch(() => undefined));
    (await plain.first()).destroy();
    await Promise.all(writes);
    await until(() => plain.sockets.length === 2 && transport.state === 'connected', 'a second connection');
    await again;
    await transport.disconnect();
    plain.close();
  });

  test('data that came before the first handler is kept, up to 64 KiB', async () => {
    const path = place.path();
    const { server, clients } = await serve(await load('ours'), path);
    for (const [size, expected] of [[64 * 1024, 64 * 1024 + 1], [64 * 1024 + 1, 1]] as const) {
      const peer = await dial(path);
      peer.write(Buffer.alloc(size));
      await until(() => clients.length === 1, 'a client');
      await sleep(20);
      let got = 0;
      let during = true;
      nth(clients, 0).onData((data) => {
        assert.equal(during, false);
        got += data.length;
      });
      during = false;
      peer.write('x');
      await until(() => got >= expected, 'data');
      assert.equal(got, expected);
      peer.destroy();
      clients.length = 0;
    }
    await server.close();
  });

  test('no descriptor is left of many connections, on either side', async () => {
    const path = place.path();
    const count = (): number => readdirSync('/proc/self/fd').length;
    const { server } = await serve(await load('ours'), path);
    const before = count();
    for (let round = 0; round < 50; round++) {
      const transports = [1, 2, 3, 4].map(() => new SocketTransport({ path }));
      await Promise.all(transports.map((transport) => transport.connect()));
      await Promise.all(transports.map((transport) => transport.disconnect()));
    }
    await sleep(10);
    assert.equal(count(), before);
    await server.close();
  });

  test('whatever is done in whatever order: disconnect() ends it, and events make sense', async () => {
    let state = 5;
    const next = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 16) % below;
    };
    for (let round = 0; round < 60; round++) {
      const path = place.path();
      const autoReconnect = next(2) === 0;
      const transport = new SocketTransport({ path, autoReconnect, reconnectDelay: next(3) });
      const states: string[] = [];
      transport.on('connect', () => states.push('connect'));
      transport.on('disconnect', () => states.push('disconnect'));
      let plain: Plain | null = null;
      for (let step = 0; step < 12; step++) {
        switch (next(7)) {
          case 0:
            if (plain === null) plain = await Plain.at(path);
            break;
          case 1:
            plain?.close();
            plain = null;
            break;
          case 2:
            void transport.connect().catch(() => undefined);
            break;
          case 3:
            void transport.disconnect();
            break;
          case 4:
            void transport.write(Buffer.alloc(next(300_000))).catch(() => undefined);
            break;
          case 5:
            plain?.sockets.at(-1)?.destroy();
            break;
          default:
            await sleep(next(4));
        }
      }
      await soon(transport.disconnect(), 'disconnect');
      assert.equal(transport.state, 'disconnected');
      const before = states.length;
      assert.ok(states.every((one, i) => one === 'disconnect' || states[i + 1] !== 'connect'), states.join(' '));
      await sleep(4);
      assert.equal(states.length, before);
      plain?.close();
    }
  });

  test('a program ends as soon as everything is closed', async () => {
    const program = `
      const { SocketServer, createPipeChannel } = require('ginnel/procwire');
      const server = new SocketServer();
      server.onConnection((client) => client.onData(() => undefined));
      server.listen(process.argv[1]).then(async () => {
        const channel = await createPipeChannel(process.argv[1]);
        channel.request('never').catch(() => undefined);
        await channel.close();
        await server.close();
        process.on('exit', () => console.log(Math.round(performance.now() - closed)));
        const closed = performance.now();
      });`;
    const took = Number(await output(program, place.path()));
    assert.ok(took < 700, `${took} ms`);
  });

  test('a path is a path, whatever its first character', async () => {
    const program = `
      const { SocketServer, SocketTransport } = require('ginnel/procwire');
      const { lstatSync } = require('fs');
      process.chdir(process.argv[1]);
      (async () => {
        for (const path of ['@at', 'fd:0', 'named:app', 'plain.sock']) {
          const server = new SocketServer();
          const { value } = await server.listen(path);
          const transport = new SocketTransport({ path });
          await transport.connect();
          console.log(value, lstatSync(path).isSocket());
          await transport.disconnect();
          await server.close();
        }
      })();`;
    assert.equal(await output(program, place.dir), '@at true\nfd:0 true\nnamed:app true\nplain.sock true\n');
  });
});

/** What a program prints that has `argument` as its only one. */
function output(program: string, argument: string): Promise<string> {
  return new Promise((done, fail) => {
    const cwd = resolve(__dirname, '..', '..');
    execFile(process.execPath, ['-e', program, argument], { cwd, timeout: 10_000 }, (error, stdout, stderr) => {
      if (error === null) done(stdout);
      else fail(new Error(`${error.message}\n${stderr}`));
    });
  });
}
