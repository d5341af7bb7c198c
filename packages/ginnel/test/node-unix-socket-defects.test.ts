// Where node-unix-socket is wrong, the face is right: a test for each defect that COMPAT lists, by its number.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mock, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { Datagram, SeqPacket } from 'ginnel';
import * as sockets from 'ginnel/node-unix-socket';

import { crampedPeer, inDirectory, isCloseOnExec, openDescriptors, Story, testBetween, told, until } from './faces/support';
import { connected } from './faces/unix_tales';

const inside = join(dirname(require.resolve('ginnel/package.json')), 'dist', 'faces');
const { Backlog }: typeof import('../dist/faces/shared') = require(join(inside, 'shared'));

type Ends = Awaited<ReturnType<typeof connected>> & { directory: string };

function between(name: string, action: (ends: Ends) => Promise<void>): void {
  testBetween(name, (directory) => connected({ story: new Story(), sockets, directory }), action);
}

/** Sockets of datagrams, bound to a, b, c and so on. */
function datagrams(name: string, count: number, action: (all: sockets.DgramSocket[], at: (index: number) => string) => Promise<void>): void {
  test(name, { timeout: 30_000 }, () => inDirectory(async (directory) => {
    const at = (index: number): string => `${directory}/${String.fromCharCode(97 + index)}`;
    const all = Array.from({ length: count }, () => new sockets.DgramSocket());
    try {
      all.forEach((socket, index) => socket.bind(at(index)));
      await action(all, at);
    } finally {
      for (const socket of all) socket.close();
    }
  }));
}

interface Blocked {
  readonly a: sockets.DgramSocket;
  readonly c: sockets.DgramSocket;
  /** Reads when it is asked to. */
  readonly reader: Datagram;
  readonly send: (byte: number, sent?: sockets.SendCb) => void;
  readonly at: (name: string) => string;
}

/** Sockets at a and c, and one that `send` of a fills up. */
async function withFullReceiver(action: (blocked: Blocked) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const at = (name: string): string => `${directory}/${name}`;
    const [a, c] = [new sockets.DgramSocket(), new sockets.DgramSocket()];
    const reader = Datagram.bind(at('reader'));
    const send = (byte: number, sent?: sockets.SendCb): void => a.sendTo(Buffer.from([byte]), 0, 1, at('reader'), sent);
    try {
      a.bind(at('a'));
      c.bind(at('c'));
      await action({ a, c, reader, send, at });
    } finally {
      for (const socket of [a, c]) socket.close();
      reader.destroy();
    }
  });
}

between('D1: a record that is longer than the read buffer is an error, and no shorter record', async ({ here, there }) => {
  const came: number[] = [];
  there.setInternalReadBufferSize(1000);
  there.on('data', (data: Buffer) => came.push(data.length));
  there.on('error', () => undefined);
  const failed = told(there, 'error');
  const closed = told(there, 'close');
  for (const size of [10, 1000, 5000, 10]) here.write(Buffer.alloc(size));
  assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, 'EMSGSIZE');
  await closed;
  assert.deepEqual(came, [10, 1000]);
});

between('D1: a large record of a foreign peer arrives whole if there is room', async ({ directory, server }) => {
  const accepted = once(server, 'connection') as Promise<[sockets.SeqpacketSocket]>;
  const peer = await SeqPacket.connect(`${directory}/s`);
  const [there] = await accepted;
  const came = once(there, 'data') as Promise<[Buffer]>;
  await peer.send(Buffer.alloc(150_000, 7));
  assert.deepEqual((await came)[0], Buffer.alloc(150_000, 7));
  peer.destroy();
  there.destroy();
});

datagrams('D2: a datagram of more than 65,535 bytes arrives whole', 2, async ([a, b], at) => {
  const came = once(b ?? assert.fail(), 'data') as Promise<[Buffer]>;
  a?.sendTo(Buffer.alloc(100_000, 5), 0, 100_000, at(1));
  assert.deepEqual((await came)[0], Buffer.alloc(100_000, 5));
});

