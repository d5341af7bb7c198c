// Messages and requests between a Rust process and this one, and servers with their clients.

import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { Client, Connection, type ConnectionOptions, Server, Stream } from 'ginnel';
import { codeOf, failed, file, given, textOf, withFile } from '../stories/telling';
import { dataOf, isMessage, isRequest, text } from '../stories/wire';
import { both, numbered, type Side, type Story } from './counterpart';

const range = (length: number): number[] => [...Array(length).keys()];

async function accepted({ at, say }: Side, options?: ConnectionOptions): Promise<Connection> {
  const listener = Stream.listen(at);
  say('ready');
  const stream = given(await listener.accept());
  listener.close();
  return Connection.over(stream.detach(), options);
}

async function echo(side: Side): Promise<void> {
  const connection = await accepted(side);
  for await (const delivery of connection) {
    const { data, fds } = isMessage(delivery);
    await connection.send(data, { fds });
    fds.forEach((fd) => fd.close());
  }
  await connection.close();
}

const messages: Story = {
  name: 'messages',
  serve: echo,
  async connect({ at }) {
    const connection = await Connection.connect(at);
    for (let number = 0; number < 300; number++) {
      const expected = range(number % 3).map((index) => `${number}.${index}`);
      const fds = expected.map((content) => file(dirname(at), content));
      await connection.send(numbered(number), { fds });
      fds.forEach((fd) => closeSync(fd));
      const message = given(await connection.recv());
      assert.ok(message.data.equals(numbered(number)));
      assert.deepEqual(message.fds.map(textOf), expected);
    }
    await connection.close({ drain: 20_000 });
  },
};

const large: Story = {
  name: 'large',
  serve: echo,
  async connect({ at }) {
    const connection = await Connection.connect(at);
    const body = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, index) => index % 251));
    await withFile(dirname(at), 'beside', (fd) => connection.send(body, { fds: [fd] }));
    const message = given(await connection.recv());
    assert.ok(message.data.equals(body));
    assert.deepEqual(message.fds.map(textOf), ['beside']);
    await connection.close({ drain: 20_000 });
  },
};

const requests: Story = {
  name: 'requests',
  async serve(side) {
    const connection = await accepted(side);
    const first = isRequest(await connection.next());
    assert.deepEqual(first.fds.map(textOf), ['question']);
    await withFile(dirname(side.at), 'answer', (fd) => first.reply('here', { fds: [fd] }));
    await isRequest(await connection.next()).fail('no such thing');
    const slow = isRequest(await connection.next());
    const cancelled = new Promise((resolve) => slow.signal.addEventListener('abort', resolve));
    const end = connection.next();
    await cancelled;
    await slow.reply('too late');
    await connection.send('it was cancelled');
    assert.equal(await end, null);
    await connection.close();
  },
  async connect({ at }) {
    const connection = await Connection.connect(at);
    const answer = await withFile(dirname(at), 'question', (fd) => connection.call('read this', { fds: [fd] }));
    assert.deepEqual([text(answer), answer.fds.map(textOf)], ['here', ['answer']]);
    const error = await failed(connection.call('something else'));
    assert.deepEqual(['code' in error && error.code, dataOf(error)], ['ERR_GINNEL_FAILURE', 'no such thing']);
    assert.equal(await codeOf(connection.call('slow', { timeout: 50 })), 'ETIMEDOUT');
    assert.equal(text(await connection.recv()), 'it was cancelled');
    await connection.close({ drain: 20_000 });
  },
};

