// What users do with a server and its clients: the stories of `servers.rs`.

import assert from 'node:assert/strict';
import { openSync, closeSync, unlinkSync } from 'node:fs';

import { Client, Connection, type Happening, Server, Stream } from 'ginnel';
import { read, readToEnd } from './reading';
import { codeOf, exists, failed, given, story } from './telling';
import { frame, greeting, header, isRequest, text } from './wire';

/** The next thing of this kind, which must be the next of all. */
async function next<T extends Happening['type']>(server: Server, type: T): Promise<Extract<Happening, { type: T }>> {
  const happening = given(await server.next());
  assert.ok(isA(happening, type), `${happening.type} is not ${type}`);
  return happening;
}

function isA<T extends Happening['type']>(happening: Happening, type: T): happening is Extract<Happening, { type: T }> {
  return happening.type === type;
}

/** The next message, whatever else happens. */
async function message(server: Server): Promise<[number, string]> {
  for (;;) {
    const happening = given(await server.next());
    if (happening.type === 'message') return [happening.from, happening.data.toString()];
  }
}

/** A bare socket that has greeted. */
async function bare(path: string): Promise<Stream> {
  const stream = await Stream.connect(path, { allowHalfOpen: true });
  stream.on('error', () => {});
  stream.write(greeting());
  return stream;
}

story('each_that_joins_leaves_once_and_is_told_apart', async ({ path }) => {
  const server = Server.listen(path);
  const one = await Connection.connect(path);
  const two = await Connection.connect(path);
  const ids = [(await next(server, 'joined')).from, (await next(server, 'joined')).from] as const;
  assert.deepEqual(server.connections, ids);
  assert.equal(server.credentials(ids[0]).pid, process.pid);
  assert.ok(server.greeting(ids[1]) !== null);
  await one.send('from one');
  assert.deepEqual(await message(server), [ids[0], 'from one']);
  await server.send(ids[1], 'to two');
  assert.equal(text(await two.recv()), 'to two');
  assert.deepEqual([server.disconnect(ids[0]), server.disconnect(ids[0])], [true, false]);
  assert.deepEqual(server.connections, [ids[1]]);
  assert.equal((await next(server, 'left')).from, ids[0]);
  two.destroy();
  assert.equal((await next(server, 'left')).from, ids[1]);
  assert.deepEqual(server.connections, []);
  assert.equal(await one.recv(), null, 'taking leave is an end in order');
  one.destroy();
  assert.equal(await codeOf(server.send(ids[1], 'too late')), 'ERR_GINNEL_STOPPED');
  await server.close();
});

story('questions_go_both_ways', async ({ path }) => {
  assert.deepEqual(await questions(path, () => []), ['well', 0]);
});

story('an_answer_of_a_server_carries_a_descriptor', async ({ path }) => {
  assert.deepEqual(await questions(path, () => [openSync('/dev/null', 'r')]), ['well', 1]);
});

/** Asks both ways, and answers with descriptors. The answer of the server. */
async function questions(path: string, files: () => number[]): Promise<unknown[]> {
  const server = Server.listen(path);
  const client = (async () => {
    const connection = await Connection.connect(path);
    const answer = await connection.call('and you?');
    answer.fds.forEach((fd) => fd.close());
    await isRequest(await connection.next()).reply('fine');
    assert.equal(await connection.next(), null);
    connection.destroy();
    return [text(answer), answer.fds.length];
  })();
  const { from } = await next(server, 'joined');
  const { request } = await next(server, 'request');
  const fds = files();
  await request.reply('well', { fds });
  fds.forEach((fd) => closeSync(fd));
  assert.equal(text(await server.call(from, 'how are you?')), 'fine');
  await server.close();
  return client;
}

