// How connections end: the stories of `ends.rs`.

import assert from 'node:assert/strict';

import { Connection } from 'ginnel';
import { read } from './reading';
import { codeOf, failed, given, messageOf, story, within } from './telling';
import { frame, greeting, header, pairWith, text, withBarePeer } from './wire';

story('a_graceful_close_resets_nobody_even_in_a_flood', async () => {
  const [left, right] = Connection.pair();
  const other = (async () => {
    // It floods without reading, and then wants everything that was sent to it.
    const sent: Promise<void>[] = [];
    for (let number = 0; number < 1000; number++) sent.push(right.send(Buffer.alloc(1000, 1)));
    let count = 0;
    // Whoever takes leave hears no more: some may come back.
    await Promise.allSettled(sent);
    for (; (await right.recv()) !== null; count++);
    assert.equal(count, 700);
    right.destroy();
  })();
  const sent: Promise<void>[] = [];
  for (let number = 0; number < 700; number++) sent.push(left.send(Buffer.alloc(1000, 2)));
  await Promise.all(sent);
  await left.close({ drain: 60_000 });
  await other;
});

story('a_graceful_close_sends_everything_and_says_goodbye', async () => {
  const [left, right] = Connection.pair();
  const other = (async () => {
    let count = 0;
    for (; (await right.recv()) !== null; count++);
    assert.equal(count, 700);
    right.destroy();
  })();
  for (let number = 0; number < 700; number++) void left.send(Buffer.alloc(1000, 2));
  await left.close({ drain: 60_000 });
  await other;
});

story('closing_does_not_wait_for_ever_for_a_peer_that_stays', async () => {
  const [connection, peer] = withBarePeer();
  assert.equal(await codeOf(connection.close({ drain: 20 })), 'ETIMEDOUT');
  peer.destroy();
});

story('bad_input_is_named_after_everything_that_came_before', async () => {
  const ok = [greeting(), frame('ok')];
  const table: [Buffer[], number, RegExp][] = [
    [[Buffer.from('GET / HTTP/1.1\r\n\r\n')], 0, /greeting|speaks/],
    [[Buffer.from('GNL\x02', 'latin1')], 0, /version 2/],
    [[...ok, header(0, 1, 0, 1)], 1, /reserved/],
    [[...ok, header(0, 77)], 1, /77/],
    [[...ok, header(0xffff_ffff, 1)], 1, /4294967295/],
    [[...ok, header(0, 1, 1)], 1, /descriptor/],
    [[...ok, Buffer.of(9)], 1, /1 byte/],
  ];
  for (const [bytes, before, fault] of table) {
    const [connection, peer] = withBarePeer();
    await peer.send(Buffer.concat(bytes));
    peer.destroy();
    for (let number = 0; number < before; number++) assert.equal(text(await connection.recv()), 'ok');
    for (let time = 0; time < 2; time++) {
      const error = await failed(connection.recv());
      assert.equal('code' in error && error.code, 'ERR_GINNEL_PEER');
      assert.match(error.message, fault);
    }
    connection.destroy();
  }
});

story('a_peer_that_does_not_greet_is_cut', async () => {
  const [connection, peer] = withBarePeer({ greetingDeadline: 20 });
  assert.equal(await codeOf(connection.recv()), 'ERR_GINNEL_PEER');
  connection.destroy();
  peer.destroy();
});

story('a_frame_that_does_not_go_on_is_cut', async () => {
  const [connection, peer] = withBarePeer({ progressDeadline: 20 });
  await peer.send(Buffer.concat([greeting(), frame('whole'), Buffer.of(5, 0)]));
  assert.equal(text(await connection.recv()), 'whole');
  assert.equal(await codeOf(connection.recv()), 'ERR_GINNEL_PEER', 'it stopped inside a frame');
  connection.destroy();
  peer.destroy();
});

story('a_hung_peer_is_found_by_ping_and_a_live_one_is_not', async () => {
  const lively = { keepAlive: 30 };
  const [connection, peer] = withBarePeer(lively);
  await peer.send(greeting());
  assert.match(await messageOf(connection.recv()), /ping/);
  assert.deepEqual([...(await read(peer, 40)).subarray(32)], [0, 0, 0, 0, 6, 0, 0, 0], 'it was pinged once');
  connection.destroy();
  peer.destroy();
  const [left, right] = pairWith(lively, {});
  const waiting = right.recv();
  // Several pings pass before the message.
  await failed(left.recv(within(200)));
  await left.send('now');
  assert.equal(text(given(await waiting)), 'now');
  left.destroy();
  right.destroy();
});
