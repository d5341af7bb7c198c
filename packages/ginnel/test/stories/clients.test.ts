// What users do with a client whose server comes and goes: the stories of `clients.rs`.

import assert from 'node:assert/strict';

import { Client, Connection, Server, Stream, type Status } from 'ginnel';
import { readToEnd } from './reading';
import { codeOf, failed, given, story, within } from './telling';
import { accepted, dataOf, isRequest, text } from './wire';

story('calls_go_on_over_servers_that_come_and_go', async ({ path }) => {
  const client = Client.connect(path);
  for (let round = 0; round < 20; round++) {
    // Answers three requests with their own bytes; then it goes without a word.
    const listener = Stream.listen(path);
    const serving = (async () => {
      const connection = await accepted(listener);
      for (let count = 0; count < 3; count++) {
        const request = isRequest(await connection.next());
        await request.reply(request.data);
      }
      return connection;
    })();
    for (let call = 0; call < 3; call++) {
      let answer: Buffer | null = null;
      while (answer === null) {
        try {
          answer = (await client.call(Buffer.of(round, call))).data;
        } catch (error) {
          // A server that goes is noticed by the call after its last answer, which may find the old connection.
          assert.ok(error instanceof Error && 'code' in error && error.code === 'ERR_GINNEL_STOPPED', String(error));
        }
      }
      assert.deepEqual([...answer], [round, call]);
    }
    (await serving).destroy();
    listener.close();
  }
  client.destroy();
});

story('what_waits_for_a_server_arrives_once_and_in_order', async ({ path }) => {
  const client = Client.connect(path);
  const sent = Array.from({ length: 500 }, (_, number) => client.send(String(number)));
  const listener = Stream.listen(path);
  const connection = await accepted(listener);
  for (let number = 0; number < 500; number++) assert.equal(text(await connection.recv()), String(number));
  await Promise.all(sent);
  client.destroy();
  connection.destroy();
  listener.close();
});

story('the_queue_of_a_client_that_is_down_is_bounded', async ({ path }) => {
  const client = Client.connect(path);
  for (let number = 0; number < 1024; number++) assert.ok(client.trySend('x'));
  assert.equal(client.trySend('one too many'), false);
  await failed(client.send('one too many', within(30)));
  client.destroy();
});

story('status_is_told_and_can_be_waited_for', async ({ path }) => {
  const client = Client.connect(path);
  const changes = client.changes();
  const next = async (): Promise<Status> => {
    const { value } = await changes.next();
    return given(value ?? null);
  };
  assert.deepEqual(await next(), { state: 'connecting', attempt: 1 });
  assert.equal((await next()).state, 'reconnecting');
  await failed(client.connected(within(20)));
  const listener = Stream.listen(path);
  const first = accepted(listener);
  await client.connected();
  client.disconnect();
  assert.equal(client.status.state, 'disconnected');
  assert.equal(await client.recv(), null, 'it was ended on purpose');
  client.reconnect();
  const second = accepted(listener);
  await client.connected();
  (await first).destroy();
  (await second).destroy();
  client.destroy();
  listener.close();
});

story('a_client_that_may_try_twice_stops_and_gives_its_messages_back', async ({ path }) => {
  const client = Client.connect(path, { pause: 1, longestPause: 1, attempts: 2 });
  await failed(client.send('kept'));
  assert.match(await codeOf(client.recv()), /ERR_GINNEL_STOPPED|ENOENT/);
  client.destroy();
});

story('descriptors_travel_over_the_next_connection_and_none_is_left', async ({ path }) => {
  const client = Client.connect(path);
  const [left, right] = Stream.pair();
  const sent = client.send('take it', { fds: [left.fd] });
  const listener = Stream.listen(path);
  const connection = await accepted(listener);
  const { fds } = given(await connection.recv());
  await sent;
  left.destroy();
  assert.equal(fds.length, 1);
  fds.forEach((fd) => fd.close());
  assert.equal((await readToEnd(right)).length, 0, 'every copy is closed');
  right.destroy();
  client.destroy();
  connection.destroy();
  listener.close();
});

story('an_answer_or_a_question_that_the_server_does_not_take_comes_back', async ({ path }) => {
  const server = Server.listen(path, { largestMessage: 64 << 10 });
  const client = (async () => {
    const connection = Client.connect(path);
    assert.equal(await codeOf(connection.call(Buffer.alloc(100_000))), 'ERR_GINNEL_LIMIT');
    const request = isRequest(await connection.next());
    await request.reply(Buffer.alloc(200_000));
    // A failure goes in its place, and whoever closes is told.
    assert.equal(await codeOf(connection.close()), 'ERR_GINNEL_LIMIT');
  })();
  const { type, from } = given(await server.next());
  assert.equal(type, 'joined');
  const error = await failed(server.call(from, 'give me much'));
  assert.equal(dataOf(error), 'the answer cannot be sent: the body has 200000 bytes, the other side takes 65536');
  while (given(await server.next()).type !== 'left');
  await client;
  await server.close();
});

story('closing_a_client_sends_what_is_queued_and_a_goodbye', async ({ path }) => {
  const client = Client.connect(path);
  const sent = client.send('last');
  const listener = Stream.listen(path);
  const closing = client.close({ drain: 20_000 });
  const connection: Connection = await accepted(listener);
  assert.equal(text(await connection.recv()), 'last');
  assert.equal(await connection.recv(), null);
  await Promise.all([sent, closing]);
  connection.destroy();
  listener.close();
});
