// What users may get wrong: an error that says what, and nothing else.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  connect, createUnixSocketClient, listen, UnixSocketClientTransport, UnixSocketServerTransport, useTransport,
} from 'ginnel/kyneta';

import { freshPath } from './support/kyneta/place';

describe('what is wrong is refused', () => {
  const wrong: [object | undefined, RegExp, typeof TypeError | typeof RangeError][] = [
    [undefined, /options must be an object, not undefined/, TypeError],
    [{}, /options.path must be a string, not undefined/, TypeError],
    [{ path: 7 }, /options.path must be a string, not 7/, TypeError],
    [{ path: '' }, /options.path must not be empty/, RangeError],
    [{ path: 'a\0b' }, /zero byte/, RangeError],
    [{ path: 'a', maxFrameLength: 'x' }, /options.maxFrameLength must be a number/, TypeError],
    [{ path: 'a', maxFrameLength: -1 }, /options.maxFrameLength must not be negative, -1 was given/, RangeError],
    [{ path: 'a', closeTimeout: NaN }, /options.closeTimeout/, RangeError],
    [{ path: 'a', onFault: 1 }, /options.onFault must be a function, not 1/, TypeError],
  ];
  const make = (Class: object, options: unknown) => () => Reflect.construct(Class as new () => object, [options]);
  for (const [options, message, Kind] of wrong) {
    test(String(message), () => {
      for (const Class of [UnixSocketClientTransport, UnixSocketServerTransport]) {
        assert.throws(make(Class, options), (error) => error instanceof Kind && message.test(error.message));
      }
    });
  }

  test('of the client alone, and of the server alone', async () => {
    assert.throws(make(UnixSocketClientTransport, { path: 'a', reconnect: 5 }), TypeError);
    assert.throws(make(UnixSocketClientTransport, { path: 'a', reconnect: { enabled: 'yes' } }), TypeError);
    assert.throws(make(UnixSocketClientTransport, { path: 'a', reconnect: { maxAttempts: -1 } }), RangeError);
    assert.throws(make(UnixSocketClientTransport, { path: 'a', connect: 5 }), TypeError);
    assert.throws(make(UnixSocketServerTransport, { path: 'a', cleanup: 1 }), TypeError);
    assert.throws(make(UnixSocketServerTransport, { path: 'a', allow: 1 }), TypeError);
    assert.throws(make(UnixSocketServerTransport, { path: 'a', establishTimeout: '1' }), TypeError);
    assert.throws(() => Reflect.apply(createUnixSocketClient, undefined, [{}]), TypeError);
    await assert.rejects(Reflect.apply(connect, undefined, [5]), TypeError);
    await assert.rejects(Reflect.apply(listen, undefined, [freshPath()]), TypeError);
    const getter = { get path(): string { throw new Error('mine'); } };
    assert.throws(make(UnixSocketClientTransport, getter), /mine/);
  });

  test('another message layer cannot be had once one is in use', () => {
    assert.throws(() => useTransport({}), TypeError);
    assert.throws(() => Reflect.apply(useTransport, undefined, [null]), TypeError);
  });
});
