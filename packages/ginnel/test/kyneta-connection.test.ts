// One connection over a socket that does what the test says, and the wrappers around the sockets of others.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';

import { UnixSocketConnection, wrapBunUnixSocket, wrapNodeUnixSocket, type UnixSocket } from 'ginnel/kyneta';

import { captured, pause, until } from './support/kyneta/place';

class FakeSocket implements UnixSocket {
  readonly written: Buffer[] = [];
  room = Infinity;
  ended = 0;
  destroyed = 0;
  data: (data: Uint8Array) => void = () => {};
  drained: () => void = () => {};
  otherEnded: () => void = () => {};

  write(data: Uint8Array): boolean {
    assert.equal(this.ended, 0, 'nothing is written behind the end');
    this.written.push(Buffer.from(data));
    this.room -= 1;
    return this.room > 0;
  }

  /** There is room for so many more writes. */
  drain(room: number): void {
    this.room = room;
    this.drained();
  }

  end(): void { this.ended += 1; }
  destroy(): void { this.destroyed += 1; }
  onData(handler: (data: Uint8Array) => void): void { this.data = handler; }
  onDrain(handler: () => void): void { this.drained = handler; }
  onEnd(handler: () => void): void { this.otherEnded = handler; }
  onClose(): void {}
  onError(): void {}
}

interface Told { type: string }

function connected(options: ConstructorParameters<typeof UnixSocketConnection>[3] = {}) {
  const socket = new FakeSocket();
  const faults: Error[] = [];
  const received: Told[] = [];
  const connection = new UnixSocketConnection('peer', 7, socket, { onFault: (fault) => faults.push(fault), ...options });
  connection._setChannel({ channelId: 7, onReceive: (message) => received.push(message) });
  connection.start();
  return { socket, connection, faults, received };
}

function offer(n: number, length = 10) {
  return { type: 'offer', docId: `d${n}`, payload: { kind: 0, encoding: 0, data: 'x'.repeat(length) }, version: String(n) };
}

function idsOf(written: readonly Buffer[]): string[] {
  return Buffer.concat(written).toString('latin1').match(/d\d+(?=$|\x02|[^\d])/g)?.filter((id) => id !== 'd2') ?? [];
}

describe('a connection', () => {
  test('K3: frames go once and in order under backpressure', () => {
    const { socket, connection } = connected();
    socket.room = 2;
    for (let n = 10; n < 40; n++) connection.send(offer(n));
    assert.equal(socket.written.length, 2);
    for (let room = 1; socket.written.length < 30; room = (room % 3) + 1) socket.drain(room);
    socket.drain(5);
    assert.equal(socket.written.length, 30);
    assert.deepEqual(idsOf(socket.written), Array.from({ length: 30 }, (_, n) => `d${n + 10}`));
  });

  test('K4: closing writes what waits, the farewell last, and then ends', () => {
    const { socket, connection } = connected();
    socket.room = 1;
    for (let n = 10; n < 16; n++) connection.send(offer(n));
    connection.send({ type: 'depart' });
    connection.close();
    assert.equal(socket.ended, 0);
    while (socket.ended === 0) socket.drain(1);
    assert.equal(socket.written.length, 7);
    assert.deepEqual(socket.written.at(-1), captured('depart'));
    connection.send({ type: 'depart' });
    assert.equal(socket.written.length, 7, 'nothing is sent after closing');
  });

  test('closing waits while the other side takes something, and no longer', async () => {
    const { socket, connection } = connected({ closeTimeout: 600 });
    socket.room = 1;
    for (let n = 0; n < 6; n++) connection.send(offer(n));
    connection.close();
    for (let n = 0; n < 4; n++) {
      await pause(200);
      assert.equal(socket.destroyed, 0);
      socket.drain(1);
    }
    await until(() => socket.destroyed === 1, 'the connection was given up');
    await connection.whenClosed();
  });

  test('a long frame goes in pieces that add up to it', () => {
    const { socket, connection } = connected();
    connection.send(offer(1, 3 << 20));
    assert.equal(socket.written.length, 4);
    const bytes = Buffer.concat(socket.written);
    assert.equal(bytes.readUInt32BE(2), bytes.length - 6);
  });

  test('what waits for a reader that does not read has a limit', () => {
    const { socket, connection, faults } = connected({ maxQueuedLength: 1000 });
    socket.room = 1;
    for (let n = 0; n < 20; n++) connection.send(offer(n, 100));
    assert.deepEqual(faults.map((fault) => Reflect.get(fault, 'code')), ['ERR_GINNEL_KYNETA_QUEUE']);
    assert.equal(socket.destroyed, 1);
  });

  test('K5, K10: who announces too much is thrown out, and the user is told', () => {
    const { socket, faults, received } = connected({ maxFrameLength: 100 });
    socket.data(captured('establish, client'));
    socket.data(Buffer.from('0200ffffffff', 'hex'));
    assert.deepEqual(received.map(({ type }) => type), ['establish']);
    assert.equal(faults.length, 1);
    assert.equal(socket.destroyed, 1);
    socket.data(captured('depart'));
    assert.equal(received.length, 1, 'nothing is read any more');
  });

  test('K10: who begins with what cannot be read is thrown out', () => {
    const { socket, faults } = connected();
    socket.data(Buffer.from('020000000003ffffff', 'hex'));
    assert.equal(socket.destroyed, 1);
    assert.match(faults[0]?.message ?? '', /could not be read: decode-failed/);
  });

  test('from an exchange what cannot be read is passed over, as the original does, and told', () => {
    const { socket, faults, received } = connected();
    const unknown = Buffer.from('020000000005a161741818' + '', 'hex');
    socket.data(Buffer.concat([captured('establish, client'), unknown, captured('interest'), captured('depart')]));
    assert.equal(socket.destroyed, 0);
    assert.deepEqual(received.map(({ type }) => type), ['establish', 'depart']);
    assert.equal(faults.length, 2);
  });

  test('what an exchange throws is thrown on, and the messages behind it still arrive', async () => {
    const { socket, connection } = connected();
    const seen: string[] = [];
    connection._setChannel({ channelId: 7, onReceive: ({ type }) => {
      seen.push(type);
      if (type === 'establish') throw new Error('the exchange has a fault');
    } });
    const thrown = new Promise<Error>((resolve) => {
      const listeners = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        listeners.forEach((listener) => process.on('uncaughtException', listener));
        resolve(error);
      });
    });
    socket.data(Buffer.concat([captured('establish, client'), captured('depart')]));
    assert.deepEqual(seen, ['establish', 'depart']);
    assert.match((await thrown).message, /the exchange has a fault/);
  });

  test('closing inside a message ends the reading', () => {
    const { socket, connection, received } = connected();
    connection._setChannel({ channelId: 7, onReceive: (message) => {
      received.push(message);
      connection.close();
    } });
    socket.data(Buffer.concat([captured('establish, client'), captured('depart')]));
    assert.equal(received.length, 1);
    assert.equal(socket.ended, 1);
  });

  test('when the other side ends, ours does behind what waits', () => {
    const { socket, connection } = connected();
    socket.room = 1;
    connection.send(offer(1));
    connection.send(offer(2));
    socket.otherEnded();
    assert.equal(socket.ended, 0);
    socket.drain(2);
    assert.equal(socket.ended, 1);
    assert.equal(socket.written.length, 2);
  });
});

