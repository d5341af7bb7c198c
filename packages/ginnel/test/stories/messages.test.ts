// What users do with messages: the stories of `messages.rs`.

import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';

import { Connection, Stream, type Wire } from 'ginnel';
import { read, readToEnd } from './reading';
import { codeOf, failed, file, given, story, textOf, withFile, within } from './telling';
import { accepted, dataOf, frame, greeting, isRequest, pairWith, text, withBarePeer, withGreeted } from './wire';

story('messages_arrive_whole_in_order_with_their_descriptors', async ({ dir }) => {
  const [left, right] = Connection.pair();
  const sent: Promise<void>[] = [];
  const files: number[] = [];
  for (let number = 0; number < 100; number++) {
    const fds = [...Array(number % 3).keys()].map((at) => file(dir, `${number}.${at}`));
    files.push(...fds);
    sent.push(left.send(Buffer.alloc(number, number), { fds }));
  }
  await Promise.all(sent);
  files.forEach((fd) => closeSync(fd));
  for (let number = 0; number < 100; number++) {
    const { data, fds } = given(await right.recv(), 'all of them');
    assert.ok(data.equals(Buffer.alloc(number, number)));
    assert.deepEqual(fds.map(textOf), [...Array(number % 3).keys()].map((at) => `${number}.${at}`));
  }
  left.destroy();
  assert.equal(await right.recv(), null);
  right.destroy();
});

story('messages_arrive_whole_and_in_order', async () => {
  const [left, right] = Connection.pair();
  await Promise.all([...Array(100).keys()].map((number) => left.send(Buffer.alloc(number, number))));
  for (let number = 0; number < 100; number++) {
    assert.ok(given(await right.recv(), 'all of them').data.equals(Buffer.alloc(number, number)));
  }
  left.destroy();
  assert.equal(await right.recv(), null);
  right.destroy();
});

story('a_message_goes_through_a_listener', async ({ path }) => {
  const listener = Stream.listen(path);
  const client = (async () => {
    const connection = await Connection.connect(path);
    await connection.send('ping');
    assert.equal(text(await connection.recv()), 'pong');
    await connection.close();
  })();
  const connection = await accepted(listener);
  assert.equal(text(await connection.recv()), 'ping');
  await connection.send('pong');
  assert.equal(await connection.recv(), null);
  connection.destroy();
  await client;
  listener.close();
});

story('what_is_fed_is_queued_and_what_is_sent_is_with_the_kernel', async () => {
  const [connection, peer] = withGreeted();
  assert.equal((await read(peer, 32)).length, 32, 'the greeting goes at once');
  assert.ok(connection.trySend('one') && connection.trySend('two'));
  assert.equal(peer.readableLength, 0, 'queued is not sent');
  await connection.send('three');
  connection.destroy();
  const expected = Buffer.concat(['one', 'two', 'three'].map(frame));
  assert.ok((await readToEnd(peer)).equals(expected), 'sent survives the sender, and so does what was queued before');
  peer.destroy();
});

story('a_full_queue_gives_the_message_back', async () => {
  const [connection, peer] = withGreeted({ queue: { messages: 3 } });
  for (const body of 'abc') assert.ok(connection.trySend(body));
  assert.equal(connection.trySend('the fourth'), false, 'three fit');
  await connection.send('behind them');
  assert.ok(connection.trySend('now it fits'));
  connection.destroy();
  peer.destroy();
});

story('a_peer_that_never_reads_costs_the_budget_and_no_more', async () => {
  const [connection, peer] = withGreeted();
  let taken = 0;
  for (let round = 0; round < 10; round++) {
    // What the kernel takes goes to the kernel; what it does not take stays within the bound.
    while (connection.trySend(Buffer.alloc(8 << 10))) taken += 1;
    await failed(connection.send('nobody reads', within(20)));
  }
  assert.ok(taken < 300, `${taken} messages of 8 KiB were taken`);
  connection.destroy();
  peer.destroy();
});

story('two_who_flood_each_other_do_not_stand_still', async () => {
  const talk = async (connection: Connection): Promise<void> => {
    const sending = (async () => {
      for (let number = 0; number < 500; number++) await connection.send(Buffer.alloc(2000, 1));
    })();
    for (let number = 0; number < 500; number++) assert.equal(given(await connection.recv()).data.length, 2000);
    await sending;
  };
  const [left, right] = Connection.pair();
  await Promise.all([talk(left), talk(right)]);
  left.destroy();
  right.destroy();
});

