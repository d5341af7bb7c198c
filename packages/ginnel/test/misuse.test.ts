// Whatever is given in the place of what was asked for: an exception that says so, and everything goes on.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createReuseportFd, Datagram, Door, Fd, SeqPacket, Stream } from 'ginnel';

import { openFds, story, turn, until } from './support/core';

/** Thrown by values of the caller's own, which may come through as it is. */
class OfMine extends Error {
  readonly code = 'OF_MINE';
}

const thrown = (): never => { throw new OfMine('of mine'); };

function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const throwing = (...names: string[]): object =>
  Object.defineProperties({}, Object.fromEntries(names.map((name) => [name, { get: thrown, enumerable: true }])));

/** Names of everything that an option can be called. */
const OPTIONS = [
  'fds', 'signal', 'to', 'mode', 'backlog', 'owner', 'group', 'allow', 'highWaterMark', 'allowHalfOpen', 'largestPacket',
];

/** What nobody can use as anything. */
const JUNK: Readonly<Record<string, () => unknown>> = {
  null: () => null,
  true: () => true,
  'minus one': () => -1,
  NaN: () => NaN,
  Infinity: () => Infinity,
  fraction: () => 1.5,
  'two to the 31': () => 2 ** 31,
  'two to the 53': () => 2 ** 53,
  bigint: () => 1n,
  symbol: () => Symbol('x'),
  function: () => thrown,
  object: () => ({}),
  'object without prototype': () => Object.create(null),
  'an object with a __proto__ key': () => JSON.parse('{"__proto__":{"fds":[0,-5],"mode":"x","length":3},"constructor":1}'),
  array: () => [],
  'array of holes': () => new Array(3),
  'array of junk': () => ['x', {}, Symbol('x')],
  'array with a throwing element': () => Object.defineProperty([0], 0, { get: thrown }),
  'what looks like an array': () => ({ length: 2 ** 31, 0: 0 }),
  date: () => new Date(NaN),
  'throwing text': () => ({ toString: thrown, valueOf: thrown, [Symbol.toPrimitive]: thrown }),
  'throwing options': () => throwing(...OPTIONS),
  'proxy that throws': () => new Proxy({}, { get: thrown, has: thrown, getPrototypeOf: thrown }),
  'revoked proxy': revoked,
  'detached bytes': detached,
  'detached buffer': () => {
    const buffer = Buffer.from(new ArrayBuffer(8));
    structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
    return buffer;
  },
  'what says that it is a buffer': () => Object.create(Buffer.prototype),
  'what says that it is a descriptor': () => Object.create(Fd.prototype),
  'what says that it is a signal': () => Object.create(AbortSignal.prototype),
  'array buffer': () => new ArrayBuffer(8),
  'shared memory': () => new SharedArrayBuffer(8),
  'bytes in shared memory': () => new Uint8Array(new SharedArrayBuffer(8)),
  'bytes outside': () => {
    const buffer: ArrayBuffer = Reflect.construct(ArrayBuffer, [16, { maxByteLength: 32 }]);
    const bytes = new Uint8Array(buffer, 8, 8);
    Reflect.apply(Reflect.get(buffer, 'resize'), buffer, [4]);
    return bytes;
  },
  'bytes that lie': () => Object.defineProperties(new Uint8Array(4), {
    byteLength: { value: 1e9 }, byteOffset: { value: -4 }, length: { value: 1e9 }, buffer: { value: new ArrayBuffer(0) },
  }),
  'a buffer that lies': () => Object.defineProperty(Buffer.alloc(4), 'length', { value: 1e9 }),
  'data view': () => new DataView(new ArrayBuffer(4)),
  'floating bytes': () => new Float64Array(2),
  'half a character': () => '\ud800',
  'text with a zero': () => 'a\0b',
  'long text': () => 'x'.repeat(100_000),
  'empty text': () => '',
  'closed descriptor': () => {
    const fd = Fd.duplicate(0);
    fd.close();
    return fd;
  },
  'number of nothing': () => 19_999,
};

