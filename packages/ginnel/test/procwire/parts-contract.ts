// What both do alike without a socket: paths, framings, codecs, protocols and the small things.

import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { after, failure, framed, type Face, type Scenario } from './face';

/** What a framing makes of `bytes`, cut at every place and into single bytes. */
function everyCut(framing: { decode(chunk: Buffer): Buffer[]; reset(): void }, bytes: Buffer): string[][] {
  const results: string[][] = [];
  for (let cut = 0; cut <= bytes.length; cut++) {
    const frames = [...framing.decode(bytes.subarray(0, cut)), ...framing.decode(bytes.subarray(cut))];
    results.push(frames.map(String));
  }
  results.push([...bytes].flatMap((byte) => framing.decode(Buffer.from([byte]))).map(String));
  return results;
}

function assertAll(results: string[][], expected: string[]): void {
  for (const result of results) assert.deepEqual(result, expected);
}

export const partsContract: readonly Scenario[] = [
  {
    name: 'PipePath.forModule() makes names that are safe in paths',
    run: async (face) => {
      const rows: [string, string, string][] = [
        ['app', 'one', 'app-one'],
        ['my app', 'wörk', 'my_app-w_rk'],
        ['a@b', 'a//b', 'a_b-a_b'],
        ['a__b', '-c-', 'a_b--c-'],
        ['__a__', '_', 'a-'],
        ['@', '#', '-'],
        ['../etc', '..', 'etc-'],
      ];
      for (const [namespace, id, name] of rows) {
        assert.equal(face.PipePath.forModule(namespace, id, '/run/x'), `/run/x/${name}.sock`);
      }
      assert.equal(face.PipePath.forModule('a', 'b'), join(tmpdir(), 'a-b.sock'));
      const long = 'x'.repeat(93);
      assert.equal(face.PipePath.forModule('a', long, '/r').length, 103);
      assert.throws(() => face.PipePath.forModule('a', 'x'.repeat(95), '/r'), {
        message:
          'Unix socket path exceeds maximum length of 104 characters. Current length: 105. ' +
          `Path: "/r/a-${'x'.repeat(95)}.sock". Consider shortening namespace or moduleId.`,
      });
    },
  },
  {
    name: 'TransportFactory makes what fits the options',
    run: async (face) => {
      assert.ok(face.TransportFactory.createPipeClient({ path: '/x' }) instanceof face.SocketTransport);
      assert.ok(face.TransportFactory.createPipeServer() instanceof face.SocketServer);
      assert.ok(face.TransportFactory.createOptimal({ path: '/x' }) instanceof face.SocketTransport);
      assert.throws(() => face.TransportFactory.createOptimal({ path: '' }), {
        name: 'TransportError',
        message:
          "Invalid transport options: must provide either 'executablePath' (stdio) or 'path' (pipe/socket)",
      });
      assert.deepEqual(['/x', 'x', ''].map((path) => face.TransportFactory.isValidPath(path)), [true, false, false]);
    },
  },
  {
    name: 'length-prefixed frames, cut everywhere',
    run: async (face) => {
      const framing = new face.LengthPrefixedFraming();
      const messages = ['', 'a', 'hello', '', 'ü'.repeat(10)];
      const bytes = Buffer.concat(messages.map((message) => framing.encode(Buffer.from(message))));
      assert.equal(bytes.toString('hex').slice(0, 28), '0000000000000001610000000568');
      assertAll(everyCut(framing, bytes), messages);
    },
  },
  {
    name: 'length-prefixed frames: what is kept, what is too much',
    run: async (face) => {
      const framing = new face.LengthPrefixedFraming({ maxMessageSize: 5 });
      const kept = (): [boolean, number] => [framing.hasBufferedData(), framing.getBufferSize()];
      assert.deepEqual(kept(), [false, 0]);
      assert.deepEqual(framing.decode(Buffer.from([0, 0])), []);
      assert.deepEqual(kept(), [true, 2]);
      framing.decode(Buffer.from([0, 3]));
      assert.deepEqual(kept(), [true, 0]);
      framing.decode(Buffer.from('ab'));
      assert.deepEqual(kept(), [true, 2]);
      assert.deepEqual(framing.decode(Buffer.from('c')).map(String), ['abc']);
      assert.deepEqual(kept(), [false, 0]);
      assert.throws(() => framing.decode(Buffer.from([0, 0, 0, 6])), {
        name: 'FramingError', code: 'FRAMING_ERROR', message: 'Message length 6 exceeds maximum 5',
      });
      assert.deepEqual(kept(), [false, 0]);
      framing.reset();
      assert.deepEqual(framing.decode(framed('12345')).map(String), ['12345']);
      assert.throws(() => new face.LengthPrefixedFraming({ maxMessageSize: 0 }), {
        message: 'LengthPrefixedFraming: maxMessageSize must be positive',
      });
      const big = new face.LengthPrefixedFraming();
      assert.deepEqual(big.decode(Buffer.from([2, 0, 0, 0])), []);
      big.reset();
      assert.throws(() => big.decode(Buffer.from([2, 0, 0, 1])), /33554433 exceeds maximum 33554432/);
    },
  },
  {
    name: 'lines, cut everywhere',
    run: async (face) => {
      const framing = new face.LineDelimitedFraming();
      const lines = ['one', '', 'two', 'ü'];
      const bytes = Buffer.concat(lines.map((line) => framing.encode(Buffer.from(line))));
      assert.equal(bytes.toString(), 'one\n\ntwo\nü\n');
      assert.equal(framing.encode(Buffer.from('ends\n')).toString(), 'ends\n');
      assertAll(everyCut(framing, bytes), lines);
      const whole = new face.LineDelimitedFraming({ delimiter: 0, stripDelimiter: false });
      assert.equal(whole.encode(Buffer.from('a')).toString(), 'a\0');
      assertAll(everyCut(whole, Buffer.from('a\0b\n\0\0')), ['a\0', 'b\n\0', '\0']);
    },
  },
  {
    name: 'lines: what is kept, what is too much',
    run: async (face) => {
      const framing = new face.LineDelimitedFraming({ maxBufferSize: 5 });
      assert.deepEqual(framing.decode(Buffer.from('ab')), []);
      assert.deepEqual([framing.hasBufferedData(), framing.getBufferSize()], [true, 2]);
      assert.throws(() => framing.decode(Buffer.from('cdef')), {
        name: 'FramingError', message: 'Buffer size 6 exceeds maximum 5',
      });
      framing.reset();
      assert.equal(framing.hasBufferedData(), false);
      for (const delimiter of [-1, 256]) {
        assert.throws(() => new face.LineDelimitedFraming({ delimiter }), {
          message: 'LineDelimitedFraming: delimiter must be a byte value (0-255)',
        });
      }
      assert.throws(() => new face.LineDelimitedFraming({ maxBufferSize: -1 }), {
        message: 'LineDelimitedFraming: maxBufferSize must be positive',
      });
    },
  },
  {
    name: 'codecs',
    run: async (face) => {
      const json = new face.JsonCodec({ replacer: (key, value) => (key === 'secret' ? undefined : value) });
      assert.deepEqual([json.name, json.contentType], ['json', 'application/json']);
      assert.equal(json.serialize({ a: 'ü', secret: 1 }).toString(), '{"a":"ü"}');
      assert.deepEqual(json.deserialize(Buffer.from('[1,null]')), [1, null]);
      assert.throws(() => json.serialize(1n), { name: 'SerializationError', code: 'SERIALIZATION_ERROR' });
      assert.throws(() => json.serialize(undefined), { name: 'SerializationError' });
      assert.throws(() => json.deserialize(Buffer.from('{')), /^SerializationError: Failed to deserialize JSON: /);
      assert.equal(new face.JsonCodec({ space: 1 }).serialize([1]).toString(), '[\n 1\n]');
      const raw = new face.RawCodec();
      const bytes = Buffer.from('x');
      assert.deepEqual([raw.name, raw.contentType], ['raw', 'application/octet-stream']);
      assert.equal(raw.deserialize(raw.serialize(bytes)), bytes);
    },
  },
  {
    name: 'the registry of codecs',
    run: async (face) => {
      const registry = face.CodecRegistry;
      registry.resetForTests();
      const json = new face.JsonCodec();
      registry.register(json);
      assert.throws(() => registry.register(json), {
        message: "Codec with name 'json' is already registered (content type: 'application/json')",
      });
      const serialize = (): Buffer => Buffer.alloc(0);
      const twin = { name: 'twin', contentType: 'application/json', serialize, deserialize: (): unknown => null };
      assert.throws(() => registry.register(twin), {
        message: "Codec with content type 'application/json' is already registered (name: 'json')",
      });
      registry.register(new face.RawCodec());
      assert.deepEqual(registry.list(), ['json', 'raw']);
      assert.equal(registry.get('json'), json);
      assert.equal(registry.getByContentType('application/json'), json);
      assert.equal(registry.get('__proto__'), undefined);
      assert.deepEqual([registry.unregister('json'), registry.unregister('json')], [true, false]);
      assert.equal(registry.getByContentType('application/json'), undefined);
      registry.resetForTests();
      assert.deepEqual(registry.list(), []);
    },
  },
  {
    name: 'the errors and their codes',
    run: async (face) => {
      const rows: [Face['TransportError'], string, string][] = [
        [face.TransportError, 'TransportError', 'TRANSPORT_ERROR'],
        [face.ProtocolError, 'ProtocolError', 'PROTOCOL_ERROR'],
        [face.TimeoutError, 'TimeoutError', 'TIMEOUT_ERROR'],
        [face.SerializationError, 'SerializationError', 'SERIALIZATION_ERROR'],
        [face.FramingError, 'FramingError', 'FRAMING_ERROR'],
      ];
      for (const [Kind, name, code] of rows) {
        const error = new Kind('what', 'why');
        assert.ok(error instanceof Error && error instanceof face.AspectIpcError);
        assert.deepEqual([error.name, error.code, error.message, error.cause], [name, code, 'what', 'why']);
        assert.equal(new Kind('what').cause, undefined);
      }
      const known = new Error('known');
      assert.equal(face.toError(known), known);
      assert.deepEqual([face.toError('text').message, face.toError(5).message], ['text', '5']);
    },
  },
  {
    name: 'emitters, subscriptions and clocks',
    run: async (face) => {
      const emitter = new face.EventEmitter();
      const told: string[] = [];
      const handler = (data: unknown): void => { told.push(`on ${String(data)}`); };
      emitter.on('e', handler);
      emitter.on('e', handler);
      emitter.once('e', (data) => told.push(`once ${String(data)}`));
      assert.equal(emitter.listenerCount('e'), 2);
      emitter.emit('e', 1);
      emitter.emit('e', 2);
      emitter.emit('__proto__', 2);
      emitter.off('e', handler);
      emitter.emit('e', 3);
      assert.deepEqual(told, ['on 1', 'once 1', 'on 2']);
      emitter.on('f', handler);
      emitter.removeAllListeners();
      assert.equal(emitter.listenerCount('f'), 0);
      let calls = 0;
      const unsubscribe = face.createUnsubscribe(() => { calls += 1; });
      const all = new face.CompositeDisposable();
      all.add(unsubscribe);
      all.add(unsubscribe);
      all.dispose();
      all.dispose();
      all.add(() => { calls += 10; });
      assert.deepEqual([calls, all.isDisposed()], [11, true]);
      assert.equal(await face.withTimeout(Promise.resolve(7), 50), 7);
      assert.equal((await failure(face.withTimeout(after(200), 5))).message, 'Operation timed out after 5ms');
      assert.equal((await failure(face.withTimeout(after(200), 5, { message: 'm' }))).message, 'm');
      assert.equal((await failure(face.createTimeoutSignal(5).promise)).message, 'Timeout after 5ms');
      face.createTimeoutSignal(5).cancel();
      await face.sleep(1);
    },
  },
  {
    name: 'states, platforms and reserved names',
    run: async (face) => {
      assert.equal(face.transitionState('disconnected', 'connecting'), 'connecting');
      assert.throws(() => face.transitionState('disconnected', 'connected'), {
        message: "Invalid state transition: 'disconnected' -> 'connected'. Allowed: [connecting]",
      });
      face.assertState('error', ['error']);
      assert.throws(() => face.assertState('error', ['connected', 'connecting']), {
        message: "Invalid state: expected one of [connected, connecting], got 'error'",
      });
      assert.deepEqual([face.isWindows(), face.isUnix(), face.getPlatform()], [false, true, process.platform]);
      assert.equal(Object.keys(face.ReservedMethods).length, 14);
      assert.ok(Object.values(face.ReservedMethods).every((method) => face.isReservedMethod(method)));
      assert.deepEqual(['a', '__a', 'a__'].map((method) => face.isReservedMethod(method)), [false, false, false]);
      face.validateUserMethod('mine');
      assert.throws(() => face.validateUserMethod('__mine__'), {
        message: "Method '__mine__' is reserved for protocol use. User methods cannot start and end with '__'.",
      });
      assert.deepEqual(Object.values(face.JsonRpcErrorCodes), [-32700, -32600, -32601, -32602, -32603]);
    },
  },
];