story('a_client_notices_nothing_but_a_pause_when_its_server_is_replaced', async ({ path }) => {
  const client = Client.connect(path);
  for (let round = 0; round < 10; round++) {
    const server = Server.listen(path);
    const serving = message(server);
    await client.send(String(round));
    assert.equal((await serving)[1], String(round));
    const gone = (async () => {
      for await (const { state } of client.changes()) if (state === 'reconnecting') return;
    })();
    server.destroy();
    await gone;
  }
  client.destroy();
});

story('a_broadcast_reaches_everybody_and_passes_by_who_does_not_read', async ({ path }) => {
  const server = Server.listen(path, { queue: { messages: 4 } });
  const deaf = await bare(path);
  const { from: deafId } = await next(server, 'joined');
  const reading = (async () => {
    const connection = await Connection.connect(path);
    const sizes: number[] = [];
    for await (const delivery of connection) if (delivery.type === 'message') sizes.push(delivery.data.length);
    connection.destroy();
    return sizes;
  })();
  const { from: reader } = await next(server, 'joined');
  const missed: number[] = [];
  for (let number = 0; number < 100; number++) {
    missed.push(...server.broadcast(Buffer.alloc(100_000, 7)));
    await server.send(reader, 'so far');
  }
  assert.ok(missed.length > 80 && missed.every((id) => id === deafId), missed.join());
  server.disconnect(reader);
  assert.deepEqual((await reading).filter((size) => size === 100_000).length, 100);
  deaf.destroy();
  server.destroy();
});

story('one_that_floods_does_not_starve_another', async ({ path }) => {
  const server = Server.listen(path);
  const quiet = await Connection.connect(path);
  const { from: quietId } = await next(server, 'joined');
  const flooder = await bare(path);
  const { from: flooderId } = await next(server, 'joined');
  const COUNT = 200_000;
  flooder.write(Buffer.concat(Array<Buffer>(COUNT).fill(header(0, 1))));
  // It floods already when the other speaks.
  for (let count = 0; count < 5000; count++) assert.equal((await next(server, 'message')).from, flooderId);
  const said = quiet.send('hear me');
  let between = 0;
  while ((await next(server, 'message')).from !== quietId) between += 1;
  await said;
  // The inbox, what has crossed already, and the share of one go of the loop.
  assert.ok(between <= 60_000, `${between} frames came first`);
  for (let count = 0; count < COUNT - 5000 - between; count++) assert.equal((await next(server, 'message')).from, flooderId);
  quiet.destroy();
  flooder.destroy();
  server.destroy();
});

story('whoever_breaks_a_rule_is_cut_and_the_others_are_served', async ({ path }) => {
  const server = Server.listen(path);
  const good = await Connection.connect(path);
  const { from: goodId } = await next(server, 'joined');
  const bad = await bare(path);
  bad.write(Buffer.concat([frame('ok'), header(0, 99)]));
  const { from: badId } = await next(server, 'joined');
  assert.equal((await next(server, 'message')).from, badId);
  const { from, reason } = await next(server, 'left');
  assert.deepEqual([from, reason.code], [badId, 'ERR_GINNEL_PEER']);
  // Who does not even greet is never told of.
  const stranger = await Stream.connect(path);
  stranger.on('error', () => {});
  stranger.end('GET / HTTP/1.1\r\n\r\n');
  await good.send('still here');
  assert.equal((await next(server, 'message')).from, goodId);
  for (const end of [good, bad, stranger]) end.destroy();
  server.destroy();
});

