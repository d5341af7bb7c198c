// A connection whose queue is full before anything was written.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Connection } from 'ginnel';

test('who waits for room does not keep the loop from making it', { timeout: 10_000 }, async () => {
  const [a, b] = Connection.pair();
  const message = Buffer.alloc(64, 7);
  let sent = 0;
  while (a.trySend(message)) sent += 1;
  const last = a.send(message);
  let received = 0;
  for await (const delivery of b) {
    assert.equal(delivery.type, 'message');
    received += 1;
    if (received === sent + 1) break;
  }
  await last;
  await Promise.all([a.close(), b.close()]);
});
