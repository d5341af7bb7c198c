// What only ours promises of frames and channels.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { type FramingCodec, LengthPrefixedFraming, LineDelimitedFraming, RequestChannel } from 'ginnel/procwire';

import { channelOver, failure, framed, load, nth, Place, Plain, sleep, until } from './procwire/face';

const place = new Place();
process.once('exit', () => place.remove());

/** Numbers that look random, the same ones in each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}

/** Feeds `bytes` in pieces; the frames until the first error, and its message. */
function feed(framing: FramingCodec, bytes: Buffer, next: () => number): { frames: string[]; error: string | null } {
  const frames: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + (next() % 9);
    try {
      frames.push(...framing.decode(bytes.subarray(at, end)).map((frame) => frame.toString('hex')));
    } catch (error) {
      return { frames, error: String(error) };
    }
    at = end;
  }
  return { frames, error: null };
}

describe('procwire: framings', () => {
  test('how bytes are cut makes no difference, not even to an error', () => {
    const next = numbers(7);
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(Array.from({ length: next() % 60 }, () => (next() % 3 === 0 ? next() % 256 : next() % 4)));
      for (const make of [
        () => new LengthPrefixedFraming({ maxMessageSize: 20 }),
        () => new LineDelimitedFraming({ maxBufferSize: 8, delimiter: 1 }),
      ]) {
        const whole = make();
        // With one more byte, an error that waits behind complete frames is told.
        const frames = whole.failure === null ? whole.decode.bind(whole) : assert.fail();
        let expected: { frames: string[]; error: string | null };
        try {
          const came = frames(bytes).map((frame) => frame.toString('hex'));
          expected = { frames: came, error: whole.failure === null ? null : String(whole.failure) };
        } catch (error) {
          expected = { frames: [], error: String(error) };
        }
        const pieces = make();
        const got = feed(pieces, bytes, next);
        const error = got.error ?? (pieces.failure === null ? null : String(pieces.failure));
        assert.deepEqual(got.frames, expected.frames);
        assert.equal(error === null, expected.error === null);
      }
    }
  });

  test('a header promises much: memory follows what arrives', () => {
    const framing = new LengthPrefixedFraming({ maxMessageSize: 1 << 30 });
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 4; i++) {
      framing.reset();
      framing.decode(Buffer.from([0x3f, 0, 0, 0, 1, 2, 3]));
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20);
    assert.equal(framing.getBufferSize(), 3);
  });

  test('what is decoded piece by piece shares no memory with the pieces', () => {
    const framing = new LengthPrefixedFraming();
    const piece = Buffer.from([0, 0, 0, 2, 65]);
    framing.decode(piece);
    const frames = framing.decode(Buffer.from([66]));
    piece.fill(0);
    assert.deepEqual(frames.map(String), ['AB']);
  });

  test('bad input', () => {
    const rows: [() => unknown, ErrorConstructor][] = [
      [() => Reflect.construct(LengthPrefixedFraming, [{ maxMessageSize: '1' }]), TypeError],
      [() => new LengthPrefixedFraming({ maxMessageSize: NaN }), RangeError],
      [() => new LineDelimitedFraming({ delimiter: 1.5 }), RangeError],
      [() => Reflect.apply(LengthPrefixedFraming.prototype.decode, new LengthPrefixedFraming(), ['x']), TypeError],
      [() => Reflect.apply(LengthPrefixedFraming.prototype.encode, new LengthPrefixedFraming(), [5]), TypeError],
      [() => Reflect.apply(LineDelimitedFraming.prototype.decode, new LineDelimitedFraming(), [null]), TypeError],
      [() => Reflect.apply(LineDelimitedFraming.prototype.encode, new LineDelimitedFraming(), [[]]), TypeError],
    ];
    for (const [action, Kind] of rows) assert.throws(action, Kind);
    // Another kind of view on bytes is fine.
    const framing = new LineDelimitedFraming();
    assert.equal(Reflect.apply(framing.encode, framing, [new Uint8Array([65])]).toString(), 'A\n');
  });
});

