// A server whose process has no descriptors left when somebody connects: `node full_table.js usocket|node-unix-socket PATH`,
// with a low limit of open files. It says when it listens, and prints what happened.

import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { SeqpacketServer } from 'ginnel/node-unix-socket';
import { UServer } from 'ginnel/usocket';

async function main(face: string, path: string): Promise<void> {
  const server = face === 'usocket' ? new UServer() : new SeqpacketServer();
  const told: string[] = [];
  server.on('error', () => told.push('error'));
  const came = new Promise<void>((resolve) => server.once('connection', () => resolve(told.push('connection') as never)));
  server.listen(path);
  const filling = fill();
  console.log('listening');
  // Long enough for somebody to connect, and for the server to have tried.
  await pause(300);
  told.push('room');
  filling.forEach((fd) => closeSync(fd));
  await came;
  server.close();
  console.log(told.join(' '));
  process.exit(0);
}

/** Opens until nothing more can be opened. */
function fill(): number[] {
  const open: number[] = [];
  try {
    for (;;) open.push(openSync('/dev/null', 'r'));
  } catch {
    return open;
  }
}

const [face = '', path = ''] = process.argv.slice(2);
void main(face, path);
