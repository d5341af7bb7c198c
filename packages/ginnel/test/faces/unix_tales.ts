// Stories that node-unix-socket and our face tell in the same words.

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';

import { aWhile, Story, told, until, type UnixSockets } from './support';

type Socket = InstanceType<UnixSockets['SeqpacketSocket']>;
type Server = InstanceType<UnixSockets['SeqpacketServer']>;

export interface Teller {
  readonly story: Story;
  readonly sockets: UnixSockets;
  readonly directory: string;
}

export interface Tale {
  readonly tell: (teller: Teller) => Promise<void>;
  readonly lines: readonly string[];
}

/** A server, a client, and the socket that the server has accepted. */
export async function connected({ sockets, directory }: Teller, name = 's'): Promise<{ server: Server; here: Socket; there: Socket }> {
  const server = new sockets.SeqpacketServer();
  server.listen(`${directory}/${name}`);
  const here = new sockets.SeqpacketSocket();
  here.connect(`${directory}/${name}`);
  const [[there]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(here, 'connect')]);
  return { server, here, there };
}

export const TALES: Readonly<Record<string, Tale>> = {
  'a server listens and a client connects': {
    async tell({ story, sockets, directory }) {
      const server = new sockets.SeqpacketServer();
      story.listen('server', server, 'connection', 'close', 'error');
      story.attempt('address', () => server.address() === '');
      story.attempt('listen', () => server.listen(`${directory}/s`, 5));
      story.attempt('address', () => server.address() === `${directory}/s`);
      story.attempt('listen again', () => server.listen(`${directory}/t`));
      const other = new sockets.SeqpacketServer();
      story.attempt('listen there too', () => other.listen(`${directory}/s`));
      story.attempt('too long', () => other.listen(`/${'x'.repeat(107)}`));
      story.attempt('nowhere', () => other.listen(`${directory}/none/s`));
      other.close();
      const client = new sockets.SeqpacketSocket();
      story.listen('client', client, 'connect', 'close');
      story.attempt('connect', () => client.connect(`${directory}/s`, () => story.add('connect callback', client._state())));
      story.add('state', client._state());
      await once(client, 'connect');
      await aWhile();
      story.attempt('destroy', () => client.destroy());
      story.attempt('destroy again', () => client.close());
      story.attempt('close', () => server.close());
      story.attempt('close again', () => server.close());
      story.add('file', existsSync(`${directory}/s`));
      for (const method of ['address', 'listen', 'ref', 'unref'] as const) story.attempt(method, () => server[method](`${directory}/s`));
    },
    lines: [
      'address true',
      'listen undefined',
      'address true',
      'listen again threw [Invalid argument]',
      'listen there too threw [Address already in use]',
      'too long threw [path to bind is too long]',
      'nowhere threw [No such file or directory]',
      'connect undefined',
      'state 1',
      'server connection SeqpacketSocket ',
      'client connect',
      'connect callback 1',
      'client close',
      'destroy undefined',
      'destroy again undefined',
      'server close',
      'close undefined',
      'close again undefined',
      'file true',
      'address threw [SeqpacketServer has been closed]',
      'listen threw [SeqpacketServer has been closed]',
      'ref undefined',
      'unref undefined',
    ],
  },

  'records there and back, and both sides end': {
    async tell(teller) {
      const { story } = teller;
      const { server, here, there } = await connected(teller);
      story.listen('there', there, 'data', 'end', 'close', 'error');
      story.listen('here', here, 'data', 'end', 'close', 'error');
      story.attempt('write', () => here.write(Buffer.from('one'), 0, 3, (...given) => story.add('written', given.length)));
      story.attempt('write', () => here.write(Buffer.from('two')));
      story.attempt('part', () => here.write(Buffer.from('abcdef'), 2, 3));
      story.attempt('bytes', () => here.write(new Uint8Array([52])));
      story.attempt('all of it', () => here.write(Buffer.from('five'), undefined, undefined, () => story.add('five written')));
      await aWhile();
      story.attempt('end', () => here.end(() => story.add('ended')));
      story.attempt('write after end', () => here.write(Buffer.from('x')));
      story.attempt('end again', () => here.end(() => story.add('ended again')));
      story.add('states', here._state(), there._state());
      await aWhile();
      there.write(Buffer.from('reply'));
      await aWhile();
      there.end(() => story.add('there ended'));
      await aWhile();
      story.add('states', here._state(), there._state());
      story.attempt('write after close', () => here.write(Buffer.from('x')));
      story.attempt('connect after close', () => here.connect(`${teller.directory}/s`));
      story.attempt('ref', () => here.ref());
      story.attempt('unref', () => here.unref());
      server.close();
    },
    lines: [
      'written 0',
      'write undefined',
      'write undefined',
      'part undefined',
      'bytes undefined',
      'five written',
      'all of it undefined',
      'there data "one"',
      'there data "two"',
      'there data "cde"',
      'there data "4"',
      'there data "five"',
      'ended',
      'end undefined',
      'write after end threw [socket has been shutdown]',
      'ended again',
      'end again undefined',
      'states 3 1',
      'there end',
      'here data "reply"',
      'there close',
      'there ended',
      'here close',
      'here end',
      'states 5 5',
      'write after close threw [SeqpacketSocket has been destroyed]',
      'connect after close threw [SeqpacketSocket has been destroyed]',
      'ref undefined',
      'unref undefined',
    ],
  },

  'much is written before the end': {
    async tell(teller) {
      const { story } = teller;
      const { server, here, there } = await connected(teller);
      let came = 0;
      let sent = 0;
      there.on('data', (record: Buffer) => { came += record.length; });
      for (let index = 0; index < 100; index += 1) here.write(Buffer.alloc(10_000), 0, 10_000, () => { sent += 1; });
      story.add('at once', sent < 100, here._state());
      here.end();
      story.add('ending', here._state());
      await once(there, 'end');
      story.add('came', came);
      there.destroy();
      await told(here, 'close');
      server.close();
    },
    lines: ['at once true 1', 'ending 2', 'came 1000000'],
  },

  'the other side is gone': {
    async tell(teller) {
      const { story } = teller;
      const { server, here, there } = await connected(teller);
      there.destroy();
      story.listen('here', here, 'error', 'close', 'end');
      here.on('error', () => undefined);
      here.write(Buffer.from('x'));
      story.add('written', here._state());
      await told(here, 'close');
      story.add('state', here._state());
      server.close();
    },
    lines: ['written 1', 'here error [Broken pipe]', 'here close', 'state 5'],
  },

  'a socket that is not connected': {
    async tell({ story, sockets, directory }) {
      const early = new sockets.SeqpacketSocket();
      story.listen('early', early, 'error', 'close');
      early.on('error', () => undefined);
      early.write(Buffer.from('x'));
      await told(early, 'close');
      const lost = new sockets.SeqpacketSocket();
      story.listen('lost', lost, 'close');
      let threw = false;
      try {
        lost.connect(`${directory}/none`);
      } catch {
        threw = true;
      }
      story.add('threw', threw, lost._state());
      const far = new sockets.SeqpacketSocket();
      story.listen('far', far, 'close');
      story.attempt('too long', () => far.connect(`/${'x'.repeat(107)}`));
      story.add('state', far._state(), far.getInternalReadBufferSize());
      far.setInternalReadBufferSize(1000);
      story.add('size', far.getInternalReadBufferSize());
      far.end(() => story.add('ended'));
      story.add('state', far._state());
      far.destroy();
      threw = false;
      try {
        new sockets.SeqpacketSocket(-1);
      } catch {
        threw = true;
      }
      story.add('no descriptor', threw);
    },
    lines: [
      'early error [Transport endpoint is not connected]',
      'early close',
      'lost close',
      'threw true 5',
      'too long threw [path to bind is too long]',
      'state 1 262144',
      'size 1000',
      'ended',
      'state 3',
      'far close',
      'no descriptor true',
    ],
  },

  'datagrams there and back': {
    async tell({ story, sockets, directory }) {
      const [a, b, nameless] = [new sockets.DgramSocket(), new sockets.DgramSocket(), new sockets.DgramSocket()];
      b.on('data', (data: Buffer, from: string) => story.add('b data', data, from.replace(directory, '.')));
      a.on('data', (data: Buffer, from: string) => story.add('a data', data, from.replace(directory, '.')));
      story.add('no address', a.address() === '');
      story.attempt('bind', () => a.bind(`${directory}/a`));
      b.bind(`${directory}/b`);
      story.add('address', a.address() === `${directory}/a`);
      story.attempt('bind again', () => a.bind(`${directory}/c`));
      story.attempt('bind there too', () => nameless.bind(`${directory}/a`));
      story.attempt('too long', () => nameless.bind(`/${'x'.repeat(107)}`));
      story.attempt('send', () => a.sendTo(Buffer.from('hello'), 0, 5, `${directory}/b`, (...given) => story.add('sent', given.length)));
      await aWhile();
      story.attempt('reply', () => b.sendTo(Buffer.from('hello'), 0, 5, `${directory}/a`));
      nameless.sendTo(Buffer.from('anonymous'), 0, 9, `${directory}/b`);
      nameless.sendTo(Buffer.alloc(0), 0, 0, `${directory}/b`);
      await aWhile();
      story.attempt('to nobody', () => a.sendTo(Buffer.from('x'), 0, 1, `${directory}/none`, (error) => story.add('not sent', error)));
      story.attempt('to nobody, quietly', () => a.sendTo(Buffer.from('x'), 0, 1, `${directory}/none`));
      story.attempt('too large', () => a.sendTo(Buffer.alloc(1 << 20), 0, 1 << 20, `${directory}/b`, (error) => story.add('not sent', error)));
      story.attempt('too long', () => a.sendTo(Buffer.from('x'), 0, 1, `/${'x'.repeat(107)}`));
      story.attempt('size', () => nameless.setRecvBufferSize(50_000));
      story.attempt('size', () => nameless.setSendBufferSize(40_000));
      story.add('sizes', nameless.getRecvBufferSize(), nameless.getSendBufferSize());
      for (const socket of [a, b, nameless]) {
        socket.on('close', () => story.add('close'));
        socket.close();
        socket.close();
      }
      story.add('file', existsSync(`${directory}/a`));
      story.attempt('send after close', () => a.sendTo(Buffer.from('x'), 0, 1, `${directory}/b`));
      story.attempt('bind after close', () => a.bind(`${directory}/b`));
    },
    lines: [
      'no address true',
      'bind undefined',
      'address true',
      'bind again threw [Invalid argument]',
      'bind there too threw [Address already in use]',
      'too long threw [path to bind is too long]',
      'sent 0',
      'send undefined',
      'b data "hello" ./a',
      'reply undefined',
      'a data "hello" ./b',
      'b data "anonymous" ',
      'b data "" ',
      'not sent [No such file or directory]',
      'to nobody undefined',
      'to nobody, quietly undefined',
      'not sent [Message too long]',
      'too large undefined',
      'too long threw [path to bind is too long]',
      'size undefined',
      'size undefined',
      'sizes 100000 80000',
      'close',
      'close',
      'close',
      'file true',
      'send after close threw [DgramSocket has been closed]',
      'bind after close threw [DgramSocket has been closed]',
    ],
  },

  'a port that is shared': {
    async tell({ story, sockets }) {
      const first = sockets.createReuseportFd(0, '127.0.0.1');
      const servers = [createServer(), createServer()];
      servers[0]?.listen({ fd: first });
      await until('it listens', () => servers[0]?.listening === true);
      const address = servers[0]?.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      servers[1]?.listen({ fd: sockets.createReuseportFd(port, '127.0.0.1') });
      await until('both listen', () => servers.every((server) => server.listening));
      story.add('same port', JSON.stringify(servers[1]?.address()) === JSON.stringify(address));
      for (const server of servers) server.close();
      const left = sockets.createReuseportFd();
      story.add('descriptor', typeof left, sockets.closeFd(left));
      story.attempt('a name', () => sockets.createReuseportFd(0, 'localhost'));
      story.attempt('an address of others', () => sockets.createReuseportFd(0, '192.0.2.1'));
    },
    lines: [
      'same port true',
      'descriptor number undefined',
      'a name threw [invalid host]',
      'an address of others threw [Cannot assign requested address]',
    ],
  },
};
