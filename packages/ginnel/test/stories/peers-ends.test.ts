// What becomes of peers, and of what is under way between them, when one of them ends: the stories of `peers_ends.rs`.

import assert from 'node:assert/strict';

import { Connection, Peer, Server } from 'ginnel';
import { another, end, three, told, two, until } from './among';
import { codeOf, failed, files, given, inode, names, story } from './telling';

story('what_waits_for_the_listener_comes_back_to_the_one_who_becomes_it', async ({ path }) => {
  const [listener, connector] = await two(path);
  end(listener);
  // In the same tick nobody has noticed anything; the one who asks will be the listener.
  const back = await Promise.all(['one', 'two', 'three'].map((body) => codeOf(connector.sendToListener(body))));
  await told(connector, 'listener');
  assert.deepEqual(back, Array(3).fill('ERR_GINNEL_MISUSE'));
  end(connector);
});

story('what_was_queued_for_a_listener_that_dies_comes_back_to_the_next', async ({ path }) => {
  const [listener, connector] = await two(path);
  let queued = 0;
  while (connector.trySend(Peer.LISTENER, Buffer.alloc(100_000))) queued += 1;
  const waiting = codeOf(connector.sendToListener('behind them'));
  end(listener);
  assert.ok(queued > 1);
  assert.equal(await waiting, 'ERR_GINNEL_MISUSE');
  await told(connector, 'listener');
  end(connector);
});

story('a_question_whose_listener_ends_has_an_error_for_an_answer', async ({ path }) => {
  const [listener, connector, id] = await two(path);
  const asking = codeOf(connector.call(given(connector.listener), '?'));
  assert.equal((await until(listener, 'request')).from, id);
  end(listener);
  assert.equal(await asking, 'ERR_GINNEL_STOPPED');
  await told(connector, 'listener');
  const [next] = await another(connector, path);
  const again = codeOf(next.callListener('?'));
  await until(connector, 'request');
  end(connector);
  assert.equal(await again, 'ERR_GINNEL_STOPPED');
  end(next);
});

story('whoever_asked_a_connector_that_ends_has_an_error_for_an_answer', async ({ path }) => {
  const [listener, connector, id] = await two(path);
  const asking = codeOf(listener.call(id, '?'));
  await until(connector, 'request');
  end(connector);
  assert.equal(await asking, 'ERR_GINNEL_STOPPED');
  end(listener);
});

story('a_connector_takes_over_when_the_listener_is_dropped_and_each_time_the_count_rises', async ({ dir, path }) => {
  let [listener, connector] = await two(path);
  for (let round = 0; round < 20; round++) {
    const before = listener.epoch;
    const old = connector.listener;
    end(listener);
    assert.equal((await until(connector, 'left')).from, old);
    await told(connector, 'listener');
    assert.ok(connector.epoch > before, `${connector.epoch} after ${before}`);
    listener = connector;
    [connector] = await another(listener, path);
    assert.equal(connector.epoch, listener.epoch);
  }
  end(connector);
  await until(listener, 'left');
  end(listener);
  assert.deepEqual(names(dir), files('s.lock'), 'the lock file stays');
});

story('a_listener_that_is_disposed_of_leaves_its_path_to_the_standby', async ({ dir, path }) => {
  const [listener, connector, id] = await two(path);
  assert.equal(listener.standby, id);
  const [socket, before] = [inode(path), listener.epoch];
  await listener.close({ drain: 20_000 });
  await until(connector, 'left');
  await told(connector, 'listener');
  assert.equal(inode(path), socket, 'it is the same socket');
  assert.ok(connector.epoch > before);
  await connector.close({ drain: 20_000 });
  assert.deepEqual(names(dir), files('s.lock'), 'nobody is left');
});

story('what_was_queued_for_neighbours_is_sent_before_they_are_left', async ({ path }) => {
  const [listener, heir, last] = await three(path);
  const followers = [heir, last].map(async (peer) => {
    assert.equal((await until(peer, 'message')).data.length, 900_000);
    assert.equal((await until(peer, 'message')).data.toString(), 'last');
    await until(peer, 'left');
  });
  assert.deepEqual([listener.broadcast(Buffer.alloc(900_000)), listener.broadcast('last')], [[], []]);
  await listener.close({ drain: 20_000 });
  await Promise.all(followers);
  end(heir, last);
});

story('of_three_one_takes_over_and_the_other_follows_it', async ({ path }) => {
  let [listener, ...others] = await three(path);
  for (let round = 0; round < 5; round++) {
    end(listener);
    await Promise.all(others.map(async (peer) => {
      await told(peer, 'negotiating');
      while (peer.role === 'negotiating') await until(peer, 'role');
    }));
    assert.deepEqual(others.map(({ role }) => role).sort(), ['connector', 'listener']);
    const [next, follower] = others[0]?.role === 'listener' ? others : [others[1], others[0]];
    listener = given(next);
    await until(listener, 'joined');
    assert.equal(given(follower).epoch, listener.epoch);
    others = [(await another(listener, path))[0], given(follower)];
  }
  end(...others, listener);
});

