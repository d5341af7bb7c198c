// The addon's tables, called with whatever there is: an exception with a code each time, and the process goes on.

import assert from 'node:assert/strict';
import { createServer, type Socket, connect } from 'node:net';
import { once } from 'node:events';
import { createContext, runInContext, runInNewContext } from 'node:vm';
import 'ginnel';

import { codeOf, collect, openFds, story } from '../support/core';
import { Chance, SOAK } from '../support/hardening/chance';
import { call, tables } from '../support/hardening/raw';

const raw = tables();

/** Functions that take over what is open under a number: they get numbers of their own only. */
const TAKES = new Set(['adopt', 'made', 'duplicate', 'setBufferSize']);

/** What throws has a code, and is an error of this realm. */
function thrown(run: () => unknown): string {
  try {
    run();
    return '';
  } catch (error) {
    assert.ok(error instanceof Error);
    const code = codeOf(error);
    assert.match(code, /^E[A-Z0-9_]+$/);
    assert.notEqual(code, 'ERR_GINNEL_BUG', error.message);
    return code;
  }
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

function pair(table = 'stream'): [unknown, unknown] {
  const both = call(raw, table, 'pair')();
  assert.ok(isList(both));
  return [both[0], both[1]];
}

/** A buffer whose memory is somebody else's by now. */
function detached(): Uint8Array {
  const bytes = new Uint8Array(100);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

/** Views of a buffer that has shrunk, where the engine knows such buffers. */
function shrunk(): unknown[] {
  const made: unknown = runInNewContext(`
    const buffer = new ArrayBuffer(1 << 20, { maxByteLength: 1 << 22 });
    const views = [new Uint8Array(buffer, 1 << 19, 1 << 18), new Uint8Array(buffer), new Float64Array(buffer, 0, 1 << 16)];
    if (buffer.resize) buffer.resize(4096);
    views`);
  return Array.isArray(made) || isList(made) ? made : [];
}

function holes(length: number): unknown[] {
  const list: unknown[] = [];
  list.length = length;
  return list;
}

/** An array whose first item is looked up by code. */
function looked(get: () => unknown): unknown[] {
  return Object.defineProperty([0, 0], 0, { get });
}

/** Whatever a caller may come up with. */
function things(handles: unknown[], foreign: unknown): unknown[] {
  const context = createContext({});
  const elsewhere = (text: string): unknown => runInContext(text, context);
  return [
    undefined, null, true, false, 0, -0, 1, -1, 2, 7, 1.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e300,
    0n, 2n ** 64n, '', 'x', 'push', 'status', 'a\0b', '\ud800', 'x'.repeat(100_000), Symbol('s'), () => {}, {}, [], [[]], [NaN], [1e9], [-1, -1],
    holes(3), holes(2 ** 32 - 1), Object.freeze([1, 2]), looked(() => { throw Object.assign(new Error('mine'), { code: 'EMINE' }); }),
    looked(() => new Uint8Array(4)), new Uint8Array(0), new Uint8Array(64), new Int32Array(16), new Float64Array(40), new BigInt64Array(2),
    new Uint16Array(3), new DataView(new ArrayBuffer(8)), new ArrayBuffer(8), new SharedArrayBuffer(8), new Uint8Array(new SharedArrayBuffer(64)),
    detached(), ...shrunk(), new Proxy([], {}), new Proxy(new Uint8Array(8), {}), new Proxy({}, { get: () => { throw new Error('trap'); } }),
    elsewhere('new Uint8Array(32)'), elsewhere('[1, 2, 3]'), elsewhere('({})'), elsewhere('(() => 1)'), elsewhere('new Error("there")'),
    Object.create(null), new Date(0), /x/, new Map(), new WeakRef({}), Promise.resolve(), ...handles, foreign,
  ];
}

/** One of each kind of handle. */
function handles(directory: string): unknown[] {
  const open = (table: string, name: string, ...values: unknown[]): unknown => call(raw, table, name)(...values);
  const ends = open('sp', 'open', 'req', []);
  assert.ok(isList(ends));
  const numbers = Array.from({ length: 20 }, () => NaN);
  return [
    ...pair('stream'), ...pair('seqpacket'), ...pair('datagram'), open('datagram', 'bind', null, 0o600), ...ends,
    open('listener', 'open', 0, `${directory}/stream`, [], null), open('listener', 'open', 1, `${directory}/packets`, [], null),
    open('messages', 'adopt', pair()[0], numbers), open('messages', 'client', `${directory}/nobody`, numbers), open('messages', 'carrier'),
    open('messages', 'server', open('listener', 'open', 0, `${directory}/server`, [], null), numbers),
  ];
}

story('whatever the tables are given', async (directory) => {
  const seed = Number(process.env['GINNEL_SEED'] ?? Date.now() % 1_000_000);
  const chance = new Chance(seed);
  // A value of another's, which points to something that is not ours.
  const server = createServer().listen(`${directory}/net`);
  await once(server, 'listening');
  const socket: Socket = connect(`${directory}/net`);
  await once(socket, 'connect');
  const inner: unknown = Reflect.get(socket, '_handle');
  const foreign: unknown = typeof inner === 'object' && inner !== null ? Reflect.get(inner, '_externalStream') : null;

  const home = process.cwd();
  process.chdir(directory);
  const functions = Object.entries(raw).flatMap(([table, entries]) =>
    Object.keys(entries).filter((name) => !TAKES.has(name) && name !== 'reuseport' && name !== 'peer').map((name) => ({ table, name })));
  const ours = handles(directory);
  const all = things(ours, foreign);
  let held: unknown[] = [];
  for (let round = 0; round < (SOAK ? 300_000 : 40_000); round++) {
    const { table, name } = chance.one(functions);
    // Descriptors are given away by these.
    if (/^(take|detach|takeFdNumbers|accept)$/.test(name) && table !== 'seqpacket') continue;
    const own = chance.one(ours);
    const values = Array.from({ length: chance.below(7) }, () => chance.one(all));
    if (chance.below(2) === 0) values[0] = own;
    const made = `${table}.${name}`;
    thrown(() => {
      const answer = Reflect.apply(call(raw, table, name), undefined, values);
      if (name === 'detach' && typeof answer === 'number' && answer >= 0) call(raw, 'fd', 'close')(call(raw, 'fd', 'adopt')(answer), 0);
      if (name === 'open' || name === 'client') held.push(answer);
      assert.ok(made.length > 0);
    });
    if (round % 5000 === 4999) {
      held = [];
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  process.chdir(home);
  for (const [table, entries] of Object.entries(raw)) {
    for (const handle of [...ours, ...held]) if (entries['close'] !== undefined) thrown(() => call(raw, table, 'close')(handle, 0));
  }
  socket.destroy();
  server.close();
  held.length = 0;
  ours.length = 0;
  collect();
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
  collect();
});

story('code of the caller\'s that runs while its arguments are looked at', () => {
  const write = call(raw, 'stream', 'write');
  const [a, b] = pair();
  const buffer = new ArrayBuffer(1 << 20);
  const bytes = new Uint8Array(buffer).fill(65);
  const take = (): number => {
    structuredClone(buffer, { transfer: [buffer] });
    return 1;
  };
  assert.equal(thrown(() => write(a, bytes, 0, looked(take))), 'ERR_GINNEL_FDS_WITHOUT_BYTES');

  const chunks = [new Uint8Array(1 << 20).fill(66), new Uint8Array(1)];
  const first = chunks[0];
  assert.ok(first);
  Object.defineProperty(chunks, 1, { get: () => {
    structuredClone(first.buffer, { transfer: [first.buffer] });
    return new Uint8Array(1).fill(67);
  } });
  assert.equal(call(raw, 'stream', 'writev')(a, chunks, 0), 1, 'what was taken away is not sent');

  const closing = looked(() => {
    call(raw, 'stream', 'close')(a);
    return 1;
  });
  assert.equal(thrown(() => write(a, new Uint8Array(1), 0, closing)), 'ERR_GINNEL_CLOSED');
  assert.equal(thrown(() => write(b, new Uint8Array(1), 0, looked(() => { throw Object.assign(new Error('mine'), { code: 'EMINE' }); }))), 'EMINE');
  call(raw, 'stream', 'close')(b);
});

story('arrays that are larger than memory, and numbers that are no descriptors', () => {
  const [a, b] = pair();
  for (const fds of [holes(2 ** 32 - 1), holes(1 << 21), [2 ** 32], [1.5], [NaN], [-(2 ** 31) - 1]]) {
    assert.match(thrown(() => call(raw, 'stream', 'write')(a, new Uint8Array(1), 0, fds)), /^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE)$/);
  }
  assert.equal(thrown(() => call(raw, 'stream', 'write')(a, new Uint8Array(1), 0, [0x7fffffff])), 'EBADF');
  [a, b].forEach((end) => call(raw, 'stream', 'close')(end));
});

story('one room that is given twice', () => {
  const [a, b] = pair('seqpacket');
  const room = new Uint8Array(1 << 12);
  assert.equal(thrown(() => call(raw, 'seqpacket', 'recvMany')(a, room, room, 64)), 'ERR_INVALID_ARG_TYPE');
  assert.equal(thrown(() => call(raw, 'seqpacket', 'recvMany')(a, room, new Int32Array(room.buffer, 64, 8), 64)), 'ERR_INVALID_ARG_TYPE');
  assert.equal(call(raw, 'seqpacket', 'recvMany')(a, room.subarray(0, 64), room.subarray(64), 64), 0);
  [a, b].forEach((end) => call(raw, 'seqpacket', 'close')(end));
});

story('what prototypes have been given has no say', () => {
  const seen: unknown[] = [];
  const names = ['code', 'pid', 'uid', 'gid', 'name', 'state'];
  const [a, b] = pair();
  const errors: unknown[] = [];
  let who: unknown;
  for (const name of names) Object.defineProperty(Object.prototype, name, { configurable: true, set: (value: unknown) => seen.push(value) });
  try {
    who = call(raw, 'stream', 'credentials')(a);
    try {
      call(raw, 'stream', 'write')(a, 5, 0, null);
    } catch (error) {
      errors.push(error);
    }
  } finally {
    for (const name of names) Reflect.deleteProperty(Object.prototype, name);
  }
  assert.deepEqual(seen, []);
  assert.deepEqual(Object.keys(who ?? {}), ['pid', 'uid', 'gid']);
  assert.equal(codeOf(errors[0]), 'ERR_INVALID_ARG_TYPE');
  [a, b].forEach((end) => call(raw, 'stream', 'close')(end));
});

story('watches of what is no socket, or is closed', () => {
  const watch = call(raw, 'stream', 'watch');
  const before = openFds();
  const [a, b] = pair();
  const [c, d] = pair();
  const nothing = (): void => {};
  const first = watch(a, nothing, true);
  for (const bad of [null, 5, {}, 'f', first]) assert.equal(thrown(() => watch(bad, nothing, true)), 'ERR_INVALID_ARG_TYPE');
  for (const bad of [null, 5, {}, 'f']) assert.equal(thrown(() => watch(b, bad, true)), 'ERR_INVALID_ARG_TYPE');
  for (const ms of [NaN, Infinity, -Infinity, 1e300]) call(raw, 'watch', 'wakeAfter')(first, ms);
  const second = watch(c, nothing, true);
  call(raw, 'stream', 'close')(c);
  assert.notEqual(thrown(() => watch(c, nothing, true)), '', 'it is closed');
  assert.equal(thrown(() => call(raw, 'watch', 'want')(second, 1)), 'EBADF', 'it was closed behind the back of the watch');
  call(raw, 'watch', 'close')(second);
  for (let times = 0; times < 3; times++) call(raw, 'watch', 'close')(first);
  call(raw, 'watch', 'want')(first, 3);
  call(raw, 'watch', 'wakeAfter')(first, 1);
  call(raw, 'watch', 'hold')(first, false);
  [a, b, d].forEach((end) => call(raw, 'stream', 'close')(end));
  assert.equal(openFds(), before);
});

