// Peers in stories.

import assert from 'node:assert/strict';

import { Peer, type PeerEvent, type PeerOptions } from 'ginnel';
import { given, isWindows } from './telling';

/** Waits for the next event of this kind; what else happens is passed over. */
export async function until<T extends PeerEvent['type']>(peer: Peer, type: T): Promise<Extract<PeerEvent, { type: T }>> {
  for (;;) {
    const event = given(await peer.next());
    if (isA(event, type)) return event;
  }
}

function isA<T extends PeerEvent['type']>(event: PeerEvent, type: T): event is Extract<PeerEvent, { type: T }> {
  return event.type === type;
}

/** Waits until it is told that it is this. */
export async function told(peer: Peer, role: string): Promise<void> {
  while ((await until(peer, 'role')).role !== role);
}

/** One more who takes part, and who that is to the listener. */
export async function another(listener: Peer, path: string, options?: PeerOptions): Promise<[Peer, number]> {
  const joining = Peer.join(path, options);
  const { from } = await until(listener, 'joined');
  const peer = await joining;
  assert.deepEqual([peer.role, listener.role], ['connector', 'listener']);
  return [peer, from];
}

/** A listener and one who is connected to it. */
export async function two(path: string): Promise<[Peer, Peer, number]> {
  const listener = await Peer.join(path);
  const [connector, id] = await another(listener, path);
  return [listener, connector, id];
}

/** A listener and two who are connected to it; the first of them is to take over, where sockets can be given away. */
export async function three(path: string, last?: PeerOptions): Promise<[Peer, Peer, Peer]> {
  const [listener, heir, id] = await two(path);
  const [third] = await another(listener, path, last);
  assert.equal(listener.standby, isWindows ? null : id);
  return [listener, heir, third];
}

export function end(...peers: Peer[]): void {
  peers.forEach((peer) => peer.destroy());
}
