// What users do with peers: the stories of `peers.rs`.

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';

import { Peer } from 'ginnel';
import { another, end, three, told, two, until } from './among';
import { codeOf, failed, files, given, names, story } from './telling';
import { dataOf } from './wire';

story('the_first_listens_the_next_connects_and_each_is_told_who_the_other_is', async ({ dir, path }) => {
  const first = await Peer.join(path, { name: 'first', data: 'one' });
  assert.deepEqual([first.role, first.listener, first.connections], ['listener', null, []]);
  assert.ok(first.epoch > 0);
  const second = await Peer.join(path, { name: 'second', data: 'two' });
  const there = (await until(first, 'joined')).neighbour;
  const { neighbour: here, from } = await until(second, 'joined');
  assert.deepEqual([there.name, there.data.toString()], ['second', 'two']);
  assert.deepEqual([here.name, here.data.toString()], ['first', 'one']);
  for (const { pid, uid, gid } of [there, here]) {
    assert.deepEqual([pid, uid, gid], [process.pid, process.geteuid?.(), process.getegid?.()]);
  }
  assert.deepEqual([second.role, second.listener, second.connections], ['connector', from, [from]]);
  assert.equal(second.epoch, first.epoch);
  assert.equal(first.credentials(given(first.connections[0])).pid, process.pid);
  assert.ok(second.greeting(from) !== null);
  assert.deepEqual(names(dir), files('s', 's.lock'));
  end(second, first);
});

story('messages_and_questions_go_both_ways', async ({ path }) => {
  const [listener, connector, id] = await two(path);
  const listenerId = given(connector.listener);
  const far = (async () => {
    await connector.sendToListener('to whoever');
    await connector.send(listenerId, 'to this one');
    assert.equal((await connector.callListener('how are you?')).data.toString(), 'well');
    const error = await failed(connector.call(listenerId, 'and else?'));
    assert.equal(dataOf(error), 'nothing');
    const { request, from } = await until(connector, 'request');
    assert.deepEqual([from, request.data.toString()], [listenerId, 'and you?']);
    await request.reply('fine');
    const bye = await until(connector, 'message');
    assert.deepEqual([bye.from, bye.data.toString()], [listenerId, 'bye']);
  })();
  const first = await until(listener, 'message');
  assert.deepEqual([first.from, first.data.toString()], [id, 'to whoever']);
  assert.equal((await until(listener, 'message')).data.toString(), 'to this one');
  await (await until(listener, 'request')).request.reply('well');
  await (await until(listener, 'request')).request.fail('nothing');
  assert.equal((await listener.call(id, 'and you?')).data.toString(), 'fine');
  await listener.send(id, 'bye');
  await far;
  end(connector, listener);
});

story('a_descriptor_goes_to_whoever_listens', async ({ path }) => {
  const [listener, connector, id] = await two(path);
  const fd = openSync('/dev/null', 'r');
  const sent = connector.sendToListener('take it', { fds: [fd] });
  closeSync(fd);
  const { from, data, fds } = await until(listener, 'message');
  assert.deepEqual([from, data.toString(), fds.length], [id, 'take it', 1]);
  fds.forEach((came) => came.close());
  await sent;
  end(connector, listener);
});

story('a_broadcast_reaches_direct_neighbours_and_nobody_else', async ({ path }) => {
  const [listener, one, two] = await three(path);
  assert.deepEqual(listener.broadcast('to both'), []);
  for (const peer of [one, two]) assert.equal((await until(peer, 'message')).data.toString(), 'to both');
  assert.deepEqual(one.broadcast('to the listener'), []);
  assert.equal((await until(listener, 'message')).data.toString(), 'to the listener');
  // It was not passed on: what comes next over there is this.
  assert.deepEqual(listener.broadcast('again'), []);
  assert.equal((await until(two, 'message')).data.toString(), 'again');
  end(one, two, listener);
});

story('what_the_listener_sends_to_the_listener_comes_back_as_its_mistake', async ({ path }) => {
  const peer = await Peer.join(path);
  assert.equal(await codeOf(peer.sendToListener('me')), 'ERR_GINNEL_MISUSE');
  assert.equal(await codeOf(() => peer.trySend(Peer.LISTENER, 'me')), 'ERR_GINNEL_MISUSE');
  assert.equal(await codeOf(peer.callListener('me')), 'ERR_GINNEL_MISUSE');
  assert.deepEqual(peer.broadcast('nobody'), []);
  end(peer);
});

