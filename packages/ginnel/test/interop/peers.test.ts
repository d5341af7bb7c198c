// Peers that are Rust and Node processes: they talk, and elect whoever takes over when one is killed.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { type Neighbour, Peer } from 'ginnel';
import { told, until } from '../stories/among';
import { given } from '../stories/telling';
import { both, Child, COUNTERPART, scene, type Story } from './counterpart';

const said = ({ name, data, listens }: Neighbour): unknown[] => [name, data.toString(), listens];

const talk: Story = {
  name: 'peers',
  async serve({ at, say }) {
    const peer = await Peer.join(at, { name: 'first', data: 'one' });
    assert.equal(peer.role, 'listener');
    say('ready');
    const { neighbour, from } = await until(peer, 'joined');
    assert.deepEqual(said(neighbour), ['second', 'two', false]);
    assert.equal((await until(peer, 'message')).data.toString(), 'to whoever listens');
    await (await until(peer, 'request')).request.reply('well');
    assert.equal((await peer.call(from, 'and you?')).data.toString(), 'fine');
    assert.deepEqual(peer.broadcast('to all'), []);
    assert.equal(peer.standby, from);
    await peer.close({ drain: 20_000 });
  },
  async connect({ at }) {
    const peer = await Peer.join(at, { name: 'second', data: 'two' });
    const { neighbour, from } = await until(peer, 'joined');
    assert.deepEqual(said(neighbour), ['first', 'one', true]);
    await peer.sendToListener('to whoever listens');
    assert.equal((await peer.callListener('how are you?')).data.toString(), 'well');
    await (await until(peer, 'request')).request.reply('fine');
    assert.equal((await until(peer, 'message')).data.toString(), 'to all');
    assert.equal((await until(peer, 'left')).from, from);
    await told(peer, 'listener');
    await peer.close({ drain: 20_000 });
  },
};

both(talk, (dir) => join(dir, 's'));

/** A member of either kind, once it takes part. */
function member(kind: 'Rust' | 'Node', at: string): Child {
  if (kind === 'Rust') return new Child(COUNTERPART, ['member', 'x', at]);
  return new Child(process.execPath, [join(__dirname, 'member.js'), at]);
}

/** Waits for a line that begins so, and says what follows. */
async function line(child: Child, begin: string): Promise<string> {
  for (;;) {
    const told = await child.hear();
    if (told.startsWith(begin)) return told.slice(begin.length);
  }
}

scene('whoever listens is killed again and again, and another takes over: Rust and Node processes', async (dir) => {
  const at = join(dir, 's');
  const kinds = ['Rust', 'Node', 'Rust', 'Node'] as const;
  const members: { kind: 'Rust' | 'Node'; child: Child }[] = [];
  try {
    for (const kind of kinds) {
      const child = member(kind, at);
      members.push({ kind, child });
      await line(child, 'role ');
    }
    for (let round = 0; round < 6; round++) {
      const listening = given(members[0]);
      listening.child.kill();
      await listening.child.ended;
      members.shift();
      const roles = await Promise.all(members.map(({ child }) => line(child, 'role ')));
      assert.deepEqual(roles.slice().sort(), ['connector', 'connector', 'listener']);
      members.sort((a, b) => roles[members.indexOf(a)] === 'listener' ? -1 : roles[members.indexOf(b)] === 'listener' ? 1 : 0);
      await agree(members.map(({ child }) => child));
      const next = { kind: listening.kind, child: member(listening.kind, at) };
      members.push(next);
      await line(next.child, 'role connector');
    }
  } finally {
    for (const { child } of members) {
      child.kill();
      await child.ended;
    }
  }
});

/** Those who are connected are so with the same one. */
async function agree([listening, ...others]: Child[]): Promise<void> {
  for (const child of others) {
    child.say('who');
    assert.equal(await line(child, 'listener '), String(given(listening).pid));
  }
}
