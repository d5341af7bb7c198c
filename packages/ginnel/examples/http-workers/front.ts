// The front: takes connections, and hands each of them to a worker. Arguments: CONTROL [PORT [WORKERS]].
//
// Started once more with the same control path, it takes the listening socket over from the front that is there, whose
// workers finish what they have. The socket is never closed in between, so nobody is refused.
// SIGHUP: new workers for old ones. SIGTERM: the end, once every request is answered.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

import { createReuseportFd } from 'ginnel';

import { Successors, takeOver } from './handover';
import { Workers } from './workers';

async function main([control = 'http-workers.sock', port = '8080', count = '2']: string[]): Promise<void> {
  const before = await takeOver(control);
  const listening = before?.listening ?? createReuseportFd(Number(port), '127.0.0.1');

  // Workers first: whoever connects meanwhile waits in the queue of the socket, or is served by the old front.
  const workers = new Workers(Number(count));
  await workers.start();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    workers.give(socket, descriptorOf(socket));
  });
  server.listen({ fd: listening });
  await once(server, 'listening');
  await before?.dismiss();

  const successors = Successors.at(control);
  process.on('SIGHUP', () => void workers.replace());
  process.once('SIGTERM', () => successors.close());
  console.log(`front ${process.pid} serves port ${(server.address() as AddressInfo).port}`);

  await successors.handOver(listening);
  server.close();
  await workers.finish();
}

/**
 * The descriptor of an accepted connection. Node has no public name for it; this one is as old as its `net`, and
 * `pauseOnConnect`, which is public, sees to it that nothing was read before the worker does.
 */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { fd?: unknown } };
  if (typeof handle?.fd !== 'number' || handle.fd < 0) throw new Error('this connection has no descriptor');
  return handle.fd;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