datagrams('D3: offset and length of a datagram', 2, async ([a, b], at) => {
  const came: string[] = [];
  b?.on('data', (data: Buffer) => came.push(String(data)));
  const bytes = Buffer.from('0123456789abcdef');
  a?.sendTo(bytes, 4, 3, at(1));
  a?.sendTo(bytes, 10, 6, at(1));
  a?.sendTo(bytes, 16, 0, at(1));
  await until('three came', () => came.length === 3);
  assert.deepEqual(came, ['456', 'abcdef', '']);
  for (const [offset, length] of [[10, 7], [17, 0], [-1, 1], [0, -1], [0.5, 1], [0, Number.NaN]] as const) {
    assert.throws(() => a?.sendTo(bytes, offset, length, at(1)), /RangeError|TypeError/, `${offset}, ${length}`);
  }
});

between('D4: an empty record is a record, and no end', async ({ here, there }) => {
  const story = new Story();
  story.listen('there', there, 'data', 'end');
  for (const word of ['one', '', 'two', '']) here.write(Buffer.from(word));
  here.write(Buffer.from('three'), 0, 0);
  here.end();
  await once(there, 'end');
  assert.deepEqual(story.lines, ['there data "one"', 'there data ""', 'there data "two"', 'there data ""', 'there data ""', 'there end']);
});

for (const event of ['connect', 'data', 'end', 'error', 'write', 'shutdown'] as const) {
  between(`D5: destroy() in '${event}' is final`, async ({ directory, server }) => {
    const before = openDescriptors().length;
    const client = new sockets.SeqpacketSocket();
    const accepted = once(server, 'connection') as Promise<[sockets.SeqpacketSocket]>;
    let happened = false;
    const finish = (): void => {
      happened = true;
      client.destroy();
      for (const later of ['data', 'end', 'error', 'close']) client.on(later, () => assert.fail(later));
    };
    client.on('error', () => undefined);
    if (event !== 'write' && event !== 'shutdown') client.once(event, finish);
    client.connect(`${directory}/s`);
    const [there] = await accepted;
    there.on('error', () => undefined);
    if (event === 'error') client.setInternalReadBufferSize(1);
    for (let index = 0; index < 30; index += 1) there.write(Buffer.from('record'));
    if (event === 'write') client.write(Buffer.from('x'), 0, 1, finish);
    if (event === 'shutdown') client.end(finish);
    if (event === 'end') there.end();
    await until(`'${event}' has happened`, () => happened);
    there.destroy();
    assert.equal(client._state(), 5);
    await until('all is closed', () => openDescriptors().length <= before);
  });
}

between('D6: a part to the end, and no bytes at all', async ({ here, there }) => {
  const came: string[] = [];
  there.on('data', (data: Buffer) => came.push(String(data)));
  here.write(Buffer.from('abcdef'), 2);
  here.write(Buffer.from('abcdef'), 6);
  here.write(Buffer.from('abcdef'), 1, 0);
  await until('three came', () => came.length === 3);
  assert.deepEqual(came, ['cdef', '', '']);
  for (const [offset, length] of [[7, 0], [5, 2], [-1, 1], [0, -1], [1.5, 1], [Number.NaN, 1], [0, 2 ** 40]] as const) {
    assert.throws(() => here.write(Buffer.from('abcdef'), offset, length), /RangeError|TypeError/, `${offset}, ${length}`);
  }
});

between('D7: callbacks come in the order of the writes', async ({ here, there }) => {
  const called: number[] = [];
  for (let index = 0; index < 500; index += 1) here.write(Buffer.alloc(5000), 0, 5000, () => called.push(index));
  assert.ok(called.length < 500);
  there.on('data', () => undefined);
  await until('all are called', () => called.length === 500);
  assert.deepEqual(called, Array.from({ length: 500 }, (_, index) => index));
});

test('D8: a socket that could not send once goes on receiving, and costs nothing while it waits', { timeout: 30_000 }, () =>
  withFullReceiver(async ({ a, c, reader, send, at }) => {
    const came: string[] = [];
    let sent = 0;
    a.on('data', (data: Buffer) => came.push(String(data)));
    for (let index = 0; index < 100; index += 1) send(index, () => { sent += 1; });
    assert.ok(sent > 0 && sent < 100);
    for (let index = 0; index < 3; index += 1) c.sendTo(Buffer.from(`${index}`), 0, 1, at('a'));
    await until('three came', () => came.length === 3);
    const before = process.cpuUsage();
    await pause(1000);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 250_000, `${user + system} µs in a second`);
    for (let index = 0; index < 100; index += 1) assert.equal((await reader.recv())?.data[0], index);
    await until('all are told', () => sent === 100);
  }));