/** An object with junk in each option. */
function optionsOf(junk: () => unknown): object {
  return Object.fromEntries(OPTIONS.map((name) => [name, junk()]));
}

function isFair(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'ERR_GINNEL_BUG') return false;
  return error instanceof TypeError || error instanceof RangeError || code !== '';
}

/** Closes whatever a call that went well has given. */
function dispose(result: unknown): void {
  if (Array.isArray(result)) return result.forEach(dispose);
  if (result instanceof Stream) result.on('error', () => {}).destroy();
  else if (result instanceof SeqPacket || result instanceof Datagram) result.destroy();
  else if (typeof result === 'object' && result !== null && 'close' in result && typeof result.close === 'function') result.close();
}

/** Calls with junk in each place in turn, and in all of them. */
async function each(name: string, of: object, good: readonly unknown[], places = good.map((_, place) => place)): Promise<void> {
  const run: unknown = Reflect.get(of, name);
  assert.ok(typeof run === 'function', name);
  for (const [what, junk] of Object.entries(JUNK)) {
    const calls = places.flatMap((place) => [junk(), optionsOf(junk)].map((bad) => good.map((one, index) => (index === place ? bad : one))));
    for (const given of [...calls, good.map(junk)]) {
      try {
        const result: unknown = Reflect.apply(run, of, given);
        // What only waits is given up with its socket.
        if (result instanceof Promise) result.then(dispose, (error: unknown) => assert.ok(isFair(error), `${name} with ${what}: ${String(error)}`));
        else dispose(result);
      } catch (error) {
        assert.ok(isFair(error), `${name} with ${what}: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
  }
}

/** Of another object, of none, and of one that only looks right. */
function onOthers(prototype: object, names: readonly string[]): void {
  for (const name of names) {
    for (const other of [undefined, null, {}, Object.create(prototype), Symbol('x')]) {
      const { get, value } = Object.getOwnPropertyDescriptor(prototype, name) ?? {};
      const run: unknown = get ?? value;
      if (typeof run !== 'function') continue;
      try {
        const result: unknown = Reflect.apply(run, other, []);
        if (result instanceof Promise) result.catch((error: unknown) => assert.ok(isFair(error), `${name}: ${String(error)}`));
      } catch (error) {
        assert.ok(isFair(error), `${name}: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
  }
}

const own = (of: object): string[] => Object.getOwnPropertyNames(of).filter((name) => name !== 'constructor');

story('streams', async (directory) => {
  const [a, b] = Stream.pair();
  a.on('error', () => {});
  b.on('error', () => {}).resume();
  await each('send', a, ['x', {}]);
  await each('pair', Stream, [{}]);
  await each('adopt', Stream, [19_999, {}], [0]);
  await each('connect', Stream, [join(directory, 'nothing'), {}]);
  await each('listen', Stream, [join(directory, 'socket'), {}], [1]);
  await each('write', a, ['x']);
  onOthers(Stream.prototype, own(Stream.prototype));
  await until(() => a.writableLength === 0 || a.destroyed);
  [a, b].forEach((stream) => stream.destroy());
  await each('send', a, ['x', {}]);
  await turn();
});

story('a stream that was given junk still works', async () => {
  const [a, b] = Stream.pair();
  await assert.rejects(a.send(Symbol('x') as unknown as string), TypeError);
  await assert.rejects(a.send(detached()), TypeError);
  await assert.rejects(a.send('x', { fds: [-1] }), RangeError);
  await assert.rejects(a.send('x', { fds: 'no array' as unknown as number[] }), TypeError);
  await assert.rejects(a.send('x', { fds: [2 ** 32] }), RangeError);
  await assert.rejects(a.send('x', { fds: [0.5] }), TypeError);
  await assert.rejects(a.send('x', { signal: {} as AbortSignal }), TypeError);
  await assert.rejects(a.send('x', throwing('fds')), OfMine);
  await assert.rejects(a.send('x', null as unknown as object), TypeError);
  assert.throws(() => Stream.pair({ highWaterMark: -1 }), RangeError);
  assert.throws(() => Stream.listen('x', { mode: 0o10000 }), RangeError);
  assert.throws(() => Stream.listen('x', { backlog: NaN }), TypeError);
  await a.send(new Uint8Array(new SharedArrayBuffer(3)));
  await a.send(new DataView(new ArrayBuffer(3), 1) as unknown as Uint8Array);
  await a.send(new Float64Array(1) as unknown as Uint8Array);
  a.end('told');
  let text = '';
  for await (const chunk of b) text += String(chunk);
  assert.equal(text, `${'\0'.repeat(13)}told`);
});

story('packets', async (directory) => {
  const [a, b] = SeqPacket.pair();
  const receiving = (async (): Promise<void> => {
    for await (const { fds } of b) fds.forEach((fd) => fd.close());
  })();
  await each('send', a, ['x', {}]);
  await each('trySend', a, ['x', {}]);
  await each('recv', a, [{}]);
  await each('pair', SeqPacket, [{}]);
  await each('adopt', SeqPacket, [19_999, {}], [0]);
  await each('connect', SeqPacket, [join(directory, 'nothing'), {}]);
  await each('listen', SeqPacket, [join(directory, 'socket'), {}], [1]);
  onOthers(SeqPacket.prototype, own(SeqPacket.prototype));
  a.destroy();
  await each('send', a, ['x', {}]);
  await each('trySend', a, ['x', {}]);
  await each('recv', a, [{}]);
  await receiving;
  b.destroy();
});

story('datagrams', async (directory) => {
  const [a, b] = Datagram.pair();
  const receiving = (async (): Promise<void> => {
    for await (const { fds } of b) fds.forEach((fd) => fd.close());
  })();
  await each('send', a, ['x', {}]);
  await each('trySend', a, ['x', {}]);
  await each('recv', a, [{}]);
  await each('bind', Datagram, [join(directory, 'socket'), {}], [1]);
  await each('pair', Datagram, [{}]);
  await each('adopt', Datagram, [19_999, {}], [0]);
  onOthers(Datagram.prototype, own(Datagram.prototype));
  await turn();
  [a, b].forEach((socket) => socket.destroy());
  await each('send', a, ['x', {}]);
  await receiving;
});

story('listeners and doors', async (directory) => {
  const listener = Stream.listen(join(directory, 'socket'));
  const door = Door.adopt(Fd.duplicate(listener.fd));
  await each('accept', listener, [{}]);
  await each('accept', door, [{}]);
  await each('adopt', Door, [19_999, {}], [0]);
  await each('createReuseportFd', { createReuseportFd: (port: number, host: string) => Fd.adopt(createReuseportFd(port, host)) }, [0, '127.0.0.1']);
  onOthers(Object.getPrototypeOf(listener), own(Object.getPrototypeOf(listener)));
  onOthers(Door.prototype, own(Object.getPrototypeOf(Door.prototype)));
  door.close();
  listener.close();
  await each('accept', listener, [{}]);
});

story('descriptors', async () => {
  await each('adopt', Fd, [19_999]);
  await each('duplicate', Fd, [19_999]);
  onOthers(Fd.prototype, own(Fd.prototype));
  for (const arguments_ of [[], [{}, 0, 5], [null, -1, 19_999]]) {
    const before = openFds();
    try {
      const made: Fd = Reflect.construct(Fd, arguments_);
      made.close();
      made.take();
    } catch (error) {
      assert.ok(isFair(error), String(error));
    }
    assert.equal(openFds(), before);
  }
  for (const Kind of [Stream, SeqPacket, Datagram, Door]) assert.throws(() => Reflect.construct(Kind, []), isFair);
});
