// Connections in stories, and bare sockets at their other ends that write the wire by hand.

import assert from 'node:assert/strict';

import { type Answer, type Asked, Connection, type ConnectionOptions, type Delivery, type Listener, type Message, Stream } from 'ginnel';
import { given } from './telling';

/** A connection, and the bare socket at its other end, which has greeted: nothing is sent to who has not. */
export function withGreeted(options?: ConnectionOptions): [Connection, Stream] {
  const both = withBarePeer(options);
  both[1].write(greeting());
  return both;
}

/** A connection, and the bare socket at its other end. */
export function withBarePeer(options?: ConnectionOptions): [Connection, Stream] {
  const [ours, theirs] = Stream.pair({ allowHalfOpen: true });
  // One that is gone may be reset: what matters is what the connection makes of it.
  theirs.on('error', () => {});
  return [Connection.over(ours, options), theirs];
}

/** Two connections with each other, each with options of its own. */
export function pairWith(left: ConnectionOptions, right: ConnectionOptions): [Connection, Connection] {
  const [a, b] = Stream.pair();
  return [Connection.over(a, left), Connection.over(b, right)];
}

/** The next who connects, as a connection of messages. */
export async function accepted(listener: Listener<Stream>, options?: ConnectionOptions): Promise<Connection> {
  return Connection.over(given(await listener.accept(), 'somebody'), options);
}

/** What somebody says first. */
export function greeting(): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.write('GNL\x01', 'latin1');
  bytes.writeUInt32LE(16 << 20, 8);
  bytes.writeUInt8(16, 12);
  bytes.fill(7, 16);
  return bytes;
}

export function header(length: number, kind: number, fds = 0, reserved = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(length);
  bytes.set([kind, fds, reserved, 0], 4);
  return bytes;
}

export function frame(body: string): Buffer {
  return Buffer.concat([header(body.length, 1), Buffer.from(body)]);
}

export function isMessage(delivery: Delivery | null): Message {
  assert.ok(delivery?.type === 'message', 'a message came');
  return delivery;
}

export function isRequest(delivery: Delivery | null): Asked['request'] {
  assert.ok(delivery?.type === 'request', 'a request came');
  return delivery.request;
}

export const text = (message: Message | Answer | null): string => given(message, 'a message').data.toString();

/** What stands in an error beside its text. */
export function dataOf(error: Error): string {
  return 'data' in error ? String(error.data) : '';
}