test('D9: a full receiver holds up nobody else, and its datagrams keep their order', { timeout: 30_000 }, () =>
  withFullReceiver(async ({ a, c, reader, send, at }) => {
    const came: number[] = [];
    c.on('data', (data: Buffer) => came.push(data[0] ?? -1));
    for (let index = 0; index < 100; index += 1) send(index);
    for (let index = 0; index < 5; index += 1) a.sendTo(Buffer.from([index]), 0, 1, at('c'));
    await until('c has its own', () => came.length === 5);
    assert.deepEqual(came, [0, 1, 2, 3, 4]);
    for (let index = 0; index < 100; index += 1) assert.equal((await reader.recv())?.data[0], index);
  }));

test('D9: who waits for a receiver that goes is told', { timeout: 30_000 }, () =>
  withFullReceiver(async ({ reader, send }) => {
    const codes: (string | undefined)[] = [];
    for (let index = 0; index < 50; index += 1) send(index, (error) => codes.push((error as NodeJS.ErrnoException | undefined)?.code));
    const sent = codes.length;
    reader.destroy();
    await until('all are told', () => codes.length === 50);
    assert.deepEqual(new Set(codes.slice(0, sent)), new Set([undefined]));
    assert.ok(codes.slice(sent).every((code) => code === 'ECONNREFUSED' || code === 'ENOENT'));
  }));

test('D10: close tells whoever waits for a datagram', { timeout: 30_000 }, () =>
  withFullReceiver(async ({ a, send }) => {
    const sent: boolean[] = [];
    for (let index = 0; index < 50; index += 1) send(index, (error) => sent.push(error === undefined));
    const before = openDescriptors().length;
    a.close();
    assert.equal(sent.length, 50);
    assert.ok(sent.includes(false));
    assert.ok(openDescriptors().length <= before - 2, 'what watched the receiver is closed too');
  }));

between('D10: destroy tells whoever waits for a write or for the end', async ({ here }) => {
  const story = new Story();
  let called = 0;
  let failed = 0;
  for (let index = 0; index < 100; index += 1) {
    here.write(Buffer.alloc(10_000), 0, 10_000, (error) => {
      called += 1;
      if (error !== undefined) failed += 1;
    });
  }
  here.end((error) => story.add('end', error));
  here.on('close', () => story.add('close', called, failed > 0 && failed < 100));
  here.destroy();
  assert.deepEqual(story.lines, ['end [SeqpacketSocket has been destroyed]', 'close 100 true']);
});

between('D11: a record that is too long for the system is an error with its code', async ({ here, there }) => {
  const story = new Story();
  here.on('error', (error: NodeJS.ErrnoException) => story.add('error', error.code, error.message, error.syscall, error.errno === -90));
  here.on('close', () => story.add('close'));
  here.write(Buffer.from('before'));
  here.write(Buffer.alloc(4 << 20), 0, 4 << 20, (error) => story.add('callback', (error as NodeJS.ErrnoException).code));
  here.write(Buffer.from('behind'), 0, 6, (error) => story.add('behind', error instanceof Error));
  const came = once(there, 'data') as Promise<[Buffer]>;
  await once(there, 'end');
  assert.equal(String((await came)[0]), 'before');
  assert.deepEqual(story.lines, ['callback EMSGSIZE', 'behind true', 'error EMSGSIZE Message too long sendmsg true', 'close']);
});