story('answers_that_nobody_reads_cost_no_more_than_their_bound', async ({ path }) => {
  const server = Server.listen(path, { answers: 3 << 20 });
  const greedy = await bare(path);
  const ask = (call: number): Buffer => {
    const number = Buffer.alloc(8);
    number.writeUInt32LE(call);
    return Buffer.concat([header(8, 2), number]);
  };
  greedy.write(Buffer.concat(Array.from({ length: 60 }, (_, index) => ask(index + 1))));
  let answered = 0;
  for await (const happening of server) {
    if (happening.type !== 'request') continue;
    void happening.request.reply(Buffer.alloc(1 << 20)).catch(() => {});
    answered += 1;
    if (answered === 60) break;
  }
  // Everybody else is still served.
  const good = await Connection.connect(path);
  const asking = good.call('?');
  for (;;) {
    const happening = given(await server.next());
    if (happening.type !== 'request') continue;
    await happening.request.reply('!');
    break;
  }
  assert.equal(text(await asking), '!');
  good.destroy();
  const reading = readToEnd(greedy);
  const closing = server.close({ drain: 20_000 });
  const rest = await reading;
  greedy.destroy();
  await closing;
  assert.ok(rest.length < 6 << 20, `${rest.length} bytes were kept`);
  assert.ok(rest.toString('latin1').split('the answer cannot be sent').length > 50, 'the others were told');
});

story('closing_sends_what_is_queued_and_removes_the_name', async ({ path }) => {
  const server = Server.listen(path);
  const connection = await Connection.connect(path);
  const { from } = await next(server, 'joined');
  assert.ok(server.trySend(from, 'last'));
  const closing = server.close({ drain: 20_000 });
  assert.equal(text(await connection.recv()), 'last');
  assert.equal(await connection.recv(), null);
  connection.destroy();
  await closing;
  assert.ok(!exists(path));
});

story('a_name_that_somebody_removed_is_published_again_and_nobody_is_lost', async ({ path }) => {
  const server = Server.listen(path);
  const early = await Connection.connect(path);
  const { from: earlyId } = await next(server, 'joined');
  const waiting = await Connection.connect(path);
  unlinkSync(path);
  assert.ok(!server.isPublished());
  server.republish();
  assert.ok(server.isPublished());
  const late = await Connection.connect(path);
  for (const connection of [early, waiting, late]) await connection.send('hello');
  const from = [(await message(server))[0], (await message(server))[0], (await message(server))[0]];
  assert.ok(from.includes(earlyId) && server.connections.length === 3, from.join());
  for (const connection of [early, waiting, late]) connection.destroy();
  await server.close();
});

story('the_inbox_is_bounded_while_something_else_is_waited_for', async ({ path }) => {
  const server = Server.listen(path, { inbox: { messages: 8 } });
  const noisy = await Connection.connect(path);
  // Nobody has taken anything yet: it may be called before it is known to be there.
  const { from } = await next(server, 'joined');
  const sending = (async () => {
    for (let number = 0; number < 200; number++) await noisy.send('noise');
  })();
  // Whoever reads the inbox is not refused: the two go on together.
  const asking = failed(server.call(from, '?', { timeout: 5000 }));
  for (let number = 0; number < 200; number++) assert.equal((await next(server, 'message')).data.toString(), 'noise');
  await sending;
  noisy.destroy();
  await asking;
  server.destroy();
});

story('other_wires_are_served_too', async ({ path }) => {
  const server = Server.listen(path, { wire: 'lines' });
  const peer = await Stream.connect(path);
  const { from } = await next(server, 'joined');
  peer.write('one\ntwo\n');
  assert.equal((await message(server))[1], 'one');
  assert.equal((await message(server))[1], 'two');
  await server.send(from, 'three');
  assert.equal((await read(peer, 6)).toString(), 'three\n');
  assert.equal(await codeOf(server.call(from, '?')), 'ERR_GINNEL_MISUSE');
  peer.destroy();
  await server.close();
});

story('everything_is_closed_with_the_server', async ({ path }) => {
  const server = Server.listen(path);
  const [left, right] = Stream.pair();
  const connection = await Connection.connect(path);
  await next(server, 'joined');
  await connection.send('take it', { fds: [left.fd] });
  const { fds } = await next(server, 'message');
  left.destroy();
  fds.forEach((fd) => fd.close());
  server.destroy();
  connection.destroy();
  assert.equal((await readToEnd(right)).length, 0, 'every copy is closed');
  right.destroy();
});
