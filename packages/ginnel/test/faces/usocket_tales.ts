// Stories that usocket and our face tell in the same words.

import { once } from 'node:events';
import { closeSync, existsSync } from 'node:fs';

import { aWhile, Story, told, until, type USockets } from './support';

type Socket = InstanceType<USockets['USocket']>;
type Server = InstanceType<USockets['UServer']>;

export interface Teller {
  readonly story: Story;
  readonly usocket: USockets;
  readonly directory: string;
}

export interface Tale {
  readonly tell: (teller: Teller) => Promise<void>;
  readonly lines: readonly string[];
}

/** A server, a client, and the socket that the server has accepted. */
export async function connected({ usocket, directory }: Teller, name = 's'): Promise<{ server: Server; here: Socket; there: Socket }> {
  const path = `${directory}/${name}`;
  const server = new usocket.UServer();
  server.listen(path);
  await once(server, 'listening');
  const here = new usocket.USocket(path);
  const [there] = await once(server, 'connection') as [Socket];
  if (here.fd === undefined) await once(here, 'connected');
  return { server, here, there };
}

export const TALES: Readonly<Record<string, Tale>> = {
  'a server listens and a client connects': {
    async tell({ story, usocket, directory }) {
      const server = new usocket.UServer();
      story.add('at first', server.paused, server.listening, server.fd);
      story.listen('server', server, 'listening', 'connection', 'error');
      story.attempt('listen', () => server.listen(`${directory}/s`, 5, () => story.add('listening callback', typeof server.fd)));
      await once(server, 'listening');
      await aWhile();
      const client = new usocket.USocket();
      story.listen('client', client, 'connected', 'error', 'close');
      story.attempt('connect', () => client.connect({ path: `${directory}/s` }, () => story.add('connected callback', typeof client.fd)));
      story.add('before', client.fd);
      await once(client, 'connected');
      await aWhile();
      story.add('then', server.listening, server.paused);
      story.attempt('listen again', () => server.listen(`${directory}/t`));
      story.attempt('connect again', () => client.connect(`${directory}/s`));
      client.destroy();
      server.close();
      story.add('file', existsSync(`${directory}/s`));
      story.attempt('listen after close', () => server.listen(`${directory}/t`));
    },
    lines: [
      'at first false false undefined',
      'listen undefined',
      'server listening',
      'listening callback number',
      'connect undefined',
      'before undefined',
      'server connection USocket',
      'client connected',
      'connected callback number',
      'then true false',
      'listen again threw [listen on already listened UServer]',
      'connect again threw [connect on already connected USocket]',
      'file true',
      'listen after close threw [listen on already listened UServer]',
    ],
  },

  'a message with descriptors is written and read': {
    async tell(teller) {
      const { story } = teller;
      const { server, here, there } = await connected(teller);
      story.listen('there', there, 'fds', 'data', 'end', 'close');
      there.on('data', () => undefined);
      const chunk = { data: Buffer.from('abc'), fds: [0, 1], callback: (given: object) => story.add('chunk callback', given === chunk) };
      here.write(chunk, (error?: Error | null) => story.add('write callback', error ?? 'fine'));
      story.add('written');
      await once(there, 'data');
      await aWhile();
      const all = there.read(0, null);
      story.add('queued', all?.data, all?.fds);
      all?.fds.forEach((fd) => closeSync(fd));
      story.add('none left', there.read(0, null)?.fds, there.read(0, 1));
      here.write('text', () => story.add('text written'));
      await once(there, 'data');
      here.write([], () => story.add('nothing written'));
      here.write(Buffer.alloc(0), () => story.add('no bytes written'));
      await aWhile();
      here.destroy();
      await once(there, 'end');
      there.destroy();
      server.close();
    },
    lines: [
      'chunk callback true',
      'written',
      'write callback fine',
      'there fds 2 items',
      'there data "abc"',
      'queued null 2 items',
      'none left 0 items null',
      'text written',
      'there data "text"',
      'nothing written',
      'no bytes written',
      'there end',
    ],
  },

  'reads of bytes and descriptors': {
    async tell(teller) {
      const { story } = teller;
      const { server, here, there } = await connected(teller);
      const fds: number[] = [];
      there.on('readable', () => story.add('readable', there.readableLength));
      const read = (name: string, size: number | null | undefined, count: number | null): void => {
        const read = there.read(size, count);
        if (read !== null) fds.push(...read.fds);
        story.add(name, read === null ? null : `${String(read.data)} and ${read.fds.length}`);
      };
      here.write('abc');
      await until('abc is there', () => there.readableLength === 3);
      read('3 bytes, 1 descriptor', 3, 1);
      here.write({ data: Buffer.from('defg'), fds: [0, 1, 0] });
      await until('all is there', () => there.readableLength === 7);
      await aWhile();
      read('5 bytes, 1 descriptor', 5, 1);
      read('5 bytes, 1 descriptor', 5, 1);
      read('2 bytes, 3 descriptors', 2, 3);
      read('no bytes, 1 descriptor', undefined, 0);
      read('nothing', null, 0);
      read('1 byte', 1, 0);
      read('all descriptors', null, null);
      story.add('plain', there.read(), there.read(1));
      story.attempt('unshift', () => there.unshift(Buffer.from('zz')));
      story.add('put back', there.read(2));
      for (const fd of fds) closeSync(fd);
      here.destroy();
      there.destroy();
      server.close();
    },
    lines: [
      'readable 3',
      '3 bytes, 1 descriptor null',
      'readable 7',
      '5 bytes, 1 descriptor abcde and 1',
      '5 bytes, 1 descriptor null',
      '2 bytes, 3 descriptors null',
      'no bytes, 1 descriptor fg and 0',
      'nothing null and 0',
      '1 byte null',
      'all descriptors null and 2',
      'plain null null',
      'unshift undefined',
      'put back "zz"',
    ],
  },

  'what was written before a listener comes': {
    async tell(teller) {
      const { story } = teller;
      const { server, here, there } = await connected(teller);
      for (const word of ['a', 'b', 'c']) here.write({ data: Buffer.from(word), fds: [0] });
      await aWhile();
      there.on('fds', (fds: number[]) => { story.add('fds', fds); fds.forEach((fd) => closeSync(fd)); });
      there.on('data', (data: Buffer) => story.add('data', data));
      await aWhile();
      there.pause();
      here.write('d');
      here.write('e');
      await aWhile();
      story.add('paused');
      there.resume();
      await aWhile();
      there.destroy();
      here.destroy();
      server.close();
    },
    lines: ['fds 1 items', 'data "a"', 'fds 1 items', 'data "b"', 'fds 1 items', 'data "c"', 'paused', 'data "de"'],
  },

  'destroy says nothing, and a socket can connect again': {
    async tell(teller) {
      const { story } = teller;
      const { server, here, there } = await connected(teller);
      story.listen('here', here, 'end', 'error', 'close', 'connected');
      here.resume();
      here.destroy();
      await aWhile();
      story.add('destroyed', here.destroyed, typeof here.fd, here.read(), here.read(1, 0));
      here.write('x', (error?: Error | null) => story.add('write', error));
      await aWhile();
      here.destroy();
      here.connect(`${teller.directory}/s`);
      const [again] = await once(server, 'connection') as [Socket];
      await aWhile();
      again.destroy();
      there.destroy();
      here.destroy();
      server.close();
    },
    lines: ['destroyed false number null null', 'write [USocket not connected]', 'here connected'],
  },

  'nobody to connect to': {
    async tell({ story, usocket, directory }) {
      const client = new usocket.USocket(`${directory}/none`, () => story.add('connected'));
      client.on('error', (error: NodeJS.ErrnoException) => story.add('error', error.code, error.syscall, client.fd));
      client.on('close', (error: NodeJS.ErrnoException) => story.add('close', error.code));
      await told(client, 'close');
      const far = new usocket.USocket(`/${'x'.repeat(107)}`);
      story.listen('far', far, 'error', 'close');
      far.on('error', () => undefined);
      await told(far, 'close');
      story.attempt('number', () => new usocket.USocket({ path: 5 as unknown as string }));
      story.add('zero', new usocket.USocket({ fd: 0 }).fd, new usocket.USocket().fd);
      const bad = new usocket.USocket();
      bad.on('error', () => story.add('bad error'));
      bad.on('close', () => story.add('bad close'));
      bad.connect({ fd: -1 });
      story.add('bad is', bad.fd);
    },
    lines: [
      'error ENOENT connect undefined',
      'close ENOENT',
      'far error [USocket socket path is too long]',
      'far close [USocket socket path is too long]',
      'number threw [USocket#connect expects string path]',
      'zero undefined undefined',
      'bad error',
      'bad close',
      'bad is -1',
    ],
  },

  'nowhere to listen': {
    async tell({ story, usocket, directory }) {
      const server = new usocket.UServer();
      server.on('error', (error: NodeJS.ErrnoException) => story.add('error', error.code, server.listening));
      server.listen(`${directory}/none/s`);
      await told(server, 'error');
      const far = new usocket.UServer();
      story.listen('far', far, 'error');
      far.listen(`/${'x'.repeat(107)}`);
      await told(far, 'error');
      const wrong = new usocket.UServer();
      story.attempt('no path', () => wrong.listen(undefined as unknown as string));
      story.attempt('a number', () => wrong.listen(7 as unknown as string));
      story.attempt('a text as backlog', () => wrong.listen(`${directory}/s`, 'y' as unknown as number));
      story.attempt('no path in options', () => wrong.listen({} as { path: string }));
    },
    lines: [
      'error ENOENT false',
      'far error [UServer socket path is too long]',
      'no path threw [UServer expects valid path]',
      'a number threw [UServer expects valid path]',
      'a text as backlog threw [UServer expects valid path]',
      'no path in options threw [UServer expects valid path]',
    ],
  },

  'bad input is told to the callback': {
    async tell(teller) {
      const { story, usocket } = teller;
      const inputs: [string, unknown][] = [
        ['text as data', { data: 'text' }],
        ['a number as fds', { data: Buffer.from('x'), fds: 7 }],
        ['a number as callback', { data: Buffer.from('x'), callback: 7 }],
        ['nothing in it', {}],
        ['a number', 42],
      ];
      const { server, here, there } = await connected(teller);
      here.destroy();
      for (const [name, input] of inputs) {
        const client = new usocket.USocket(`${teller.directory}/s`);
        client.on('error', () => undefined);
        await once(client, 'connected');
        client.write(input as Buffer, (error?: Error | null) => story.add(name, error));
        await aWhile();
        client.destroy();
      }
      const nowhere = new usocket.USocket();
      nowhere.on('error', () => undefined);
      nowhere.write('x', (error?: Error | null) => story.add('not connected', error));
      await aWhile();
      story.attempt('null', () => here.write(null as unknown as string));
      there.destroy();
      server.close();
    },
    lines: [
      'text as data [USocket data needs to be a buffer]',
      'a number as fds [USocket fds needs to be an array]',
      'a number as callback [USocket write callback needs to be a function]',
      'nothing in it [USocket write needs a data or array]',
      'a number [USocket write needs a data or array]',
      'not connected [USocket not connected]',
      'null threw [May not write null values to stream]',
    ],
  },

  'both sides end': {
    async tell(teller) {
      const { story } = teller;
      const { server, here, there } = await connected(teller);
      there.on('close', (error?: Error) => story.add('there close', error));
      here.on('close', (error?: Error) => story.add('here close', error));
      there.on('data', (data: Buffer) => story.add('there data', data));
      there.on('end', () => story.add('there end'));
      here.resume();
      here.write('last');
      await aWhile();
      here.end(() => story.add('here ended'));
      await once(there, 'end');
      await aWhile();
      story.add('half open');
      there.end();
      await told(here, 'close');
      await aWhile();
      story.add('closed', here.destroyed, there.destroyed);
      server.close();
    },
    lines: ['there data "last"', 'here ended', 'there end', 'half open', 'there close undefined', 'here close undefined', 'closed false false'],
  },

  'a server pauses': {
    async tell({ story, usocket, directory }) {
      const server = new usocket.UServer();
      story.listen('server', server, 'connection');
      story.attempt('pause', () => server.pause());
      server.listen({ path: `${directory}/s`, backlog: 3 });
      await once(server, 'listening');
      const client = new usocket.USocket(`${directory}/s`);
      await once(client, 'connected');
      await aWhile();
      story.add('paused', server.paused);
      story.attempt('resume', () => server.resume());
      const [there] = await once(server, 'connection') as [Socket];
      story.add('accepted', typeof there.fd);
      there.destroy();
      client.destroy();
      server.close();
    },
    lines: ['pause undefined', 'paused true', 'resume undefined', 'server connection USocket', 'accepted number'],
  },
};
