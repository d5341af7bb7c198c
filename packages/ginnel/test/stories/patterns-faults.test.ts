// What goes wrong with ends of SP, and how they end: the stories of `sp_faults.rs`.

import assert from 'node:assert/strict';

import { SeqPacket, sp, Stream } from 'ginnel';
import { readToEnd } from './reading';
import { codeOf, failed, given, ipc, story, withFile } from './telling';

/** Lets two ends meet over a pair of sockets. */
function meet(one: sp.End, other: sp.End): void {
  const [near, far] = Stream.pair();
  one.adopt(near);
  other.adopt(far);
}

story('what_is_no_connected_stream_is_not_adopted_and_comes_back', async ({ dir, path }) => {
  const pull = new sp.Pull();
  const [packets, other] = SeqPacket.pair();
  const listener = Stream.listen(path);
  await withFile(dir, 'x', async (file) => {
    for (const fd of [file, packets.fd, listener.fd]) {
      assert.match(await codeOf(() => pull.adopt(fd)), /EINVAL|ERR_GINNEL_WRONG/);
    }
  });
  // They are the caller's still.
  assert.ok(packets.fd >= 0 && packets.trySend('x'));
  assert.deepEqual(pull.pipes, []);
  packets.destroy();
  other.destroy();
  listener.close();
  pull.destroy();
});

story('a_bad_greeting_is_told_and_everybody_else_is_served', async () => {
  const [pull, push] = [new sp.Pull(), new sp.Push()];
  meet(pull, push);
  await push.send('first');
  assert.equal(String(await pull.recv()), 'first');
  const events = pull.events();
  const next = async (): Promise<sp.PipeEvent> => {
    const { value } = await events.next();
    return given(value ?? null);
  };
  assert.equal((await next()).type, 'attached');
  const greetings = ['GET / HTTP/1.1', '\0SP\x01\0\x50\0\0', '\0SP\0\0\x50\0\x01', '\0SP\0\0\x20\0\0'];
  for (const greeting of greetings) {
    const [near, far] = Stream.pair({ allowHalfOpen: true });
    far.on('error', () => {});
    await far.send(Buffer.from(greeting, 'latin1'));
    const pipe = pull.adopt(near);
    const told = await next();
    assert.deepEqual([told.type, 'pipe' in told && told.pipe], ['rejected', pipe]);
    far.destroy();
  }
  await push.send('second');
  assert.equal(String(await pull.recv()), 'second');
  pull.destroy();
  push.destroy();
});

story('whoever_never_greets_is_turned_away_in_time', async () => {
  const rep = new sp.Rep({ greetingDeadline: 50 });
  const [near, silent] = Stream.pair({ allowHalfOpen: true });
  const pipe = rep.adopt(near);
  for await (const event of rep.events()) {
    assert.deepEqual([event.type, 'pipe' in event && event.pipe], ['rejected', pipe]);
    break;
  }
  rep.destroy();
  assert.deepEqual([...(await readToEnd(silent))].slice(0, 4), [0, 0x53, 0x50, 0], 'ours came, and then the end');
  silent.destroy();
});

story('nobody_is_dialled_at_socket_and_bad_urls_say_what_is_wrong', async ({ path }) => {
  const req = new sp.Req();
  assert.equal(await codeOf(() => req.keepDialing('socket://')), 'ERR_GINNEL_MISUSE');
  for (const url of ['socket://junk', 'socket:', 'http://x', 'ipc://', 'tcp://x', 'inproc://']) {
    assert.equal(await codeOf(() => req.keepDialing(url)), 'ERR_GINNEL_ADDRESS', url);
    assert.equal(await codeOf(() => req.listen(url)), 'ERR_GINNEL_ADDRESS', url);
  }
  assert.equal(await codeOf(req.dial(ipc(`${path}-nobody`))), 'ENOENT');
  req.destroy();
});

story('a_dialer_dials_again_and_what_was_asked_is_asked_again', async ({ path }) => {
  const url = ipc(path);
  const req = new sp.Req({ redial: 10 });
  req.keepDialing(url);
  const asking = req.request('anybody?');
  const first = new sp.Rep();
  first.listen(url);
  assert.equal(String(given(await first.recv()).data), 'anybody?');
  first.destroy();
  const second = new sp.Rep();
  second.listen(url);
  given(await second.recv()).reply('from the second');
  assert.equal(String(await asking), 'from the second');
  req.destroy();
  second.destroy();
});

story('what_must_not_be_done_twice_fails_when_its_pipe_is_lost', async () => {
  const [req, rep] = [new sp.Req({ resendAfter: Infinity }), new sp.Rep()];
  meet(req, rep);
  const asking = codeOf(req.request('once'));
  given(await rep.recv());
  rep.destroy();
  assert.equal(await asking, 'ERR_GINNEL_STOPPED');
  req.destroy();
});

story('whoever_waits_at_an_end_that_another_handle_closes_waits_no_longer', async () => {
  const [pull, push, req] = [new sp.Pull(), new sp.Push(), new sp.Req()];
  const pulling = pull.recv();
  const pushing = failed(push.send('x'));
  const asking = failed(req.request('x'));
  const watching = req.events().next();
  // What waits for a pipe is not waited for.
  for (const end of [pull, push, req]) await end.close({ drain: 100 }).catch(() => {});
  assert.equal(await pulling, null);
  await pushing;
  await asking;
  assert.ok((await watching).done);
});

story('what_had_arrived_is_received_from_an_end_that_is_closed', async () => {
  const [pull, push] = [new sp.Pull(), new sp.Push()];
  meet(pull, push);
  for (const body of ['one', 'two', 'three']) await push.send(body);
  await push.flush();
  assert.equal(String(await pull.recv()), 'one');
  // They came in one write, and so in one read; what has crossed is there.
  const rest = [pull.recv(), pull.recv()];
  await pull.close().catch(() => {});
  assert.deepEqual((await Promise.all(rest)).map(String), ['two', 'three']);
  assert.equal(await pull.recv(), null);
  push.destroy();
});

story('a_listener_that_is_closed_is_not_mistaken_for_a_later_one', () => {
  const pull = new sp.Pull();
  const first = pull.listen('tcp://127.0.0.1:0');
  assert.ok(pull.closeListener(first));
  const second = pull.listen('tcp://127.0.0.1:0');
  assert.notEqual(first, second);
  assert.ok(!pull.closeListener(first), 'it is closed already');
  assert.ok(pull.port(second) > 0);
  pull.destroy();
});

story('a_port_where_nobody_listens_is_told_as_the_kernel_tells_it', async () => {
  const [closed, push] = [new sp.Pull(), new sp.Push()];
  const url = `tcp://127.0.0.1:${closed.port(closed.listen('tcp://127.0.0.1:0'))}`;
  closed.destroy();
  assert.equal(await codeOf(push.dial(url)), 'ECONNREFUSED');
  push.destroy();
});
