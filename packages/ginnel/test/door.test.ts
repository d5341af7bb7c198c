// Doors: sockets of any family that listen, and ports that are shared.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { createReuseportFd, Door, Fd, Stream } from 'ginnel';

import { failing, story } from './support/core';

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

async function text(socket: net.Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

story('TCP connections come as descriptors', async () => {
  const port = await freePort();
  const number = createReuseportFd(port, '127.0.0.1');
  const door = Door.adopt(number);
  assert.equal(door.fd, number);
  const client = net.connect(port, '127.0.0.1');
  const fd = await door.accept();
  assert.ok(fd !== null);
  const served = new net.Socket({ fd: fd.take() });
  served.end('served');
  assert.equal(await text(client), 'served');
  if (!served.closed) await once(served, 'close');
  const waiting = door.accept();
  door.close();
  assert.equal(await waiting, null);
  assert.equal(await failing(() => fstatSync(number)), 'EBADF');
});

story('two share a port, and between them serve everybody', async () => {
  const port = await freePort();
  const doors = [1, 2].map(() => Door.adopt(Fd.adopt(createReuseportFd(port, '127.0.0.1')), { backlog: 50 }));
  let served = 0;
  const serving = doors.map(async (door) => {
    for await (const fd of door) {
      served += 1;
      fd.close();
    }
  });
  const clients = Array.from({ length: 30 }, () => net.connect(port, '127.0.0.1'));
  await Promise.all(clients.map((client) => {
    client.on('error', () => {});
    client.resume();
    return new Promise((resolve) => client.on('close', resolve));
  }));
  assert.equal(served, 30);
  doors.forEach((door) => door.close());
  await Promise.all(serving);
});

story('a port for a server of Node\'s', async () => {
  const port = await freePort();
  const server = net.createServer((socket) => socket.end('Node')).listen({ fd: createReuseportFd(port, '127.0.0.1') });
  await once(server, 'listening');
  assert.equal(await text(net.connect(port, '127.0.0.1')), 'Node');
  server.close();
  await once(server, 'close');
});

story('what cannot be bound', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  assert.throws(() => createReuseportFd(address.port, '127.0.0.1'), { code: 'EADDRINUSE', syscall: 'bind' });
  server.close();
  await once(server, 'close');
  for (const host of ['localhost', '', '1.2.3', '::g']) {
    assert.throws(() => createReuseportFd(0, host), (error) => error instanceof TypeError && error.message === 'invalid host');
  }
  assert.throws(() => createReuseportFd(65536), RangeError);
  closeSync(createReuseportFd(0, '::1'));
});

story('only what can listen is adopted; the rest stays the caller\'s', async (directory) => {
  const file = openSync(join(directory, 'file'), 'w');
  assert.equal(await failing(() => Door.adopt(file)), 'ENOTSOCK');
  fstatSync(file);
  closeSync(file);
  assert.equal(await failing(() => Door.adopt(file)), 'EBADF');
});

story('aborted, detached and adopted again', async (directory) => {
  const path = join(directory, 'socket');
  const listener = Stream.listen(path);
  const first = Door.adopt(Fd.duplicate(listener.fd));
  const stop = new AbortController();
  const given = first.accept({ signal: stop.signal });
  stop.abort();
  await assert.rejects(given, { name: 'AbortError' });
  const door = Door.adopt(first.detach());
  assert.equal(first.closed, true);
  const client = await Stream.connect(path);
  const fd = await door.accept();
  assert.ok(fd !== null);
  const served = Stream.adopt(fd);
  served.end('through the door');
  const [data]: unknown[] = await once(client, 'data');
  assert.equal(String(data), 'through the door');
  [client, served].forEach((stream) => stream.destroy());
  await door[Symbol.asyncDispose]();
  listener.close();
});