story('what_is_for_one_who_is_gone_comes_back', async ({ path }) => {
  const [listener, heir, last] = await three(path);
  const id = given(listener.connections[0]);
  end(heir);
  assert.equal((await until(listener, 'left')).from, id);
  assert.equal(await codeOf(listener.send(id, 'to that one')), 'ERR_GINNEL_STOPPED');
  assert.equal(await codeOf(listener.call(id, 'to that one')), 'ERR_GINNEL_STOPPED');
  assert.ok(!listener.connections.includes(id) && !listener.disconnect(id));
  // The same for a listener.
  const old = given(last.listener);
  end(listener);
  await told(last, 'listener');
  assert.equal(await codeOf(last.send(old, 'to that one')), 'ERR_GINNEL_STOPPED');
  assert.equal(await codeOf(last.call(old, 'to that one')), 'ERR_GINNEL_STOPPED');
  end(last);
});

story('a_connector_takes_no_leave_of_its_listener_and_is_told_of_its_end_once', async ({ path }) => {
  const [listener, connector, id] = await two(path);
  const to = given(connector.listener);
  assert.ok(!connector.disconnect(to) && !connector.disconnect(Peer.LISTENER));
  await connector.send(to, 'still here');
  const { from, data } = await until(listener, 'message');
  assert.deepEqual([from, data.toString()], [id, 'still here']);
  end(listener);
  assert.equal((await until(connector, 'left')).from, to);
  end(connector);
});

story('what_waits_for_one_listener_does_not_go_to_the_next', async ({ path }) => {
  const [listener, heir, last] = await three(path);
  const old = given(last.listener);
  // Nobody reads it, so that the rest waits here.
  const sent: Promise<boolean>[] = [];
  for (let count = 0; count < 40; count++) {
    sent.push(last.send(old, Buffer.alloc(100_000)).then(() => true, () => false));
  }
  end(listener);
  assert.ok((await Promise.all(sent)).includes(false), 'some came back');
  await told(heir, 'listener');
  await last.sendToListener('to the next');
  assert.equal((await until(heir, 'message')).data.toString(), 'to the next', 'nothing of the rest came before');
  end(last, heir);
});

story('what_is_for_whoever_listens_waits_and_goes_to_the_next_once_and_in_order', async ({ path }) => {
  await waitsForTheNext(path, () => []);
});

story('descriptors_wait_for_whoever_listens_and_go_to_the_next_once_and_in_order', async ({ path }) => {
  await waitsForTheNext(path, () => [openSync('/dev/null', 'r')]);
});

async function waitsForTheNext(path: string, files: () => number[]): Promise<void> {
  const [listener, heir, last] = await three(path);
  end(listener);
  const sent: Promise<void>[] = [];
  await told(last, 'negotiating');
  const given = files();
  for (let number = 0; number < 50; number++) sent.push(last.sendToListener(Buffer.of(number), { fds: given }));
  given.forEach((fd) => closeSync(fd));
  for (let number = 0; number < 50; number++) {
    const { data, fds } = await until(heir, 'message');
    fds.forEach((came) => came.close());
    assert.deepEqual([[...data], fds.length], [[number], given.length]);
  }
  await Promise.all(sent);
  const asking = last.callListener('who are you?');
  await (await until(heir, 'request')).request.reply('the next');
  assert.equal((await asking).data.toString(), 'the next');
  end(last, heir);
}

story('so_much_waits_for_whoever_listens_and_no_more', async ({ path }) => {
  const [listener, heir, last] = await three(path, { queue: { messages: 4 } });
  end(listener);
  // In the same tick nobody has noticed anything.
  for (let number = 0; number < 4; number++) assert.ok(last.trySend(Peer.LISTENER, String(number)));
  assert.ok(!last.trySend(Peer.LISTENER, 'one more'));
  // There is room again as soon as somebody listens.
  const sent = last.sendToListener('one more');
  const bodies: string[] = [];
  while (bodies.length < 5) bodies.push((await until(heir, 'message')).data.toString());
  assert.deepEqual(bodies, ['0', '1', '2', '3', 'one more']);
  await sent;
  const [peer] = await another(heir, path);
  end(peer, last, heir);
});
