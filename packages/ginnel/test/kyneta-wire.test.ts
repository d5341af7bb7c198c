// Bytes: frames cut and joined anywhere, the frames that kyneta 1.8 was seen to send, both ways, over real sockets.

import assert from 'node:assert/strict';
import net from 'node:net';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';

import { Connection, Stream } from 'ginnel';
import { createUnixSocketClient, UnixSocketServerTransport } from 'ginnel/kyneta';

import { Exchange } from './support/kyneta/exchange';
import { type Message } from './support/kyneta/messages';
import { captured, freshPath, until } from './support/kyneta/place';

const inside = join(dirname(require.resolve('ginnel/package.json')), 'dist/faces/kyneta');
const { FrameGate }: typeof import('../dist/faces/kyneta/frame-gate') = require(join(inside, 'frame-gate'));
const { WriteQueue }: typeof import('../dist/faces/kyneta/write-queue') = require(join(inside, 'write-queue'));

const frames = ['establish, client', 'interest', 'depart'].map(captured);
const fragments = ['fragment 1', 'fragment 2'].map(captured);

function hex(bytes: readonly Uint8Array[]): string[] {
  return bytes.map((each) => Buffer.from(each).toString('hex'));
}

describe('the gate before the parser', () => {
  const all = [...frames, ...fragments];
  const bytes = Buffer.concat(all);

  test('frames come out whole, wherever they were cut', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const gate = new FrameGate(1000);
      const first = gate.feed(bytes.subarray(0, cut)).frames;
      assert.deepEqual(hex([...first, ...gate.feed(bytes.subarray(cut)).frames]), hex(all), `cut at ${cut}`);
    }
  });

  test('frames come out whole, byte by byte', () => {
    const gate = new FrameGate(1000);
    const out = [...bytes].flatMap((byte) => gate.feed(Uint8Array.of(byte)).frames);
    assert.deepEqual(hex(out), hex(all));
    assert.equal(gate.room, 0);
  });

  test('other versions, other types and empty bodies are passed over by their length', () => {
    const strange = [
      Buffer.from('010000000003aabbcc', 'hex'), Buffer.from('020700000002aabb', 'hex'), Buffer.from('020000000000', 'hex'),
      Buffer.from('010100000001ff', 'hex'), Buffer.from('070000000000', 'hex'),
    ];
    const mixed = Buffer.concat(strange.flatMap((each) => [each, captured('depart')]));
    for (let cut = 0; cut <= mixed.length; cut++) {
      const gate = new FrameGate(1000);
      const out = [...gate.feed(mixed.subarray(0, cut)).frames, ...gate.feed(mixed.subarray(cut)).frames];
      assert.deepEqual(hex(out), hex(strange.map(() => captured('depart'))), `cut at ${cut}`);
    }
  });

  test('K5: a length over the limit is a fault, and one below it takes room only as bytes come', () => {
    const gate = new FrameGate(0xffff_ffff);
    assert.deepEqual(gate.feed(Buffer.from('0200ffffffff', 'hex')), { frames: [], fault: undefined });
    assert.ok(gate.room <= 64);
    gate.feed(new Uint8Array(100_000));
    assert.ok(gate.room <= 2 * 100_006);

    const strict = new FrameGate(1000);
    const { frames: before, fault } = strict.feed(Buffer.concat([captured('depart'), Buffer.from('0200000003e9', 'hex')]));
    assert.deepEqual(hex(before), hex([captured('depart')]));
    assert.equal(fault?.code, 'ERR_GINNEL_KYNETA_TOO_LONG');
    assert.match(fault.message, /1001 bytes, 1000 are allowed/);
    assert.equal(new FrameGate(1000).feed(Buffer.from('0200000003e8', 'hex')).fault, undefined);
  });

  test('the limit holds for frames that are passed over and for what fragments add up to', () => {
    assert.notEqual(new FrameGate(1000).feed(Buffer.from('0700000003e9', 'hex')).fault, undefined);
    const fragment = Buffer.from('02010000000100010000000200000400ff', 'hex');
    assert.notEqual(new FrameGate(1000).feed(fragment).fault, undefined);
    assert.equal(new FrameGate(1024).feed(fragment).fault, undefined);
  });
});

test('K3: what waits for a socket is written once and in order, however often it is full', () => {
  const written: number[] = [];
  let room = 0;
  const queue = new WriteQueue((piece) => {
    written.push(piece[0] ?? -1);
    return room-- > 0;
  });
  for (let n = 0; n < 100; n++) {
    queue.push(Uint8Array.of(n));
    if (n % 7 === 0) queue.resume();
  }
  while (!queue.isEmpty) {
    room = written.length % 3;
    queue.resume();
  }
  assert.deepEqual(written, Array.from({ length: 100 }, (_, n) => n));
  assert.equal(queue.length, 0);
});

/** The third document is presented as the second was: what was captured speaks of it by its number. */
const third = Buffer.from(captured('present, schema by alias').toString('latin1').replace('doc-2aa\x01', 'doc-3aa\x02'), 'latin1');

const conversation = [
  captured('establish, client'), captured('present, first use of a schema'), captured('present, schema by alias'), third,
  ...[
    'interest', 'interest, collaborative', 'offer, delta as json', 'offer, entirety as json', 'offer, entirety as bytes',
    'dismiss', 'depart',
  ].map(captured),
];

