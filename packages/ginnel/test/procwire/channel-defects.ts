// What the original does wrong with frames and channels: scenarios that fail where it is wrong.

import assert from 'node:assert/strict';

import { channelOver, dial, type Face, failure, framed, nth, Plain, serve, sleep, soon, until, type Scenario } from './face';

const MIB = 1 << 20;

export const channelDefects: readonly Scenario[] = [
  {
    name: 'P6 complete frames before an oversize one are delivered, and nothing behind it',
    run: async (face) => {
      const framing = new face.LengthPrefixedFraming({ maxMessageSize: 100 });
      const forged = Buffer.concat([Buffer.from([0, 0, 1, 0]), framed('forged')]);
      assert.deepEqual(framing.decode(Buffer.concat([framed('good'), forged])).map(String), ['good']);
      assert.throws(() => framing.decode(framed('behind')), face.FramingError);
      framing.reset();
      assert.deepEqual(framing.decode(framed('new')).map(String), ['new']);
    },
  },
  {
    name: 'P6 an oversize frame ends the channel with one FramingError',
    run: async (face, place) => {
      const path = place.path();
      const { server, clients } = await serve(face, path);
      const peer = await dial(path);
      const ended = new Promise<void>((resolve) => peer.once('end', resolve).resume());
      await until(() => clients.length === 1, 'a client');
      const framing = new face.LengthPrefixedFraming({ maxMessageSize: 100 });
      const channel = await channelOver(face, nth(clients, 0), { framing });
      const told: string[] = [];
      channel.onNotification((message) => told.push(JSON.stringify(message)));
      channel.on('error', (error) => told.push(error.name));
      const good = '{"jsonrpc":"2.0","method":"good"}';
      const forged = framed('{"jsonrpc":"2.0","method":"forged"}');
      peer.write(Buffer.concat([framed(good), Buffer.from([0, 0, 1, 0]), forged, forged]));
      await soon(ended, 'the end of the connection', 500);
      assert.deepEqual(told, [good, 'FramingError']);
      peer.destroy();
      await server.close();
    },
  },
  {
    name: 'P7 only the line at hand counts against the limit of lines',
    run: async (face) => {
      const framing = new face.LineDelimitedFraming({ maxBufferSize: 10 });
      assert.equal(framing.decode(Buffer.from('a\nb\nc\nd\ne\nf\n')).length, 6);
      assert.throws(() => framing.decode(Buffer.from('elevenbytes')), face.FramingError);
    },
  },
  {
    name: 'P8 decoding time grows with the size, not with its square',
    run: async (face) => {
      const short = decodingWork(face, 15_000);
      const long = decodingWork(face, 60_000);
      // Four times as much, with room for what the machine adds; the square of it is sixteen times as much.
      assert.ok(long < 8 * short + 50, `${short} ms for the short one, ${long} ms for the long one`);
    },
  },
  {
    name: 'P9 requests that wait fail when the peer is gone',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path, (socket) => socket.once('data', () => socket.end()));
      const channel = await face.createPipeChannel(path, { timeout: 3000 });
      assert.equal((await failure(channel.request('never'), 1000)).message, 'Connection lost');
      assert.equal(channel.isConnected, false);
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'P10 a handler may wait for an answer that came together with its request',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = await face.createPipeChannel(path, { timeout: 500 });
      const socket = await plain.first();
      const answer = channel.request('mine');
      channel.onRequest(async () => ({ got: await answer }));
      const said: string[] = [];
      socket.on('data', (data: Buffer) => said.push(data.toString()));
      const request = framed('{"jsonrpc":"2.0","id":7,"method":"theirs"}');
      socket.write(Buffer.concat([request, framed('{"jsonrpc":"2.0","id":1,"result":"x"}')]));
      await until(() => said.join('').includes('{"jsonrpc":"2.0","id":7,"result":{"got":"x"}}'), 'an answer', 400);
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'P12 a new connection begins with an empty decoder',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = await channelOver(
        face,
        new face.SocketTransport({ path, autoReconnect: true, reconnectDelay: 10 }),
      );
      const told: string[] = [];
      channel.onNotification((message) => told.push(JSON.stringify(message)));
      channel.on('error', (error) => told.push(error.message));
      const good = '{"jsonrpc":"2.0","method":"good"}';
      (await plain.first()).end(framed(good).subarray(0, 20));
      await until(() => plain.sockets.length === 2, 'a second connection');
      nth(plain.sockets, 1).write(Buffer.concat([framed(good), framed(good)]));
      await until(() => told.length >= 2, 'messages', 500);
      assert.deepEqual(told, [good, good]);
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'P13 a handler that returns nothing is an answer',
    run: async (face, place) => {
      const path = place.path();
      const { server, clients } = await serve(face, path);
      const channel = await face.createPipeChannel(path, { timeout: 300 });
      await until(() => clients.length === 1, 'a client');
      (await channelOver(face, nth(clients, 0))).onRequest(() => undefined);
      assert.equal(await channel.request('nothing'), null);
      await channel.close();
      await server.close();
    },
  },
  {
    name: 'Q3 a request that cannot be serialised leaves nothing behind',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = await face.createPipeChannel(path, { timeout: 30 });
      assert.equal((await failure(channel.request('big', 1n))).name, 'SerializationError');
      await sleep(80);
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'Q3 a request whose writing is stuck fails in time',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path, (socket) => socket.pause());
      const channel = await face.createPipeChannel(path, { timeout: 50 });
      const error = await failure(channel.request('large', 'x'.repeat(8 * MIB)), 1000);
      assert.equal(error.message, 'Timeout after 50ms');
      plain.close();
      await channel.close();
    },
  },
  {
    name: 'Q5 early notifications are delivered once',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = await face.createPipeChannel(path);
      (await plain.first()).write(framed('{"jsonrpc":"2.0","method":"early"}'));
      await sleep(30);
      const told: string[] = [];
      const unsubscribe = channel.onNotification(() => told.push('first'));
      unsubscribe();
      await sleep(5);
      channel.onNotification(() => told.push('later'));
      assert.deepEqual(told, ['first']);
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'Q5 withBufferEarlyNotifications() has an effect',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = new face.ChannelBuilder()
        .withTransport(new face.SocketTransport({ path }))
        .withFraming(new face.LengthPrefixedFraming())
        .withSerialization(new face.JsonCodec())
        .withProtocol(new face.JsonRpcProtocol())
        .withBufferEarlyNotifications(0)
        .build();
      await channel.start();
      (await plain.first()).write(framed('{"jsonrpc":"2.0","method":"early"}'));
      await sleep(30);
      const told: unknown[] = [];
      channel.onNotification((message) => told.push(message));
      assert.deepEqual(told, []);
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'Q6 createPipeChannel() takes the options of its transport',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = await face.createPipeChannel(path, { autoReconnect: true, reconnectDelay: 10 });
      (await plain.first()).end();
      await until(() => plain.sockets.length === 2, 'a second connection', 500);
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'Q8 an answer never goes to another connection than its request came from',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = await channelOver(
        face,
        new face.SocketTransport({ path, autoReconnect: true, reconnectDelay: 10 }),
      );
      let finish = (): void => undefined;
      const finished = new Promise<void>((resolve) => { finish = resolve; });
      let asked = false;
      channel.onRequest(() => {
        asked = true;
        return finished;
      });
      (await plain.first()).write(framed('{"jsonrpc":"2.0","id":1,"method":"slow"}'));
      await until(() => asked, 'the request');
      nth(plain.sockets, 0).end();
      await until(() => plain.sockets.length === 2, 'a second connection');
      const said: Buffer[] = [];
      nth(plain.sockets, 1).on('data', (data: Buffer) => said.push(data));
      await sleep(10);
      finish();
      await sleep(50);
      assert.equal(Buffer.concat(said).toString(), '');
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'Q10 a very long timeout is one',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = await face.createPipeChannel(path, { timeout: Infinity });
      const answer = channel.request('late');
      await sleep(20);
      (await plain.first()).write(framed('{"jsonrpc":"2.0","id":1,"result":"there"}'));
      assert.equal(await answer, 'there');
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'Q11 start() may be called twice at once',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = new face.RequestChannel({
        transport: new face.SocketTransport({ path }),
        framing: new face.LengthPrefixedFraming(),
        serialization: new face.JsonCodec(),
        protocol: new face.JsonRpcProtocol(),
      });
      await Promise.all([channel.start(), channel.start()]);
      const told: unknown[] = [];
      channel.onNotification((message) => told.push(message));
      (await plain.first()).write(framed('{"jsonrpc":"2.0","method":"once"}'));
      await until(() => told.length > 0, 'a notification');
      assert.equal(told.length, 1);
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'Q12 an error that has no JSON is an answer all the same',
    run: async (face, place) => {
      const path = place.path();
      const { server, clients } = await serve(face, path);
      const channel = await face.createPipeChannel(path, { timeout: 300 });
      await until(() => clients.length === 1, 'a client');
      (await channelOver(face, nth(clients, 0))).onRequest(() => {
        throw Object.assign(new Error('deep'), { circle: channel, count: 1n });
      });
      const error = await failure(channel.request('deep'));
      assert.deepEqual(error.cause, { code: -32603, message: 'deep' });
      await channel.close();
      await server.close();
    },
  },
];

/** How many milliseconds of a processor it takes to decode one frame that comes in so many pieces. */
function decodingWork(face: Face, pieces: number): number {
  const piece = Buffer.alloc(32);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(pieces * piece.length);
  const framing = new face.LengthPrefixedFraming();
  const before = process.cpuUsage();
  framing.decode(header);
  let frames = 0;
  for (let i = 0; i < pieces; i++) frames += framing.decode(piece).length;
  assert.equal(frames, 1);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
