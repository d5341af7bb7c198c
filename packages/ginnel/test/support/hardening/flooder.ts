// Floods whoever listens: kind, path, bytes of a message.

import { Client, SeqPacket, sp, Stream } from 'ginnel';

const [, , kind = '', path = '', size = '64'] = process.argv;
const body = Buffer.alloc(Number(size), 'x');
const many = <T>(send: () => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: 64 }, send));

const floods: Readonly<Record<string, () => Promise<void>>> = {
  server: async () => {
    const client = Client.connect(path);
    for (;;) await many(() => client.send(body));
  },
  pull: async () => {
    const push = new sp.Push();
    await push.dial(`ipc://${path}`);
    for (;;) await push.send(body);
  },
  seqpacket: async () => {
    const socket = await SeqPacket.connect(path);
    for (;;) await many(() => socket.send(body));
  },
  stream: async () => {
    const stream = await Stream.connect(path);
    for (;;) await stream.send(Buffer.alloc(Math.max(body.length, 1 << 16)));
  },
};

// It ends when it is killed, or when nobody listens any more.
floods[kind]?.().catch(() => process.exit(0));
