// One end of a conversation over usocket, with the package or with our face: both ends say and hear the same.
//   node usocket_peer.js PACKAGE listen|connect PATH

import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';

import type { USockets } from './support';

type Socket = InstanceType<USockets['USocket']>;

/** Messages of each side: every one with a descriptor. */
const MESSAGES = 50;
const LENGTH = 1000;
/** More than a socket holds, behind them. */
const MUCH = 500_000;

export interface Heard {
  readonly bytes: number;
  readonly inOrder: boolean;
  readonly fds: number;
  readonly right: boolean;
}

/** Says everything, hears everything, and ends. */
export async function converse(socket: Socket): Promise<Heard> {
  const file = openSync(__filename, 'r');
  const { ino } = fstatSync(file);
  let [bytes, fds, inOrder, right] = [0, 0, true, true];
  socket.on('fds', () => {
    for (const fd of socket.read(0, null)?.fds ?? []) {
      fds += 1;
      right &&= fstatSync(fd).ino === ino;
      closeSync(fd);
    }
  });
  const all = new Promise<void>((resolve) => {
    socket.on('data', (data: Buffer) => {
      for (const byte of data) {
        inOrder &&= byte === (bytes < MESSAGES * LENGTH ? Math.floor(bytes / LENGTH) : 255);
        bytes += 1;
      }
      if (bytes === MESSAGES * LENGTH + MUCH) resolve();
    });
  });
  for (let index = 0; index < MESSAGES; index += 1) {
    // Each when the one before is gone: the original loses descriptors that meet a full buffer.
    await new Promise<void>((resolve) => {
      socket.write({ data: Buffer.alloc(LENGTH, index), fds: [file], callback: () => resolve() });
    });
  }
  await new Promise((resolve) => socket.write(Buffer.alloc(MUCH, 255), resolve));
  await all;
  const closed = once(socket, 'close');
  socket.end();
  await closed;
  closeSync(file);
  return { bytes, inOrder, fds, right };
}

export const EVERYTHING: Heard = { bytes: MESSAGES * LENGTH + MUCH, inOrder: true, fds: MESSAGES, right: true };

async function main(name: string, role: string, path: string): Promise<void> {
  const { USocket, UServer } = require(name) as USockets;
  let socket: Socket;
  if (role === 'listen') {
    const server = new UServer();
    server.listen(path, () => process.stdout.write('listening\n'));
    [socket] = await once(server, 'connection') as [Socket];
    server.close();
  } else {
    socket = new USocket(path);
    await once(socket, 'connected');
  }
  process.stdout.write(JSON.stringify(await converse(socket)), () => process.exit());
}

const [name, role, path] = process.argv.slice(2);
if (name !== undefined && role !== undefined && path !== undefined) void main(name, role, path);