story('a_sender_whose_inbox_is_full_is_told_and_goes_on', async () => {
  const [connection, peer] = withBarePeer({ inbox: { messages: 2 } });
  peer.write(Buffer.concat([greeting(), ...['1', '2', '3'].map(frame)]));
  while (connection.trySend(Buffer.alloc(60_000)));
  const error = await failed(connection.send('nobody reads, and three messages came'));
  assert.equal('code' in error && error.code, 'ERR_GINNEL_LIMIT');
  for (const number of '123') assert.equal(text(await connection.recv()), number);
  const reading = readToEnd(peer);
  await connection.send('goes on');
  connection.destroy();
  assert.ok((await reading).toString('latin1').endsWith('goes on'));
  peer.destroy();
});

story('a_question_gets_its_answer_with_a_file_both_ways', async ({ dir }) => {
  const [client, server] = Connection.pair();
  const serving = (async () => {
    const first = isRequest(await server.next());
    assert.equal(first.data.toString(), 'read this');
    assert.deepEqual(first.fds.map(textOf), ['question']);
    await server.send('a message between');
    await withFile(dir, 'the answer', (fd) => first.reply('here', { fds: [fd] }));
    await isRequest(await server.next()).fail('no such thing');
    assert.equal(await server.next(), null);
  })();
  const answer = await withFile(dir, 'question', (fd) => client.call('read this', { fds: [fd] }));
  assert.deepEqual([text(answer), answer.fds.map(textOf)], ['here', ['the answer']]);
  const error = await failed(client.call('something else'));
  assert.deepEqual(['code' in error && error.code, dataOf(error)], ['ERR_GINNEL_FAILURE', 'no such thing']);
  assert.equal(text(await client.recv()), 'a message between');
  client.destroy();
  await serving;
  server.destroy();
});

story('a_question_gets_its_answer_and_what_came_between_is_kept', async () => {
  const [client, server] = Connection.pair();
  const serving = (async () => {
    const first = isRequest(await server.next());
    assert.equal(first.data.toString(), 'read this');
    await server.send('a message between');
    await first.reply('here');
    await isRequest(await server.next()).fail('no such thing');
    assert.equal(await server.next(), null);
  })();
  assert.equal(text(await client.call('read this')), 'here');
  const error = await failed(client.call('something else'));
  assert.deepEqual(['code' in error && error.code, dataOf(error)], ['ERR_GINNEL_FAILURE', 'no such thing']);
  assert.equal(text(await client.recv()), 'a message between');
  client.destroy();
  await serving;
  server.destroy();
});

story('whoever_only_receives_refuses_questions_so_that_nobody_waits', async () => {
  const [client, server] = Connection.pair();
  const serving = (async () => assert.equal(text(await server.recv()), 'after'))();
  assert.equal(await codeOf(client.call('anybody?')), 'ERR_GINNEL_FAILURE');
  await client.send('after');
  await serving;
  client.destroy();
  server.destroy();
});

story('a_question_whose_connection_ends_is_told', async () => {
  const [client, server] = Connection.pair();
  const asking = codeOf(client.call('are you there?'));
  isRequest(await server.next());
  server.destroy();
  assert.match(await asking, /ERR_GINNEL_STOPPED|ECONNRESET/);
  client.destroy();
});

story('an_answer_nobody_waits_for_is_cancelled_over_there', async () => {
  const [client, server] = Connection.pair();
  const asking = codeOf(client.call('slow', { timeout: 20 }));
  const request = isRequest(await server.next());
  const next = server.next();
  const cancelled = new Promise((resolve) => request.signal.addEventListener('abort', resolve));
  assert.equal(await asking, 'ETIMEDOUT');
  await cancelled;
  await request.reply('too late');
  await server.send('next');
  assert.equal(text(await client.recv()), 'next', 'the late answer was dropped');
  client.destroy();
  assert.equal(await next, null);
  server.destroy();
});

story('calls_on_other_wires_are_misuse_and_give_the_question_back', async () => {
  const [connection, peer] = withBarePeer({ wire: 'lines' });
  assert.equal(await codeOf(connection.call('?')), 'ERR_GINNEL_MISUSE');
  connection.destroy();
  peer.destroy();
});

story('large_messages_wait_for_the_greeting_and_arrive_whole', async () => {
  const [left, right] = Connection.pair();
  const body = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, index) => index % 251));
  const echo = (async () => right.send(given(await right.recv()).data))();
  await left.send(body);
  assert.ok(given(await left.recv()).data.equals(body));
  await echo;
  left.destroy();
  right.destroy();
});

