// A worker: a plain http server that does not listen. Its connections come from the front, over descriptor 3.

import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { type Fd, SeqPacket } from 'ginnel';

/** How long connections that nobody uses may keep a worker that has been dismissed, in milliseconds. */
const GRACE = 10_000;

const [front] = process.argv.slice(2);
const connections = new Set<Socket>();
let dismissed = false;

const server = createServer((_request, response) => {
  // The client opens its next connection with one of the new workers.
  if (dismissed) response.setHeader('Connection', 'close');
  // What a real server does would stand here.
  void pause(Math.random() * 20).then(() => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ worker: process.pid, front: Number(front) }));
  });
});

function serve(fd: Fd): void {
  const socket = new Socket({ fd: fd.take(), readable: true, writable: true, allowHalfOpen: true });
  connections.add(socket);
  socket.once('close', () => connections.delete(socket));
  socket.setNoDelay(true);
  server.emit('connection', socket);
}

async function main(): Promise<void> {
  const link = SeqPacket.adopt(3);
  await link.send('ready');
  for await (const { fds } of link) fds.forEach(serve);
  link.destroy();
  dismissed = true;
  // What is under way ends by itself, and a connection kept alive by its timeout; with the last the process ends.
  setTimeout(() => connections.forEach((socket) => socket.destroy()), GRACE).unref();
}

// What Node looks after only in a server that listens.
server.timeout = 60_000;
// A signal for the whole group of processes is the front's to act on: workers end when it dismisses them, or has ended.
process.on('SIGHUP', () => undefined);
process.on('SIGTERM', () => undefined);

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