const backpressure: Story = {
  name: 'backpressure',
  async serve(side) {
    const connection = await accepted(side);
    const count = Number(await side.hear());
    assert.ok(count > 0 && count < 4000, `${count} were taken`);
    for (let number = 0; number < count; number++) {
      const { data } = given(await connection.recv());
      assert.deepEqual([data.length, data.readUInt32BE()], [8192, number]);
    }
    assert.equal(text(await connection.recv()), 'end');
    assert.equal(await connection.recv(), null);
    await connection.close();
  },
  async connect({ at, say }) {
    const connection = await Connection.connect(at);
    let count = 0;
    const sent: Promise<void>[] = [];
    // What waits for room is sent later: it counts as well.
    for (let waits = false; !waits; count++) {
      const body = Buffer.alloc(8192);
      body.writeUInt32BE(count);
      const sending = connection.send(body);
      sent.push(sending);
      waits = await Promise.race([sending.then(() => false), new Promise<boolean>((resolve) => {
        setTimeout(() => resolve(true), 200).unref();
      })]);
    }
    say(count);
    await Promise.all(sent);
    await connection.send('end');
    await connection.close({ drain: 20_000 });
  },
};

async function greeted(connection: Connection, side: Side, [bytes, fds]: [number, number]): Promise<void> {
  await connection.send('hello');
  assert.equal(text(await connection.recv()), 'hello');
  const { largestMessage, mostFds } = given(connection.greeting);
  assert.deepEqual([largestMessage, mostFds], [bytes, fds]);
  assert.equal(await codeOf(connection.send(Buffer.alloc(bytes + 1))), 'ERR_GINNEL_LIMIT');
  await connection.send(Buffer.alloc(bytes));
  assert.ok(given(await connection.recv()).data.length >= 100_000);
  side.say('done');
  assert.equal(await side.hear(), 'done');
  connection.destroy();
}

const greetings: Story = {
  name: 'greetings',
  async serve(side) {
    await greeted(await accepted(side, { largestMessage: 100_000, mostFds: 17 }), side, [200_000, 18]);
  },
  async connect(side) {
    const connection = await Connection.connect(side.at, { largestMessage: 200_000, mostFds: 18 });
    await greeted(connection, side, [100_000, 17]);
  },
};

const reconnecting: Story = {
  name: 'reconnecting',
  async serve({ at, say }) {
    for (let round = 0; round < 5; round++) {
      const server = Server.listen(at);
      if (round === 0) say('ready');
      for await (const happening of server) {
        if (happening.type !== 'message') continue;
        assert.deepEqual([...happening.data], [round]);
        break;
      }
      server.destroy();
    }
  },
  async connect({ at }) {
    const client = Client.connect(at);
    for (let round = 0; round < 5; round++) {
      await client.send(Buffer.of(round));
      if (client.status.state !== 'connected') continue;
      for await (const { state } of client.changes()) if (state === 'reconnecting') break;
    }
    client.destroy();
  },
};

const broadcast: Story = {
  name: 'broadcast',
  async serve({ at, say }) {
    const server = Server.listen(at);
    say('ready');
    const ids: number[] = [];
    while (ids.length < 3) {
      const happening = given(await server.next());
      assert.equal(happening.type, 'joined');
      ids.push(happening.from);
    }
    assert.deepEqual([server.connections, server.broadcast('to all')], [ids, []]);
    for (const id of ids) assert.equal(text(await server.call(id, 'who?')), 'me');
    for (let count = 0; count < 3; count++) {
      const happening = given(await server.next());
      assert.ok(happening.type === 'request');
      await happening.request.reply('well');
    }
    assert.ok(server.disconnect(given(ids[0])));
    const left: number[] = [];
    while (left.length < 3) {
      const happening = given(await server.next());
      assert.equal(happening.type, 'left');
      left.push(happening.from);
    }
    assert.equal(left[0], ids[0]);
    await server.close();
  },
  async connect({ at }) {
    const all = [await Connection.connect(at), await Connection.connect(at), await Connection.connect(at)];
    for (const connection of all) {
      assert.equal(text(isMessage(await connection.next())), 'to all');
      await isRequest(await connection.next()).reply('me');
    }
    for (const connection of all) assert.equal(text(await connection.call('how?')), 'well');
    assert.equal(await given(all[0]).recv(), null);
    all.forEach((connection) => connection.destroy());
  },
};

for (const story of [messages, large, requests, backpressure, greetings, reconnecting, broadcast]) {
  both(story, (dir) => join(dir, 's'));
}