story('a_large_message_arrives_with_its_descriptor', async ({ dir }) => {
  const [left, right] = Connection.pair();
  const body = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, index) => index % 251));
  const echo = (async () => {
    const { data, fds } = given(await right.recv());
    assert.ok(data.equals(body));
    await right.send(data, { fds });
    fds.forEach((fd) => fd.close());
  })();
  await withFile(dir, 'beside', (fd) => left.send(body, { fds: [fd] }));
  const { data, fds } = given(await left.recv());
  assert.ok(data.equals(body));
  assert.deepEqual(fds.map(textOf), ['beside']);
  await echo;
  left.destroy();
  right.destroy();
});

story('a_message_over_the_peers_limit_is_refused_here_and_comes_back', async () => {
  const [left, right] = pairWith({}, { largestMessage: 100_000 });
  await right.send('so that the greeting is read');
  await left.recv();
  const error = await failed(left.send(Buffer.alloc(100_001)));
  assert.equal('code' in error && error.code, 'ERR_GINNEL_LIMIT');
  assert.match(error.message, /100001 bytes.*100000/);
  await left.send('still fine');
  assert.equal(text(await right.recv()), 'still fine');
  left.destroy();
  right.destroy();
});

story('every_wire_carries_messages_both_ways', async () => {
  const wires: Wire[] = ['native', 'length-prefixed', 'lines', 'kyneta'];
  for (const wire of wires) {
    const [left, right] = Connection.pair({ wire });
    for (const body of ['one', 'two', 'x'.repeat(5000)]) {
      await left.send(body);
      const message = given(await right.recv());
      assert.equal(text(message), body);
      await right.send(message.data);
      assert.equal(text(await left.recv()), body);
    }
    left.destroy();
    assert.equal(await right.recv(), null);
    right.destroy();
  }
});

story('raw_chunks_come_as_they_are', async () => {
  const [connection, peer] = withBarePeer({ wire: 'raw' });
  await peer.send('anything');
  assert.equal(text(await connection.recv()), 'anything');
  await connection.send('x');
  assert.equal((await read(peer, 1)).toString(), 'x', 'no greeting');
  peer.destroy();
  assert.equal(await connection.recv(), null);
  connection.destroy();
});

story('raw_chunks_carry_descriptors', async ({ dir }) => {
  const [connection, peer] = withBarePeer({ wire: 'raw' });
  await peer.send('anything');
  assert.equal(text(await connection.recv()), 'anything');
  const beside: string[] = [];
  peer.on('fds', (fds) => beside.push(...fds.map(textOf)));
  await withFile(dir, 'raw', (fd) => connection.send('x', { fds: [fd] }));
  assert.equal((await read(peer, 1)).toString(), 'x', 'no greeting');
  assert.deepEqual(beside, ['raw']);
  peer.destroy();
  assert.equal(await connection.recv(), null);
  connection.destroy();
});

story('halves_send_and_receive_at_the_same_time', async () => {
  const [left, right] = Connection.pair();
  const echo = (async () => {
    for await (const delivery of right) if (delivery.type === 'message') await right.send(delivery.data);
  })();
  const total = 200 * 3000 + 2_000_000;
  const receiving = (async () => {
    for (let bytes = 0; bytes < total; ) bytes += given(await left.recv()).data.length;
  })();
  for (let number = 0; number < 200; number++) await left.send(Buffer.alloc(3000));
  // Larger than everybody takes: it waits for the greeting that is read meanwhile.
  await left.send(Buffer.alloc(2_000_000));
  await receiving;
  left.destroy();
  await echo;
  right.destroy();
});

story('a_half_that_waits_for_a_greeting_is_told_when_none_will_come', async () => {
  const [connection, peer] = withBarePeer();
  peer.destroy();
  const receiving = connection.recv();
  await failed(connection.send(Buffer.alloc(100_000)));
  assert.equal(await receiving, null);
  connection.destroy();
});

story('a_half_that_fills_its_queue_waits_for_room_and_for_nothing_else', async () => {
  const [connection, peer] = withBarePeer({ wire: 'lines' });
  const came = read(peer, 3000 * 7);
  for (let number = 0; number < 3000; number++) await connection.send('a line');
  assert.equal((await came).toString(), 'a line\n'.repeat(3000));
  connection.destroy();
  peer.destroy();
});