describe('procwire: channels', () => {
  const V = '{"jsonrpc":"2.0"';

  test('messages are taken in the order of their arrival, and no handler holds up another', async () => {
    const ours = await load('ours');
    const path = place.path();
    const plain = await Plain.at(path);
    const channel = await ours.createPipeChannel(path);
    const told: string[] = [];
    channel.onRequest(async (request) => {
      told.push(JSON.stringify(request).slice(22, 23));
      await sleep(20);
      told.push('done');
    });
    channel.onNotification(() => told.push('notified'));
    const socket = await plain.first();
    socket.write(Buffer.concat([
      framed(`${V},"id":1,"method":"a"}`), framed(`${V},"method":"n"}`), framed(`${V},"id":2,"method":"a"}`),
    ]));
    await until(() => told.length === 5, 'all');
    assert.deepEqual(told, ['1', 'notified', '2', 'done', 'done']);
    await channel.close();
    plain.close();
  });

  test('hooks that wait keep the order, and hold up no answer', async () => {
    const ours = await load('ours');
    const path = place.path();
    const plain = await Plain.at(path);
    const told: string[] = [];
    let mine: Promise<unknown> | null = null;
    const channel = await channelOver(ours, new ours.SocketTransport({ path }), {
      middleware: [{
        onIncomingRequest: async () => { told.push(`hook ${String(await mine)}`); },
      }],
    });
    channel.onNotification(() => told.push('notified'));
    channel.onRequest(() => told.push('asked'));
    mine = channel.request('mine');
    (await plain.first()).write(Buffer.concat([
      framed(`${V},"id":1,"method":"a"}`), framed(`${V},"method":"n"}`), framed(`${V},"id":1,"result":"answered"}`),
    ]));
    await until(() => told.length === 3, 'all');
    assert.deepEqual(told, ['hook answered', 'asked', 'notified']);
    await channel.close();
    plain.close();
  });

  test('a lost connection is told, and a new one starts the channel again', async () => {
    const ours = await load('ours');
    const path = place.path();
    const plain = await Plain.at(path);
    const channel = await ours.createPipeChannel(path, { autoReconnect: true, reconnectDelay: 5 });
    const lines: string[] = [];
    channel.on('start', () => lines.push('start'));
    channel.on('close', () => lines.push(`close ${channel.isConnected}`));
    const lost = failure(channel.request('never'));
    (await plain.first()).end();
    const error = await lost;
    assert.deepEqual([error.name, error.message], ['TransportError', 'Connection lost']);
    await until(() => channel.isConnected && plain.sockets.length === 2, 'a second connection');
    assert.deepEqual(lines, ['close false', 'start']);
    const answer = channel.request('again');
    nth(plain.sockets, 1).write(framed(`${V},"id":2,"result":1}`));
    assert.equal(await answer, 1);
    await channel.close();
    await sleep(30);
    assert.equal(plain.sockets.length, 2);
    plain.close();
  });

  test('close() of a channel whose connection is lost stops the transport', async () => {
    const ours = await load('ours');
    const path = place.path();
    const plain = await Plain.at(path);
    const channel = await ours.createPipeChannel(path, { autoReconnect: true, reconnectDelay: 20 });
    let closes = 0;
    channel.on('close', () => { closes += 1; });
    (await plain.first()).end();
    await until(() => !channel.isConnected, 'the end');
    await channel.close();
    await sleep(50);
    assert.deepEqual([plain.sockets.length, closes], [1, 1]);
    plain.close();
  });

  test('an end by close() while start() runs', async () => {
    const ours = await load('ours');
    const path = place.path();
    const plain = await Plain.at(path);
    const transport = new ours.SocketTransport({ path });
    const channel = new RequestChannel({
      transport,
      framing: new LengthPrefixedFraming(),
      serialization: new ours.JsonCodec(),
      protocol: new ours.JsonRpcProtocol(),
    });
    const started = failure(channel.start());
    await channel.close();
    assert.match((await started).message, /^(Channel closed|Connection failed: disconnected while connecting)$/);
    assert.deepEqual([channel.isConnected, transport.state], [false, 'disconnected']);
    plain.close();
  });

  test('many early notifications for two handlers that are added together', async () => {
    const ours = await load('ours');
    const path = place.path();
    const plain = await Plain.at(path);
    const channel = await ours.createPipeChannel(path);
    (await plain.first()).write(framed(`${V},"method":"early"}`));
    await sleep(20);
    const told: string[] = [];
    channel.onNotification(() => told.push('one'));
    channel.onNotification(() => told.push('two'));
    await sleep(1);
    channel.onNotification(() => told.push('three'));
    assert.deepEqual(told, ['one', 'two']);
    await channel.close();
    plain.close();
  });

  test('keys that are special in JavaScript are nothing special', async () => {
    const ours = await load('ours');
    const path = place.path();
    const plain = await Plain.at(path);
    const channel = await ours.createPipeChannel(path);
    const answer = channel.request('a');
    (await plain.first()).write(framed(`${V},"id":1,"__proto__":{"error":1},"result":{"__proto__":{"polluted":1}}}`));
    const result = await answer;
    assert.ok(typeof result === 'object' && result !== null);
    assert.deepEqual(Object.keys(result), ['__proto__']);
    assert.equal('polluted' in {}, false);
    await channel.close();
    plain.close();
  });

  test('random bytes never throw at anybody', async () => {
    const ours = await load('ours');
    const next = numbers(3);
    for (let round = 0; round < 40; round++) {
      const path = place.path();
      const plain = await Plain.at(path);
      const channel = await ours.createPipeChannel(path, { useLineDelimited: round % 2 === 0 });
      channel.on('error', () => undefined);
      channel.onRequest(() => 'fine');
      const texts = ['{"jsonrpc":"2.0","id":1,"method":"a"}', '{"id":{}}', '[', '{"jsonrpc":"2.0","id":[],"result":1}'];
      const socket = await plain.first();
      for (let i = 0; i < 20; i++) {
        const text = nth(texts, next() % texts.length);
        const bytes = round % 2 === 0 ? Buffer.from(`${text}\n`) : framed(text);
        const at = next() % bytes.length;
        if (next() % 2 === 0) bytes[at] = next() % 256;
        socket.write(bytes);
      }
      await sleep(2);
      await channel.close();
      plain.close();
    }
  });

  test('a protocol or an accessor that throws is an error event', async () => {
    const ours = await load('ours');
    const path = place.path();
    const plain = await Plain.at(path);
    const accessor = Object.assign(new ours.JsonRpcResponseAccessor(), {
      getResponseId: (): never => { throw new Error('no id today'); },
    });
    for (const middleware of [[], [{ onIncomingResponse: () => undefined }]]) {
      const transport = new ours.SocketTransport({ path });
      const channel = await channelOver(ours, transport, { responseAccessor: accessor, timeout: 30, middleware });
      const told: string[] = [];
      channel.on('error', (error) => told.push(error.message));
      const late = failure(channel.request('a'));
      await until(() => plain.sockets.length === 1, 'a connection');
      plain.sockets.pop()?.write(Buffer.concat([framed(`${V},"id":1,"result":1}`), framed('[]')]));
      await until(() => told.length === 2, 'both');
      assert.deepEqual(told.sort(), ['Invalid message: Message must be an object', 'no id today']);
      assert.equal((await late).message, 'Timeout after 30ms');
      await channel.close();
    }
    plain.close();
  });

  test('start() beside a transport that is connecting again by itself', async () => {
    const ours = await load('ours');
    const path = place.path();
    let plain = await Plain.at(path);
    const channel = await ours.createPipeChannel(path, { autoReconnect: true, reconnectDelay: 20 });
    (await plain.first()).end();
    plain.server.close();
    await until(() => !channel.isConnected, 'the end');
    assert.match((await failure(channel.start())).message, /^Connection failed: /);
    plain = await Plain.at(path);
    await until(() => channel.isConnected, 'a new connection');
    const told: unknown[] = [];
    channel.onNotification((message) => told.push(message));
    (await plain.first()).write(framed(`${V},"method":"n"}`));
    await until(() => told.length === 1, 'a notification');
    await channel.close();
    plain.close();
  });

  test('bad input', async () => {
    const ours = await load('ours');
    const path = place.path();
    const plain = await Plain.at(path);
    const channel = await ours.createPipeChannel(path);
    assert.equal((await failure(channel.request('a', null, NaN))).name, 'RangeError');
    assert.equal((await failure(channel.request('a', null, -1))).name, 'RangeError');
    assert.equal((await failure(channel.request(''))).name, 'ProtocolError');
    assert.equal((await failure(Reflect.apply(channel.request, channel, [5]))).name, 'ProtocolError');
    assert.equal((await failure(channel.notify('n', 1n))).name, 'SerializationError');
    assert.throws(() => Reflect.apply(channel.onRequest, channel, [null]), TypeError);
    assert.throws(() => Reflect.apply(channel.onNotification, channel, ['x']), TypeError);
    await channel.close();
    plain.close();
  });
});
