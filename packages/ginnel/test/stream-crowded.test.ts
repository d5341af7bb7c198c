// Streams whose readers are late, whose descriptors are too many, and whose listeners throw.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { Stream } from 'ginnel';

import { elsewhere, story } from './support/core';

/** Bytes until their end. */
async function all(stream: Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks);
}

story('two thousand messages with a descriptor each, to a reader that starts late', async () => {
  const [a, b] = Stream.pair();
  const other = openSync('/dev/null', 'r');
  const sends = Array.from({ length: 2000 }, () => a.send(Buffer.alloc(64), { fds: [other] }));
  await new Promise((resolve) => setTimeout(resolve, 200));
  let fds = 0;
  b.on('fds', (arrived) => arrived.forEach((fd) => {
    fds += 1;
    fd.close();
  }));
  const received = all(b);
  await Promise.all(sends);
  a.end();
  assert.equal((await received).length, 2000 * 64);
  assert.equal(fds, 2000);
  closeSync(other);
});

const CROWDED = `
  const { Stream } = require(process.argv[1]);
  const [a, b] = Stream.pair();
  // Only the unprivileged are limited, and each user for itself.
  if (process.getuid() === 0) process.setuid(60000 + process.pid % 5000);
  let crowded = 0;
  const { Stream: Native } = require(require('node:path').join(process.argv[1], '..', 'native'));
  const write = Native.prototype.write;
  Native.prototype.write = function (...given) {
    try {
      return write.apply(this, given);
    } catch (error) {
      if (error.code === 'ETOOMANYREFS') crowded += 1;
      throw error;
    }
  };
  let fds = 0;
  b.on('fds', (arrived) => arrived.forEach((fd) => { fds += 1; fd.close(); }));
  const sends = [];
  for (let count = 0; count < 30; count++) sends.push(a.send('x', { fds: [0, 0, 0, 0, 0] }));
  b.pause();
  setTimeout(() => b.resume(), 50);
  Promise.all(sends).then(() => a.end());
  b.on('end', () => console.log(JSON.stringify({ fds, crowded: crowded > 0 })));
`;

story('too many descriptors under way: they wait, and all arrive', async () => {
  assert.deepEqual(JSON.parse(await elsewhere(CROWDED, 'ulimit -n 128')), { fds: 150, crowded: true });
});

const THROWING = `
  const { Stream } = require(process.argv[1]);
  const [a, b] = Stream.pair();
  const told = [];
  process.on('uncaughtException', (error) => told.push(error.message));
  b.on('fds', (fds, at) => {
    fds.forEach((fd) => fd.close());
    if (at === 1) throw new Error('fds');
  });
  b.on('data', (chunk) => {
    told.push(String(chunk));
    if (String(chunk) === 'c') throw new Error('data');
  });
  b.on('end', () => console.log(told.join(' ')));
  (async () => {
    for (const text of ['a', 'b', 'c', 'd', 'e']) {
      const heard = new Promise((resolve) => b.prependOnceListener('data', resolve));
      await a.send(text, { fds: [0] });
      await heard;
    }
    a.end();
  })();
`;

story('a listener that throws loses nothing of what was read, if the process survives it', async () => {
  assert.equal(await elsewhere(THROWING), 'a fds b c data d e');
});
