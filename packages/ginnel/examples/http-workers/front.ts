// The front: takes connections, and hands each of them to a worker. Arguments: CONTROL [PORT [WORKERS]].
//
// Started once more with the same control path, it takes the listening socket over from the front that is there, whose
// workers finish what they have. The socket is never closed in between, so nobody is refused.
// SIGHUP: new workers for old ones. SIGTERM: the end, once every request is answered.

import { createReuseportFd, Door } from 'ginnel';

import { Successors, takeOver } from './handover';
import { Workers } from './workers';

async function main([control = 'http-workers.sock', port = '8080', count = '2']: string[]): Promise<void> {
  const before = await takeOver(control);
  const door = Door.adopt(before?.listening ?? createReuseportFd(Number(port), '127.0.0.1'));

  // Whoever connects before they are ready waits in the queue of the socket, or is served by the front that is there.
  const workers = new Workers(Number(count));
  await workers.start();
  const serving = serve(door, workers);
  await before?.dismiss();

  const successors = Successors.at(control);
  process.on('SIGHUP', () => void workers.replace());
  process.once('SIGTERM', () => successors.close());
  console.log(`front ${process.pid} serves`);

  await successors.handOver(door.fd);
  door.close();
  await serving;
  await workers.finish();
}

async function serve(door: Door, workers: Workers): Promise<void> {
  for await (const connection of door) workers.give(connection);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