test('D12, D14: errors say what happened, with their codes', () => inDirectory(async (directory) => {
  const path = `${directory}/s`;
  const fails = (code: string, action: () => unknown): void => {
    assert.throws(action, (error: NodeJS.ErrnoException) => error.code === code && typeof error.errno === 'number');
  };
  const server = new sockets.SeqpacketServer();
  server.listen(path, 1);
  fails('EADDRINUSE', () => new sockets.SeqpacketServer().listen(path));
  const clients = Array.from({ length: 5 }, () => new sockets.SeqpacketSocket());
  assert.throws(() => clients.forEach((client) => client.connect(path)), { code: 'EAGAIN', message: 'Resource temporarily unavailable' });
  for (const client of clients) client.destroy();
  server.close();
  assert.throws(() => new sockets.SeqpacketSocket().connect(path), { code: 'ECONNREFUSED', message: 'Connection refused', path });
  assert.throws(() => new sockets.SeqpacketSocket().connect(`${path}x`), { code: 'ENOENT', message: 'No such file or directory' });
  fails('EADDRNOTAVAIL', () => sockets.createReuseportFd(0, '192.0.2.1'));
  fails('EBADF', () => sockets.closeFd(100_000));
  fails('EBADF', () => new sockets.SeqpacketSocket(-1));
  writeFileSync(`${directory}/file`, 'precious');
  assert.throws(() => new sockets.SeqpacketServer().listen(`${directory}/file`), { code: 'ERR_GINNEL_NOT_A_SOCKET' });
  assert.equal(readFileSync(`${directory}/file`, 'utf8'), 'precious');
}));

/** As if so much waited already that there is no room for more. */
async function withoutRoom(action: () => Promise<void>): Promise<void> {
  const full = mock.method(Backlog.prototype, 'hasRoomFor', () => false);
  try {
    await action();
  } finally {
    full.mock.restore();
  }
}

between('records beyond what may wait are an error, and every callback is called', ({ here }) => withoutRoom(async () => {
  const codes: (string | undefined)[] = [];
  const failed = told(here, 'error');
  const closed = told(here, 'close');
  here.on('error', () => undefined);
  for (let index = 0; index < 500; index += 1) {
    here.write(Buffer.alloc(5000), 0, 5000, (error) => codes.push((error as NodeJS.ErrnoException | undefined)?.code));
  }
  const sent = codes.length;
  assert.ok(sent > 0 && sent < 500);
  assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, 'ERR_GINNEL_BACKLOG');
  await closed;
  assert.deepEqual(codes.slice(sent), new Array<string>(500 - sent).fill('ERR_GINNEL_BACKLOG'));
}));

test('datagrams beyond what may wait are refused, and the socket goes on', { timeout: 30_000 }, () =>
  withFullReceiver(async ({ a, c, reader, send, at }) => {
    const codes: (string | undefined)[] = [];
    await withoutRoom(async () => {
      for (let index = 0; index < 100; index += 1) send(index, (error) => codes.push((error as NodeJS.ErrnoException | undefined)?.code));
    });
    const sent = codes.filter((code) => code === undefined).length;
    assert.ok(sent > 0 && sent < 100);
    assert.deepEqual(codes.slice(sent), new Array<string>(100 - sent).fill('ERR_GINNEL_BACKLOG'));
    for (let index = 0; index < sent; index += 1) await reader.recv();
    const came = once(c, 'data');
    a.sendTo(Buffer.from('x'), 0, 1, at('c'));
    await came;
  }));

test('what waits has a limit, which very many small things meet too', () => {
  const backlog = new Backlog(1000);
  assert.ok(backlog.hasRoomFor(5000), 'one alone may be of any size');
  for (let index = 0; index < 7; index += 1) backlog.add(0);
  assert.equal(backlog.hasRoomFor(0), false);
  backlog.remove(0);
  assert.ok(backlog.hasRoomFor(0));
  assert.equal(backlog.hasRoomFor(200), false);
});

test('D13: every socket is close-on-exec', () => inDirectory(async (directory) => {
  const before = new Set(openDescriptors());
  const { server, here, there } = await connected({ story: new Story(), sockets, directory });
  const datagram = new sockets.DgramSocket();
  datagram.bind(`${directory}/d`);
  const port = sockets.createReuseportFd();
  const opened = openDescriptors().filter((fd) => !before.has(fd));
  assert.ok(opened.length >= 5);
  assert.deepEqual(opened.filter((fd) => !isCloseOnExec(fd)), []);
  sockets.closeFd(port);
  datagram.close();
  for (const socket of [here, there]) socket.destroy();
  server.close();
}));

test('without descriptors left, accepting pauses, and goes on', { timeout: 30_000 }, () => inDirectory(async (directory) => {
  const path = `${directory}/s`;
  const server = crampedPeer(join(__dirname, 'faces', 'full_table.js'), 'node-unix-socket', path);
  await server.listening;
  const client = new sockets.SeqpacketSocket();
  client.connect(path);
  assert.equal(await server.ended, 'room connection\n');
  client.destroy();
}));
