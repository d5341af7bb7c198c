// The patterns of nng between a Rust process and this one, over ipc and tcp.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { sp } from 'ginnel';
import { given } from '../stories/telling';
import { both, numbered, type Side, type Story } from './counterpart';

/** Listens, and tells where. */
function listen(end: sp.End, { at, say }: Side): void {
  const listener = end.listen(at);
  say(at.startsWith('tcp:') ? `tcp://127.0.0.1:${end.port(listener)}` : at);
}

/** Waits for the other end. */
async function attached(end: sp.End): Promise<void> {
  for await (const { type } of end.events()) {
    assert.equal(type, 'attached');
    return;
  }
}

const request: Story = {
  name: 'request',
  async serve(side) {
    const rep = new sp.Rep();
    listen(rep, side);
    for (let number = 0; number < 100; number++) {
      const asked = given(await rep.recv());
      asked.reply(asked.data.toString().toUpperCase());
    }
    await rep.close();
  },
  async connect({ at }) {
    const req = new sp.Req();
    await req.dial(at);
    for (let number = 0; number < 100; number++) {
      assert.equal((await req.request(`ask ${number}`)).toString(), `ASK ${number}`);
    }
    await req.close();
  },
};

const pipeline: Story = {
  name: 'pipeline',
  async serve(side) {
    const pull = new sp.Pull();
    listen(pull, side);
    for (let number = 0; number < 3000; number++) assert.ok(given(await pull.recv()).equals(numbered(number)));
    side.say('all');
    await pull.close();
  },
  async connect({ at, hear }) {
    const push = new sp.Push();
    await push.dial(at);
    for (let number = 0; number < 3000; number++) await push.send(numbered(number));
    assert.equal(await hear(), 'all');
    await push.close();
  },
};

function talking(name: string, make: () => sp.Pair0 | sp.Pair1 | sp.Bus): Story {
  return {
    name,
    async serve(side) {
      const end = make();
      listen(end, side);
      for (let number = 0; number < 100; number++) await end.send(given(await end.recv()));
      assert.equal(await side.hear(), 'all');
      await end.close();
    },
    async connect({ at, say }) {
      const end = make();
      await end.dial(at);
      for (let number = 0; number < 100; number++) {
        await end.send(numbered(number));
        assert.ok(given(await end.recv()).equals(numbered(number)));
      }
      say('all');
      await end.close();
    },
  };
}

const publish: Story = {
  name: 'publish',
  async serve(side) {
    const pub = new sp.Pub();
    listen(pub, side);
    await attached(pub);
    for (const body of ['b1', 'a1', '', 'a2', 'c']) await pub.send(body);
    assert.equal(await side.hear(), 'a1 a2');
    await pub.close();
  },
  async connect({ at, say }) {
    const sub = new sp.Sub();
    sub.subscribe('a');
    await sub.dial(at);
    say([await sub.recv(), await sub.recv()].map(String).join(' '));
    await sub.close();
  },
};

const survey: Story = {
  name: 'survey',
  async serve(side) {
    const surveyor = new sp.Surveyor({ surveyTime: 300 });
    listen(surveyor, side);
    await attached(surveyor);
    const heard: string[] = [];
    for await (const answer of surveyor.survey('who is there?')) heard.push(answer.toString());
    assert.deepEqual(heard, ['here']);
    side.say('over');
    await surveyor.close();
  },
  async connect({ at, hear }) {
    const respondent = new sp.Respondent();
    await respondent.dial(at);
    const asked = given(await respondent.recv());
    assert.equal(asked.data.toString(), 'who is there?');
    asked.reply('here');
    assert.equal(await hear(), 'over');
    await respondent.close();
  },
};

const stories = [
  request, pipeline, publish, survey,
  talking('pair0', () => new sp.Pair0()), talking('pair1', () => new sp.Pair1()), talking('bus', () => new sp.Bus()),
];
for (const story of stories) {
  both(story, (dir) => `ipc://${join(dir, 's')}`, ' over ipc');
  both(story, () => 'tcp://127.0.0.1:0', ' over tcp');
}
