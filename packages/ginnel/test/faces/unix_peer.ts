// One end of a conversation over node-unix-socket, with the package or with our face: both ends say and hear the same.
//   node unix_peer.js PACKAGE listen|connect|datagrams PATH [OTHER PATH]

import { once } from 'node:events';

import type { UnixSockets } from './support';

type Socket = InstanceType<UnixSockets['SeqpacketSocket']>;
type Datagrams = InstanceType<UnixSockets['DgramSocket']>;

const RECORDS = 2000;

export interface Heard {
  readonly records: number;
  readonly inOrder: boolean;
}

export const EVERYTHING: Heard = { records: RECORDS, inOrder: true };

function record(index: number): Buffer {
  return Buffer.alloc(1 + (index % 700), index % 251);
}

/** Says everything, hears everything, and ends. */
export async function converse(socket: Socket): Promise<Heard> {
  let [records, inOrder] = [0, true];
  socket.on('data', (data: Buffer) => {
    inOrder &&= data.equals(record(records));
    records += 1;
  });
  const [ended, closed] = [once(socket, 'end'), once(socket, 'close')];
  for (let index = 0; index < RECORDS; index += 1) socket.write(record(index));
  socket.end();
  await Promise.all([ended, closed]);
  return { records, inOrder };
}

/** Says every datagram and hears it again; or says again what it hears. */
export async function echo(socket: Datagrams, other: string, starts: boolean): Promise<Heard> {
  let [records, inOrder] = [0, true];
  const say = (datagram: Buffer): void => socket.sendTo(datagram, 0, datagram.length, other);
  await new Promise<void>((resolve) => {
    socket.on('data', (data: Buffer, from: string) => {
      inOrder &&= data.equals(record(records)) && from === other;
      records += 1;
      if (!starts) say(data);
      else if (records < RECORDS) say(record(records));
      if (records === RECORDS) resolve();
    });
    if (starts) say(record(0));
  });
  return { records, inOrder };
}

async function main(name: string, role: string, path: string, other: string): Promise<void> {
  const { SeqpacketServer, SeqpacketSocket, DgramSocket } = require(name) as UnixSockets;
  let heard: Promise<Heard>;
  if (role === 'datagrams') {
    const socket = new DgramSocket();
    socket.bind(path);
    heard = echo(socket, other, false);
    process.stdout.write('listening\n');
  } else if (role === 'listen') {
    const server = new SeqpacketServer();
    server.listen(path);
    process.stdout.write('listening\n');
    const [socket] = await once(server, 'connection') as [Socket];
    heard = converse(socket);
    server.close();
  } else {
    const socket = new SeqpacketSocket();
    socket.connect(path);
    await once(socket, 'connect');
    heard = converse(socket);
  }
  process.stdout.write(JSON.stringify(await heard), () => process.exit());
}

const [name, role, path, other] = process.argv.slice(2);
if (name !== undefined && role !== undefined && path !== undefined) void main(name, role, path, other ?? '');
