// What only Windows has: named pipes with Node's own `net` at their other ends, and what Unix has and Windows has not.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, test } from 'node:test';

import {
  Connection, createReuseportFd, Datagram, Door, Fd, Listener, Peer, SeqPacket, Server, sp, Stream,
} from 'ginnel';
import { DgramSocket, SeqpacketServer } from 'ginnel/node-unix-socket';
import { UServer, USocket } from 'ginnel/usocket';
import { PACKAGE } from './support/core';

let last = 0;

function pipe(): string {
  last += 1;
  return `\\\\.\\pipe\\ginnel-test-${process.pid}-${last}`;
}

const WORKER = `
  const { parentPort, workerData: [file, round] } = require('node:worker_threads');
  const { Client, Server, Stream } = require(file);
  const path = '\\\\\\\\.\\\\pipe\\\\ginnel-worker-' + process.pid + '-' + round;
  (async () => {
    const listener = Stream.listen(path);
    const client = await Stream.connect(path);
    const server = await listener.accept();
    server.pipe(server);
    client.pipe(client);
    client.write(Buffer.alloc(1000));
    const many = Server.listen(path + '-many');
    (async () => { for await (const { request } of many) await request?.reply('x'); })();
    const one = Client.connect(path + '-many');
    await one.call('?');
    (async () => { for (;;) await one.call('?'); })();
    parentPort.postMessage('up');
  })();
`;

const skip = process.platform === 'win32' ? false : 'this is another system';

describe('on Windows', { skip }, () => {
  const large = Buffer.alloc(3 << 20, 'there and back ');

  test("bytes go to a client that is Node's own, and back", async () => {
    const path = pipe();
    const listener = Stream.listen(path);
    const client = connect(path);
    const server = await listener.accept();
    assert.ok(server !== null);
    server.pipe(server);
    assert.ok((await thereAndBack(client)).equals(large));
    client.end();
    await once(server, 'close');
    listener.close();
  });

  test("bytes go to a server that is Node's own, and back", async () => {
    const path = pipe();
    const server = createServer((socket) => socket.pipe(socket)).listen(path);
    await once(server, 'listening');
    const client = await Stream.connect(path);
    assert.ok((await thereAndBack(client)).equals(large));
    await client.close();
    server.close();
  });

  async function thereAndBack(stream: NodeJS.ReadWriteStream): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const back = new Promise<void>((resolve) => {
      stream.on('data', (piece: Buffer) => {
        pieces.push(piece);
        bytes += piece.length;
        if (bytes === large.length) resolve();
      });
    });
    stream.write(large);
    await back;
    return Buffer.concat(pieces);
  }

  test('a peer is known by its process, its session and its user', async () => {
    const path = pipe();
    const listener: Listener<Stream> = Stream.listen(path, { allow: 'same-user' });
    const client = await Stream.connect(path);
    const server = await listener.accept();
    assert.ok(server !== null);
    for (const { pid, session, sid, uid } of [client.peerCredentials, server.peerCredentials]) {
      assert.deepEqual([pid, uid, typeof session], [process.pid, undefined, 'number']);
      assert.match(String(sid), /^S-1-5-/);
    }
    assert.deepEqual([client.fd, listener.fd], [-1, -1]);
    client.destroy();
    server.destroy();
    listener.close();
    assert.throws(() => Stream.listen(pipe(), { allow: 'uid:0' }), { code: 'ERR_GINNEL_POLICY' });
  });

  test('portable names are pipes', async () => {
    const name = `named:ginnel-test-${process.pid}`;
    const listener = SeqPacket.listen(name);
    const client = await SeqPacket.connect(name);
    await client.send('');
    const server = await listener.accept();
    assert.equal((await server?.recv())?.data.length, 0);
    client.destroy();
    server?.destroy();
    listener.close();
  });

  test('nobody is at a pipe that nobody made, and a path is no pipe', async () => {
    await assert.rejects(Stream.connect(pipe()), { code: 'ENOENT', syscall: 'connect', errno: -4058 });
    await assert.rejects(Stream.connect('C:\\somewhere'), { code: 'ENOTSUP' });
  });

  // Threads of the system's pool may be on their way when the last worker that has loaded the addon is gone.
  test('workers that alone have the addon are terminated while something is under way', { timeout: 60_000 }, () => {
    const code = `
      const { Worker } = require('node:worker_threads');
      const { once } = require('node:events');
      (async () => {
        for (let round = 0; round < 10; round++) {
          const worker = new Worker(${JSON.stringify(WORKER)}, { eval: true, workerData: [${JSON.stringify(PACKAGE)}, round] });
          await once(worker, 'message');
          await worker.terminate();
        }
        console.log('all are gone');
      })();
    `;
    assert.equal(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' }).trim(), 'all are gone');
  });

  test('what stands on descriptors, or on socket files, says that there are none', async () => {
    const [here, there] = Stream.pair();
    const pull = new sp.Pull();
    const gone = { code: 'ERR_GINNEL_UNSUPPORTED' };
    const actions: readonly (() => unknown)[] = [
      () => Datagram.pair(), () => Datagram.bind(pipe()), () => Fd.adopt(1), () => Fd.duplicate(1), () => Door.adopt(1),
      () => createReuseportFd(), () => Stream.adopt(1), () => SeqPacket.adopt(1), () => Connection.over(1),
      () => here.detach(), () => pull.adopt(1), () => Stream.listen(pipe(), { mode: 0o600 }),
      () => Server.listen(pipe(), { owner: 0 }), () => new DgramSocket(), () => new SeqpacketServer().listen('/s'),
    ];
    for (const action of actions) assert.throws(action, gone, String(action));
    await assert.rejects(here.send('x', { fds: [1] }), gone);
    await assert.rejects(Peer.join(pipe(), { mode: 0o600 }), gone);
    const server = new UServer();
    const listening = once(server, 'error');
    server.listen('/s');
    assert.match(String((await listening)[0]), /Windows/);
    assert.match(String((await once(new USocket('/s'), 'error'))[0]), /Windows/);
    // Nothing was sent, and it goes on.
    await here.send('y');
    assert.equal(String((await once(there, 'data'))[0]), 'y');
    here.destroy();
    there.destroy();
    pull.destroy();
  });
});