const plain = ['plain', 1, 0] as const;
const schemaHash = '0168025d0ca7b3d42c3799e9edc30092b2';
const delta = '[[{"path":[{"type":"field","field":"title"}],"change":{"type":"replace","value":"hello"}}]]';
const said: Message[] = [
  { type: 'establish', identity: { peerId: 'client', name: 'Cli', type: 'user' }, features: { alias: true } },
  { type: 'present', docs: [{ docId: 'doc-1', replicaType: plain, mode: 1, schemaHash }] },
  { type: 'present', docs: [{ docId: 'doc-2', replicaType: plain, mode: 1, schemaHash }] },
  { type: 'present', docs: [{ docId: 'doc-3', replicaType: plain, mode: 1, schemaHash }] },
  { type: 'interest', docId: 'doc-1', version: '1', reciprocate: false },
  { type: 'interest', docId: 'doc-1', version: 'AQAB.AAEAAQ==', reciprocate: true },
  { type: 'offer', docId: 'doc-1', payload: { kind: 1, encoding: 0, data: delta }, version: '2', reciprocate: false },
  { type: 'offer', docId: 'doc-3', payload: { kind: 0, encoding: 0, data: '{"x":0}' }, version: '0', reciprocate: false },
  {
    type: 'offer', docId: 'doc-1', payload: { kind: 1, encoding: 1, data: new Uint8Array(2) },
    version: 'AQAB.AAEAAQ==', reciprocate: false,
  },
  { type: 'dismiss', docId: 'doc-1' },
  { type: 'depart' },
];

describe('the frames of kyneta 1.8', () => {
  test('what it sent is understood by our server, also byte by byte', async () => {
    for (const step of [1, 1 << 16]) {
      const exchange = new Exchange({ id: 'server' });
      const path = freshPath();
      await exchange.addTransport(new UnixSocketServerTransport({ path }));
      const socket = net.connect(path);
      const bytes = Buffer.concat(conversation);
      for (let at = 0; at < bytes.length; at += step) socket.write(bytes.subarray(at, at + step));
      await until(() => exchange.received.length === said.length, 'all was heard');
      assert.deepEqual(exchange.received, said);
      socket.destroy();
      await exchange.shutdown();
    }
  });

  test('what our client says is what it sent, byte for byte', async (context) => {
    const path = freshPath();
    const chunks: Buffer[] = [];
    const server = net.createServer((socket) => {
      socket.write(captured('establish, server'));
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('end', () => socket.end());
    });
    context.after(() => server.close());
    await new Promise<void>((listening) => server.listen(path, listening));
    const exchange = new Exchange({ id: 'client' });
    Object.assign(exchange.identity, { name: 'Cli', type: 'user' });
    await exchange.addTransport(createUnixSocketClient({ path })());
    await until(() => exchange.received.length > 0, 'the server introduced itself');
    said.slice(1, -1).forEach((message) => exchange.send(message));
    await exchange.shutdown();
    // An exchange that is introduced to answers with an introduction: so does kyneta's client, a second time.
    const expected = Buffer.concat([captured('establish, client'), ...conversation]);
    await until(() => chunks.reduce((sum, { length }) => sum + length, 0) >= expected.length, 'all bytes came');
    assert.equal(Buffer.concat(chunks).toString('hex'), expected.toString('hex'));
  });

  test('K8: fragments that come late are put together all the same', async () => {
    const exchange = new Exchange({ id: 'server' });
    const path = freshPath();
    await exchange.addTransport(new UnixSocketServerTransport({ path }));
    const socket = net.connect(path);
    for (const fragment of fragments) {
      socket.write(fragment);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until(() => exchange.peers.has('rawcli'), 'the introduction was put together');
    socket.destroy();
    await exchange.shutdown();
  });
});

describe('the same wire as Ginnel speaks it in Rust', () => {
  const bodies = conversation.map((frame) => frame.subarray(6));
  const long: Message = { type: 'offer', docId: 'doc-1', payload: { kind: 0, encoding: 0, data: 'x'.repeat(8 << 20) }, version: '9' };

  async function recv(connection: Connection): Promise<string> {
    return (await connection.recv({ signal: AbortSignal.timeout(10_000) }))?.data.toString('hex') ?? 'the end';
  }

  test('what it says is understood by our server, and it understands what that says', async () => {
    const exchange = new Exchange({ id: 'server' });
    Object.assign(exchange.identity, { name: 'Srv' });
    const path = freshPath();
    await exchange.addTransport(new UnixSocketServerTransport({ path }));
    const connection = await Connection.connect(path, { wire: 'kyneta' });
    await connection.send(bodies[0] ?? '');
    assert.equal(await recv(connection), captured('establish, server').subarray(6).toString('hex'));
    exchange.send(long);
    assert.equal((await recv(connection)).length / 2 > 8 << 20, true);
    for (const body of bodies.slice(1)) await connection.send(body);
    await until(() => exchange.received.length === said.length, 'all was heard');
    assert.deepEqual(exchange.received, said);
    await Promise.all([connection.close(), exchange.shutdown()]);
  });

  test('our client is understood by it, and understands what it says', async () => {
    const path = freshPath();
    const listener = Stream.listen(path);
    const exchange = new Exchange({ id: 'client' });
    Object.assign(exchange.identity, { name: 'Cli', type: 'user' });
    await exchange.addTransport(createUnixSocketClient({ path })());
    const stream = await listener.accept();
    assert.ok(stream !== null);
    const connection = Connection.over(stream.detach(), { wire: 'kyneta' });
    await connection.send(captured('establish, server').subarray(6));
    await until(() => exchange.received.length > 0, 'the server introduced itself');
    [...said.slice(1, -1), long].forEach((message) => exchange.send(message));
    const leaving = exchange.shutdown();
    for (const body of [bodies[0], ...bodies.slice(0, -1)]) assert.equal(await recv(connection), body?.toString('hex'));
    assert.equal((await recv(connection)).length / 2 > 8 << 20, true);
    assert.deepEqual([await recv(connection), await recv(connection)], [bodies.at(-1)?.toString('hex'), 'the end']);
    await Promise.all([connection.close(), leaving]);
    listener.close();
  });
});
