// What only ours promises of servers, and of input that makes no sense.

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { describe, test } from 'node:test';

import { PipePath, SocketServer, SocketTransport, TransportFactory } from 'ginnel/procwire';

import { dial, diary, failure, load, Place, Plain, serve } from './procwire/face';

const place = new Place();
process.once('exit', () => place.remove());

describe('procwire: servers', () => {
  test('only our own user may connect, unless the mode says otherwise', async () => {
    for (const [options, mode] of [[{}, 0o600], [{ mode: 0o666 }, 0o666]] as const) {
      const path = place.path();
      const server = new SocketServer(options);
      await server.listen(path);
      assert.equal(statSync(path).mode & 0o777, mode);
      await server.close();
    }
  });

  test('a name that begins with NUL is abstract, and for our own user', async () => {
    const path = `\0ginnel-procwire-${process.pid}`;
    const server = new SocketServer({ cleanupBeforeListen: false });
    await server.listen(path);
    const transport = new SocketTransport({ path });
    await transport.connect();
    await transport.disconnect();
    await server.close();
  });

  test('cleanup() leaves a live server in peace', async () => {
    const path = place.path();
    const plain = await Plain.at(path);
    await PipePath.cleanup(path);
    assert.ok(existsSync(path));
    (await dial(path)).destroy();
    plain.close();
  });

  test('close() right behind listen()', async () => {
    const server = new SocketServer();
    const listening = failure(server.listen(place.path()));
    await server.close();
    assert.equal((await listening).message, 'Failed to listen: closed before it began');
    assert.equal(server.isListening, false);
  });

  test('listen() while it closes', async () => {
    const path = place.path();
    const { server } = await serve(await load('ours'), path);
    const closed = server.close();
    assert.equal((await failure(server.listen(path))).message, 'Server is closing');
    await closed;
  });

  test('a missing folder is told as what it is', async () => {
    const error = await failure(new SocketServer().listen(`${place.dir}/none/a.sock`));
    assert.match(error.message, /^Failed to listen: listen ENOENT: no such file or directory /);
  });
});

describe('procwire: bad input', () => {
  test('is a TypeError or a RangeError', async () => {
    const rows: [() => unknown, ErrorConstructor, RegExp][] = [
      [() => Reflect.construct(SocketTransport, []), TypeError, /options must be an object/],
      [() => Reflect.construct(SocketTransport, [{}]), TypeError, /path is required/],
      [() => Reflect.construct(SocketTransport, [{ path: 5 }]), TypeError, /path is required/],
      [() => Reflect.construct(SocketTransport, [{ path: '/x', connectionTimeout: '5' }]), TypeError, /must be a number/],
      [() => new SocketTransport({ path: '/x', connectionTimeout: NaN }), RangeError, /must be positive/],
      [() => new SocketTransport({ path: '/x', maxBufferedBytes: -1 }), RangeError, /must be positive/],
      [() => Reflect.construct(SocketServer, [null]), TypeError, /options must be an object/],
      [() => Reflect.apply(PipePath.forModule, PipePath, [1, 'x']), TypeError, /namespace must be a string/],
      [() => Reflect.apply(TransportFactory.isValidPath, TransportFactory, [1]), TypeError, /path must be a string/],
      [() => Reflect.apply(SocketServer.prototype.onConnection, new SocketServer(), [1]), TypeError, /must be a function/],
    ];
    for (const [action, Kind, message] of rows) {
      assert.throws(action, (error) => error instanceof Kind && message.test(error.message), String(message));
    }
    assert.throws(() => TransportFactory.createOptimal({ executablePath: 'node' }), /not part of ginnel\/procwire/);
    await PipePath.cleanup('\0');
  });

  test('to write is a TypeError, and the connection goes on', async () => {
    const path = place.path();
    const plain = await Plain.at(path);
    const transport = new SocketTransport({ path });
    const lines = diary(transport);
    await transport.connect();
    for (const data of [undefined, null, 5, {}, [1]]) {
      const wrong = Reflect.apply(transport.write, transport, [data]);
      assert.ok((await failure(wrong)) instanceof TypeError);
    }
    await transport.write(new Uint8Array([1]));
    assert.deepEqual(lines, ['connect (connected)']);
    await transport.disconnect();
    plain.close();
  });

  test('a path with a NUL inside, and one that is too long for any file', async () => {
    for (const path of ['/tmp/a\0b', `/tmp/${'x'.repeat(300)}`]) {
      assert.match((await failure(new SocketTransport({ path }).connect())).message, /^Connection failed: /);
      assert.match((await failure(new SocketServer().listen(path))).message, /^Failed to listen: /);
    }
  });
});