describe('wrapNodeUnixSocket', () => {
  class NodeLike extends EventEmitter {
    readonly written: Uint8Array[] = [];
    ended = 0;
    write(data: Uint8Array): boolean { return this.written.push(data) < 2; }
    end(): void { this.ended += 1; }
  }

  test('it hands everything through, bytes as a plain Uint8Array', () => {
    const node = new NodeLike();
    const socket = wrapNodeUnixSocket(node);
    const seen: unknown[] = [];
    socket.onData((data) => seen.push(data));
    socket.onDrain(() => seen.push('drain'));
    socket.onClose(() => seen.push('close'));
    socket.onError((error) => seen.push(error.message));
    assert.deepEqual([socket.write(Uint8Array.of(1)), socket.write(Uint8Array.of(2))], [true, false]);
    node.emit('data', Buffer.of(1, 2, 3));
    node.emit('drain');
    node.emit('error', new Error('gone'));
    node.emit('close', false);
    socket.end();
    assert.equal(node.ended, 1);
    assert.ok(!Buffer.isBuffer(seen[0]));
    assert.deepEqual(seen, [Uint8Array.of(1, 2, 3), 'drain', 'gone', 'close']);
  });

  test('K12: an error that nobody listens to ends no process', () => {
    const node = new NodeLike();
    wrapNodeUnixSocket(node);
    assert.equal(node.emit('error', new Error('gone')), true);
  });

  test('what is no socket is refused', () => {
    for (const bad of [undefined, null, 1, 'x', {}, { write() {} }]) {
      assert.throws(() => Reflect.apply(wrapNodeUnixSocket, undefined, [bad]), TypeError);
      assert.throws(() => Reflect.apply(wrapBunUnixSocket, undefined, [bad]), TypeError);
    }
  });
});

describe('wrapBunUnixSocket', () => {
  function bun(...room: number[]) {
    const taken: number[] = [];
    let ended = 0;
    const wrapped = wrapBunUnixSocket({
      write(data) {
        const count = Math.min(room.shift() ?? Infinity, data.length);
        taken.push(...data.subarray(0, count));
        return count;
      },
      end: () => void (ended += 1),
    });
    return { ...wrapped, taken, ended: () => ended };
  }

  test('what the kernel did not take goes later, once and in order', () => {
    const { unixSocket, handlers, taken } = bun(2, 0, 1);
    let drained = 0;
    unixSocket.onDrain(() => void (drained += 1));
    assert.equal(unixSocket.write(Uint8Array.of(1, 2, 3, 4)), false);
    assert.equal(unixSocket.write(Uint8Array.of(5, 6)), false);
    handlers.onDrain?.();
    handlers.onDrain?.();
    assert.equal(drained, 0);
    handlers.onDrain?.();
    assert.equal(drained, 1);
    assert.deepEqual(taken, [1, 2, 3, 4, 5, 6]);
    assert.equal(unixSocket.write(Uint8Array.of(7)), true);
  });

  test('the end waits for what is left', () => {
    const { unixSocket, handlers, taken, ended } = bun(1);
    unixSocket.write(Uint8Array.of(1, 2));
    unixSocket.end();
    assert.equal(ended(), 0);
    handlers.onDrain?.();
    assert.equal(ended(), 1);
    assert.deepEqual(taken, [1, 2]);
  });

  test('handlers are where Bun is told to find them', () => {
    const { unixSocket, handlers } = bun();
    const seen: unknown[] = [];
    unixSocket.onData((data) => seen.push(data));
    unixSocket.onClose(() => seen.push('close'));
    unixSocket.onError((error) => seen.push(error.message));
    handlers.onData?.(Uint8Array.of(9));
    handlers.onError?.(new Error('bad'));
    handlers.onClose?.();
    assert.deepEqual(seen, [Uint8Array.of(9), 'bad', 'close']);
  });
});
