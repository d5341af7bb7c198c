// What both do alike with channels: bytes on the wire, answers, failures and hooks.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';

import {
  after, channelOver, dial, failure, type Face, framed, nth, type Place, Plain, type Scenario, serve, until,
} from './face';

type Channel = Awaited<ReturnType<Face['createPipeChannel']>>;

/** A channel of the face and, at the other end, a bare socket with what it has received. */
async function meet(face: Face, place: Place, options?: Parameters<Face['createPipeChannel']>[1]): Promise<{
  channel: Channel; socket: Socket; said: () => Buffer; end: () => Promise<void>;
}> {
  const path = place.path();
  const plain = await Plain.at(path);
  const channel = await face.createPipeChannel(path, options);
  const socket = await plain.first();
  const chunks: Buffer[] = [];
  socket.on('data', (data: Buffer) => chunks.push(data));
  const end = async (): Promise<void> => {
    await channel.close();
    plain.close();
  };
  return { channel, socket, said: () => Buffer.concat(chunks), end };
}

const V = '{"jsonrpc":"2.0"';

export const channelContract: readonly Scenario[] = [
  {
    name: 'the bytes of requests, responses and notifications',
    run: async (face, place) => {
      const { channel, socket, said, end } = await meet(face, place);
      const expected: Buffer[] = [];
      const says = async (text: string): Promise<void> => {
        expected.push(framed(text));
        const all = Buffer.concat(expected);
        await until(() => said().length >= all.length, text);
        assert.equal(said().toString(), all.toString());
      };
      const answer = channel.request('echo', { a: 1 });
      await says(`${V},"id":1,"method":"echo","params":{"a":1}}`);
      socket.write(framed(`${V},"id":1,"result":{"got":{"a":1}}}`));
      assert.deepEqual(await answer, { got: { a: 1 } });
      await channel.notify('ping', [1]);
      await says(`${V},"method":"ping","params":[1]}`);
      socket.write(framed(`${V},"id":"x","method":"any"}`));
      await says(`${V},"id":"x","error":{"code":-32601,"message":"No request handler registered"}}`);
      const forget = channel.onRequest(() => { throw new Error('nope'); });
      channel.onRequest((request) => ({ request }));
      socket.write(framed(`${V},"id":2,"method":"any"}`));
      await says(`${V},"id":2,"error":{"code":-32603,"message":"nope","data":{}}}`);
      forget();
      socket.write(framed(`${V},"id":3,"method":"any","params":[null]}`));
      await says(`${V},"id":3,"result":{"request":${V},"id":3,"method":"any","params":[null]}}}`);
      assert.equal(said().subarray(0, 4).toString('hex'), '00000039');
      await end();
    },
  },
  {
    name: 'lines instead of lengths',
    run: async (face, place) => {
      const { channel, socket, said, end } = await meet(face, place, { useLineDelimited: true });
      const answer = channel.request('a', 'one\ntwo');
      await until(() => said().length > 0, 'a request');
      assert.equal(said().toString(), `${V},"id":1,"method":"a","params":"one\\ntwo"}\n`);
      socket.write(`${V},"id":1,"result":5}\n`);
      assert.equal(await answer, 5);
      await end();
    },
  },
  {
    name: 'an error as the answer, and no answer',
    run: async (face, place) => {
      const { channel, socket, end } = await meet(face, place, { timeout: 40 });
      const refused = failure(channel.request('a'));
      socket.write(framed(`${V},"id":1,"error":{"code":5,"message":"no","data":[1]}}`));
      const error = await refused;
      assert.ok(error instanceof face.ProtocolError);
      assert.equal(error.message, 'Request failed');
      assert.deepEqual(error.cause, { code: 5, message: 'no', data: [1] });
      const late = await failure(channel.request('a'));
      assert.ok(late instanceof face.TimeoutError);
      assert.equal(late.message, 'Timeout after 40ms');
      assert.equal((await failure(channel.request('a', null, 15))).message, 'Timeout after 15ms');
      // Answers that nobody waits for any more.
      socket.write(Buffer.concat([framed(`${V},"id":2,"result":1}`), framed(`${V},"id":99,"result":1}`)]));
      const told: Error[] = [];
      channel.on('error', (one) => told.push(one));
      await after(20);
      assert.deepEqual(told, []);
      await end();
    },
  },
  {
    name: 'a channel from start() to close()',
    run: async (face, place) => {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = new face.ChannelBuilder()
        .withTransport(new face.SocketTransport({ path }))
        .withFraming(new face.LengthPrefixedFraming())
        .withSerialization(new face.JsonCodec())
        .withProtocol(new face.SimpleProtocol())
        .withTimeout(500)
        .build();
      const lines: string[] = [];
      channel.on('start', () => lines.push('start'));
      channel.on('close', () => lines.push('close'));
      assert.equal(channel.isConnected, false);
      assert.equal((await failure(channel.request('a'))).message, 'Channel is not connected');
      assert.equal((await failure(channel.notify('a'))).message, 'Channel is not connected');
      await channel.close();
      await channel.start();
      await channel.start();
      assert.equal(channel.isConnected, true);
      const pending = failure(channel.request('a'));
      await after(5);
      await channel.close();
      await channel.close();
      assert.equal((await pending).message, 'Channel closed');
      assert.deepEqual(lines, ['start', 'close']);
      await channel.start();
      assert.equal(channel.isConnected, true);
      await channel.close();
      plain.close();
    },
  },
  {
    name: 'a start() that fails can be tried again',
    run: async (face, place) => {
      const path = place.path();
      const first = new face.SocketTransport({ path });
      const options = {
        framing: new face.LengthPrefixedFraming(),
        serialization: new face.JsonCodec(),
        protocol: new face.JsonRpcProtocol(),
      };
      const channel = new face.RequestChannel({ ...options, transport: first });
      assert.match((await failure(channel.start())).message, /^Connection failed: connect ENOENT /);
      assert.equal(channel.isConnected, false);
      assert.match((await failure(face.createPipeChannel(path))).message, /^Connection failed: connect ENOENT /);
    },
  },
  {
    name: 'what a builder and a channel refuse',
    run: async (face) => {
      const transport = new face.SocketTransport({ path: '/x' });
      const builder = new face.ChannelBuilder();
      assert.throws(() => builder.build(), { message: 'ChannelBuilder: transport is required' });
      assert.equal(builder.withTransport(transport), builder);
      assert.throws(() => builder.build(), { message: 'ChannelBuilder: framing is required' });
      builder.withFraming(new face.LineDelimitedFraming());
      assert.throws(() => builder.build(), { message: 'ChannelBuilder: serialization is required' });
      builder.withSerialization(new face.JsonCodec());
      assert.throws(() => builder.build(), { message: 'ChannelBuilder: protocol is required' });
      assert.equal(builder.withProtocol(new face.JsonRpcProtocol()), builder);
      builder.build();
      assert.throws(() => builder.withTimeout(0).build(), { message: 'RequestChannel: timeout must be positive' });
      const parts = { transport, framing: new face.LineDelimitedFraming(), serialization: new face.JsonCodec() };
      const protocol = new face.JsonRpcProtocol();
      for (const option of ['maxInboundFrames', 'bufferEarlyNotifications', 'pendingRequestPoolSize']) {
        assert.throws(() => new face.RequestChannel({ ...parts, protocol, [option]: -1 }), {
          message: `RequestChannel: ${option} cannot be negative`,
        });
      }
      const strange = Object.assign(Object.create(protocol), { name: 'Mine' });
      assert.throws(() => new face.RequestChannel({ ...parts, protocol: strange }), {
        message: "Unknown protocol 'Mine'. Please provide a custom responseAccessor.",
      });
    },
  },
  {
    name: 'what is no message is an error event, and the next is taken',
    run: async (face, place) => {
      const { channel, socket, end } = await meet(face, place);
      const told: string[] = [];
      channel.on('error', (error) => told.push(`${error.name}: ${error.message}`));
      channel.onNotification(() => { throw new Error('mine'); });
      channel.onNotification(() => told.push('a notification'));
      socket.write(Buffer.concat([framed('{'), framed('[]'), framed(''), framed(`${V},"method":"n"}`)]));
      await until(() => told.length === 5, 'five');
      assert.deepEqual(told, [
        'SerializationError: Failed to deserialize frame',
        'ProtocolError: Invalid message: Message must be an object',
        'SerializationError: Failed to deserialize frame',
        'Error: mine',
        'a notification',
      ]);
      assert.equal(channel.isConnected, true);
      await end();
    },
  },
  {
    name: 'the latest ten early notifications are kept',
    run: async (face, place) => {
      const { channel, socket, end } = await meet(face, place);
      const text = Array.from({ length: 13 }, (_, i) => framed(`${V},"method":"n${i}"}`));
      socket.write(Buffer.concat(text));
      await after(30);
      const told: string[] = [];
      channel.onNotification((message) => told.push(JSON.stringify(message)));
      assert.deepEqual(told, text.slice(3).map((frame) => frame.subarray(4).toString()));
      await end();
    },
  },
  {
    name: 'too many messages in one piece close the channel',
    run: async (face, place) => {
      const path = place.path();
      const { server, clients } = await serve(face, path);
      const peer = await dial(path);
      peer.resume().once('end', () => peer.end());
      await until(() => clients.length === 1, 'a client');
      const channel = await channelOver(face, nth(clients, 0), { maxInboundFrames: 2 });
      const told: string[] = [];
      channel.on('error', (error) => told.push(error.message));
      channel.on('close', () => told.push('close'));
      const one = framed(`${V},"method":"n"}`);
      peer.write(Buffer.concat([one, one, one]));
      await until(() => told.length === 2, 'the end');
      assert.deepEqual(told, [
        'Exceeded max inbound frames limit: received 3 frames in one chunk (limit: 2). Closing channel.', 'close',
      ]);
      await server.close();
    },
  },
  {
    name: 'hooks see what passes, in order, and may fail',
    run: async (face, place) => {
      const path = place.path();
      const { server, clients } = await serve(face, path);
      const seen: string[] = [];
      const client = new face.SocketTransport({ path });
      const watch = (who: string): object => ({
        onOutgoingRequest: () => { seen.push(`${who} asks`); },
        onIncomingResponse: async () => { seen.push(`${who} is answered`); },
        onIncomingRequest: async () => {
          await after(5);
          seen.push(`${who} is asked`);
        },
        onOutgoingResponse: () => {
          seen.push(`${who} answers`);
          throw new Error('mine');
        },
      });
      const asking = await channelOver(face, client, { middleware: [watch('client')] });
      await until(() => clients.length === 1, 'a client');
      const answering = await channelOver(face, nth(clients, 0), {
        middleware: [watch('server')],
        onMiddlewareError: (hook, error) => seen.push(`${hook} failed: ${error.message}`),
      });
      answering.onRequest(() => 'fine');
      assert.equal(await asking.request('a'), 'fine');
      assert.deepEqual(seen, [
        'client asks', 'server is asked', 'server answers', 'onOutgoingResponse failed: mine', 'client is answered',
      ]);
      await asking.close();
      await server.close();
    },
  },
  {
    name: 'what a channel measures',
    run: async (face, place) => {
      const seen: string[] = [];
      const note = (name: string, value?: number, tags?: object): void => {
        seen.push(`${name} ${name.endsWith('latency_ms') ? '' : value} ${JSON.stringify(tags)}`);
      };
      const metrics = { incrementCounter: note, recordGauge: note, recordHistogram: note };
      const { channel, socket, end } = await meet(face, place, { metrics });
      const answer = channel.request('m');
      socket.write(framed(`${V},"id":1,"result":1}`));
      await answer;
      assert.deepEqual(seen.filter((line) => !line.startsWith('transport.')), [
        'channel.request 1 {"method":"m"}',
        'framing.frames 1 {"direction":"inbound"}',
        'framing.frame_size_bytes 35 {"direction":"inbound"}',
        'channel.request_latency_ms  {"method":"m","status":"success"}',
      ]);
      await failure(channel.request('m', null, 5));
      assert.deepEqual(seen.slice(-2), [
        'channel.request_timeout 1 {"method":"m"}',
        'channel.request_latency_ms  {"method":"m","status":"timeout"}',
      ]);
      await end();
    },
  },
];
