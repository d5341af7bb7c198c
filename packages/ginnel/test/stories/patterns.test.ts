// What users do with the ends of SP: the stories of `sp.rs`.

import assert from 'node:assert/strict';
import { basename } from 'node:path';

import { sp, Stream } from 'ginnel';
import { given, ipc, isWindows, type Place, story } from './telling';

/** How two ends meet. */
type Way = 'ipc' | 'abstract' | 'tcp' | 'inproc' | 'adopted';
const WAYS: readonly Way[] = isWindows ? ['ipc', 'tcp', 'inproc', 'adopted'] : ['ipc', 'abstract', 'tcp', 'inproc', 'adopted'];

/** Lets one end meet another. */
function meet(way: Way, { dir, path }: Place, one: sp.End, other: sp.End): void {
  const name = basename(dir);
  if (way === 'tcp') {
    const listener = one.listen('tcp://127.0.0.1:0');
    other.keepDialing(`tcp://127.0.0.1:${one.port(listener)}`);
  } else if (way === 'adopted') {
    one.listen('socket://');
    const [near, far] = Stream.pair();
    one.adopt(near);
    other.adopt(far);
  } else {
    const url = way === 'ipc' ? ipc(path) : `${way}://${name}`;
    one.listen(url);
    other.keepDialing(url);
  }
}

/** Each way, with new ends that are closed afterwards. */
async function everyWay<A extends sp.End, B extends sp.End>(
  place: Place, make: () => [A, B], tell: (one: A, other: B, way: Way) => Promise<void>, ways: readonly Way[] = WAYS,
): Promise<void> {
  for (const way of ways) {
    const [one, other] = make();
    meet(way, place, one, other);
    await tell(one, other, way);
    one.destroy();
    other.destroy();
  }
}

async function attached(end: sp.End): Promise<number> {
  for await (const event of end.events()) {
    assert.ok(event.type === 'attached');
    return event.pipe;
  }
  throw new Error('it was closed');
}

story('requests_are_answered', (place) => everyWay(place, () => [new sp.Rep(), new sp.Req()], async (rep, req) => {
  const answering = (async () => {
    for (let number = 0; number < 100; number++) {
      const request = given(await rep.recv());
      request.reply(request.data.toString().toUpperCase());
    }
    await rep.flush();
  })();
  for (let number = 0; number < 100; number++) {
    assert.equal((await req.request(`ask ${number}`)).toString(), `ASK ${number}`);
  }
  await answering;
}));

story('a_pipeline_carries_everything_in_order', (place) => everyWay(place, () => [new sp.Pull(), new sp.Push()], async (pull, push) => {
  const working = (async () => {
    for (let number = 0; number < 2000; number++) {
      const body = given(await pull.recv());
      assert.deepEqual([body.length, body.readUInt32BE()], [4 + (number % 9000), number]);
    }
  })();
  for (let number = 0; number < 2000; number++) {
    const body = Buffer.alloc(4 + (number % 9000));
    body.writeUInt32BE(number);
    await push.send(body);
  }
  await push.flush();
  await working;
}));

story('pairs_talk_both_ways', async (place) => {
  await everyWay(place, () => [new sp.Pair1(), new sp.Pair1()], async (one, other) => {
    const echoing = (async () => {
      for (let number = 0; number < 100; number++) await one.send(given(await one.recv()));
    })();
    for (let number = 0; number < 100; number++) {
      await other.send(String(number));
      assert.equal(given(await other.recv()).toString(), String(number));
    }
    await echoing;
  });
  await everyWay(place, () => [new sp.Pair0(), new sp.Pair0()], async (one, other) => {
    const sending = one.send('zero');
    assert.equal(given(await other.recv()).toString(), 'zero');
    await sending;
  }, ['ipc']);
});

story('whoever_has_subscribed_hears_what_begins_so', (place) => everyWay(place, () => [new sp.Pub(), new sp.Sub()], async (pub, sub) => {
  sub.subscribe('a');
  const hearing = (async () => [String(await sub.recv()), String(await sub.recv())])();
  await attached(pub);
  for (const body of ['b1', 'a1', '', 'a2', 'c']) await pub.send(body);
  assert.deepEqual(await hearing, ['a1', 'a2']);
  assert.deepEqual([sub.unsubscribe('a'), sub.unsubscribe('a')], [true, false]);
}));

story('a_survey_is_answered_by_all_and_ends', (place) => everyWay(place, () => [new sp.Surveyor({ surveyTime: 300 }), new sp.Respondent()], async (surveyor, respondent) => {
  const answering = (async () => given(await respondent.recv()).reply('here'))();
  await attached(surveyor);
  const heard: string[] = [];
  for await (const answer of surveyor.survey('who is there?')) heard.push(answer.toString());
  assert.deepEqual(heard, ['here']);
  await answering;
}));

story('a_bus_is_heard_by_neighbours', (place) => everyWay(place, () => [new sp.Bus(), new sp.Bus()], async (one, other) => {
  const answering = (async () => {
    assert.equal(given(await one.recv()).toString(), 'ping');
    await one.send('pong');
  })();
  await attached(other);
  await other.send('ping');
  assert.equal(given(await other.recv()).toString(), 'pong');
  await answering;
}));

story('many_requests_are_open_at_the_same_time_over_one_end', (place) => everyWay(place, () => [new sp.Rep(), new sp.Req()], async (rep, req) => {
  const asking = Promise.all(Array.from({ length: 50 }, (_, number) => req.request(String(number))));
  // Nobody is answered before all have asked, and the last first.
  const inHand: sp.SpRequest[] = [];
  while (inHand.length < 50) inHand.push(given(await rep.recv()));
  for (const request of inHand.reverse()) request.reply(request.data);
  assert.deepEqual((await asking).map(String), Array.from({ length: 50 }, (_, number) => String(number)));
}, ['ipc']));

story('a_pipe_tells_who_is_at_the_other_end', (place) => everyWay(place, () => [new sp.Pull(), new sp.Push()], async (pull, push, way) => {
  const sending = push.send('x');
  const pipe = await attached(pull);
  if (way === 'tcp') {
    assert.throws(() => pull.peerCredentials(pipe), { code: 'ENOTSUP' });
  } else {
    const { pid, uid, gid, sid } = pull.peerCredentials(pipe);
    assert.deepEqual([pid, uid, gid], [process.pid, process.geteuid?.(), process.getegid?.()]);
    assert.equal(sid?.startsWith('S-1-5-'), isWindows ? true : undefined);
  }
  await sending;
}));
