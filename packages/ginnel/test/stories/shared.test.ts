// What users do where many share a handle. In Node a handle is what everybody has: the stories of `shared.rs`.

import assert from 'node:assert/strict';

import { Client, Connection, Server, Stream } from 'ginnel';
import { codeOf, exists, failed, given, settled, story } from './telling';
import { accepted, isRequest, text } from './wire';

story('calls_of_many_find_each_its_own_answer', async () => {
  const [left, right] = Connection.pair();
  const callers = Array.from({ length: 8 }, async (_, caller) => {
    for (let call = 0; call < 50; call++) {
      assert.deepEqual([...(await left.call(Buffer.of(caller, call))).data], [caller, call, 7]);
    }
  });
  for (let count = 0; count < 8 * 50; count++) {
    const request = isRequest(await right.next());
    await request.reply(Buffer.concat([request.data, Buffer.of(7)]));
  }
  await Promise.all(callers);
  const closing = left.close();
  assert.equal(await right.recv(), null);
  right.destroy();
  await closing;
});

story('what_was_queued_goes_first_and_what_arrived_comes_first', async () => {
  const [left, right] = Connection.pair();
  assert.ok(left.trySend('queued before') && right.trySend('one'));
  await right.send('two');
  assert.equal(text(await left.recv()), 'one');
  await left.send('sent after');
  assert.equal(text(await right.recv()), 'queued before');
  assert.equal(text(await right.recv()), 'sent after');
  right.destroy();
  assert.equal(text(await left.recv()), 'two');
  assert.equal(await left.recv(), null, 'the other side has gone');
  left.destroy();
});

story('a_client_comes_back_while_nobody_waits_for_it_and_subscribers_are_told', async ({ path }) => {
  const client = Client.connect(path);
  const changes = client.changes();
  const seen: string[] = [];
  for (let round = 0; round < 3; round++) {
    const listener = Stream.listen(path);
    const connection = await accepted(listener);
    for (let state = ''; state !== 'connected'; seen.push(state)) {
      const { value } = await changes.next();
      ({ state } = given(value ?? null));
    }
    await client.send('hello');
    assert.equal(text(await connection.recv()), 'hello');
    connection.destroy();
    listener.close();
  }
  assert.ok(seen.includes('reconnecting'), seen.join());
  client.disconnect();
  assert.equal(client.status.state, 'disconnected');
  client.destroy();
});

story('one_waits_for_its_own_message_and_gets_it_back', async ({ path }) => {
  const client = Client.connect(path, { pause: 1, longestPause: 1, attempts: 3 });
  const senders = [0, 1, 2, 3].map((sender) => failed(client.send(Buffer.of(sender))));
  assert.equal((await Promise.all(senders)).length, 4);
  client.destroy();
});

story('a_full_inbox_stops_reading_until_somebody_receives', async () => {
  const [left, right] = Connection.pair();
  const flood = (async () => {
    for (let number = 0; number < 20_000; number++) {
      if (!right.trySend(String(number))) await right.send(String(number));
    }
  })();
  for (let number = 0; number < 20_000; number++) assert.equal(text(await left.recv()), String(number));
  await flood;
  left.destroy();
  right.destroy();
});

story('a_server_is_served_by_many', async ({ path }) => {
  const server = Server.listen(path);
  const workers = Array.from({ length: 4 }, async () => {
    for (let served = 0; ; ) {
      const happening = given(await server.next());
      if (happening.type === 'message') return served;
      if (happening.type !== 'request') continue;
      served += 1;
      await happening.request.reply(happening.request.data);
    }
  });
  await Promise.all(Array.from({ length: 8 }, async (_, client) => {
    const connection = await Connection.connect(path);
    for (let call = 0; call < 50; call++) {
      assert.deepEqual([...(await connection.call(Buffer.of(client, call))).data], [client, call]);
    }
    connection.destroy();
  }));
  const last = await Connection.connect(path);
  for (let worker = 0; worker < 4; worker++) await last.send('stop');
  const served = await Promise.all(workers);
  assert.equal(served.reduce((sum, count) => sum + count, 0), 8 * 50);
  const closing = server.close();
  assert.equal(await last.recv(), null, 'the server says goodbye');
  last.destroy();
  await closing;
  assert.ok(!exists(path));
});

story('a_server_asks_and_broadcasts_by_its_handles', async ({ path }) => {
  const server = Server.listen(path);
  const client = (async () => {
    const connection = await Connection.connect(path);
    const told = text(await connection.recv());
    await isRequest(await connection.next()).reply('fine');
    assert.equal(await connection.recv(), null);
    connection.destroy();
    return told;
  })();
  const { type, from } = given(await server.next());
  assert.equal(type, 'joined');
  assert.deepEqual([server.connections, server.broadcast('to all')], [[from], []]);
  assert.equal(text(await server.call(from, 'how are you?')), 'fine');
  assert.ok(server.disconnect(from));
  assert.equal(await client, 'to all');
  assert.equal(await codeOf(server.send(from, 'late')), 'ERR_GINNEL_STOPPED');
  await server.close();
});

story('handles_close_for_all', async ({ path }) => {
  const server = Server.listen(path);
  const client = Client.connect(path);
  const sent = client.send('last');
  const { from } = given(await server.next());
  await client.connected();
  assert.equal(client.peerCredentials.pid, process.pid);
  assert.ok(client.greeting !== null);
  const waiting = client.recv();
  await client.close();
  await sent;
  assert.deepEqual([await waiting, await client.recv()], [null, null]);
  assert.throws(() => client.peerCredentials, { code: 'ERR_GINNEL_CLOSED' });
  const last = given(await server.next());
  assert.equal(last.type === 'message' && last.data.toString(), 'last');
  await settled(() => !server.connections.includes(from));
  assert.ok(!server.connections.includes(from));
  const other = await Connection.connect(path);
  let id = from;
  while (id === from) id = given(await server.next()).from;
  assert.ok(server.trySend(id, 'bye'));
  const closing = server.close();
  assert.equal(text(await other.recv()), 'bye');
  assert.equal(await other.recv(), null);
  other.destroy();
  await closing;
  assert.ok(!exists(path), 'it listens no more');
});