story('who_wants_no_duplicate_gets_none_and_who_gives_none_has_no_standby', async ({ dir, path }) => {
  let listener = await Peer.join(path);
  const [one] = await another(listener, path, { standby: false });
  assert.equal(listener.standby, null);
  const [two, id] = await another(listener, path);
  assert.equal(listener.standby, id);
  end(two);
  await until(listener, 'left');
  assert.equal(listener.standby, null);
  end(listener);
  listener = one;
  await told(listener, 'listener');
  // This one gives none either.
  const [connector] = await another(listener, path);
  assert.equal(listener.standby, null);
  await listener.close({ drain: 0 }).catch(() => {});
  await told(connector, 'listener');
  assert.deepEqual(names(dir), files('s', 's.lock'));
  end(connector);
});

story('the_next_is_asked_when_the_standby_leaves', async ({ dir, path }) => {
  const [listener, heir, last] = await three(path);
  const next = listener.connections[1];
  end(heir);
  await until(listener, 'left');
  assert.equal(listener.standby, next);
  end(listener);
  await told(last, 'listener');
  assert.deepEqual(names(dir), files('s', 's.lock'));
  end(last);
});

story('handles_share_a_peer_and_one_of_them_disposes_of_it', async ({ dir, path }) => {
  const first = await Peer.join(path, { name: 'first' });
  const second = await Peer.join(path, { name: 'second' });
  const callers = [0, 1, 2, 3].map(async (caller) => {
    for (let call = 0; call < 20; call++) {
      assert.deepEqual([...(await second.callListener(Buffer.of(caller, call))).data], [caller, call, 7]);
    }
  });
  for (let answered = 0; answered < 4 * 20; answered++) {
    const { request } = await until(first, 'request');
    await request.reply(Buffer.concat([request.data, Buffer.of(7)]));
  }
  await Promise.all(callers);
  assert.deepEqual([first.role, second.role], ['listener', 'connector']);
  const before = first.epoch;
  const takingOver = told(second, 'listener');
  await first.close({ drain: 20_000 });
  await takingOver;
  assert.ok(second.epoch > before && second.listener === null && second.standby === null);
  assert.deepEqual([first.connections, names(dir)], [[], files('s', 's.lock')]);
  end(second);
  assert.deepEqual(names(dir), files('s.lock'));
});

story('whoever_shares_a_peer_that_is_disposed_of_waits_for_no_listener', async ({ path }) => {
  const peer = await Peer.join(path);
  await peer.close({ drain: 20_000 });
  assert.equal(await codeOf(peer.sendToListener('too late')), 'ERR_GINNEL_CLOSED');
  assert.equal(await codeOf(peer.callListener('too late')), 'ERR_GINNEL_CLOSED');
  assert.equal(await codeOf(() => peer.trySend(Peer.LISTENER, 'too late')), 'ERR_GINNEL_CLOSED');
});

story('what_still_waits_for_a_listener_when_a_peer_is_disposed_of_comes_back', async ({ path }) => {
  const [listener, heir, last] = await three(path);
  end(listener);
  // In the same tick nobody has noticed anything.
  const sending = failed(last.sendToListener('for whoever comes'));
  const asking = failed(last.callListener('?'));
  end(last);
  await sending;
  await asking;
  end(heir);
});

story('a_plain_connection_at_the_path_of_peers_is_told_nothing_and_ends_with_its_first_message', async ({ path }) => {
  const [listener, connector, id] = await two(path);
  const stranger = await Connection.connect(path);
  // It may have been closed before all of it is written.
  await stranger.send('is this a server?').catch(() => {});
  assert.equal(await stranger.recv().catch(() => null), null);
  stranger.destroy();
  await connector.sendToListener('next');
  // Nobody has joined in between, and nothing of the stranger's was heard.
  for (;;) {
    const event = given(await listener.next());
    if (event.type === 'role') continue;
    assert.ok(event.type === 'message', event.type);
    assert.deepEqual([event.from, event.data.toString()], [id, 'next']);
    break;
  }
  assert.deepEqual(listener.connections, [id]);
  end(connector, listener);
});

story('a_peer_at_the_path_of_a_server_is_told_that_no_peer_is_there', async ({ dir, path }) => {
  const server = Server.listen(path);
  const before = names(dir);
  assert.equal(await codeOf(Peer.join(path, { greetingDeadline: 300 })), 'ERR_GINNEL_PEER');
  assert.equal(given(await server.next()).type, 'joined');
  assert.equal(given(await server.next()).type, 'left');
  assert.ok(server.isPublished(), 'it is where it was');
  assert.deepEqual(names(dir), before);
  await server.close();
});
