// Many messages: memory stays what it was.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection, SeqPacket, sp, Stream } from 'ginnel';

import { collect } from '../support/core';
import { SOAK } from '../support/hardening/chance';

const MESSAGES = SOAK ? 1_000_000 : 60_000;
const POINTS = 10;
const AT_ONCE = 100;
const BODY = Buffer.alloc(64, 'm');

/** Bytes in use once what nobody needs is gone. */
async function inUse(): Promise<{ kept: number; rss: number }> {
  for (let times = 0; times < 4; times++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { kept: heapUsed + external + arrayBuffers, rss };
}

/** How much one more step brings, by least squares. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [over, under] = [0, 0];
  values.forEach((value, at) => {
    over += (at - middle) * (value - mean);
    under += (at - middle) ** 2;
  });
  return over / under;
}

/** `some` lets so many messages pass. */
async function flat(name: string, some: (count: number) => Promise<void>): Promise<void> {
  const step = MESSAGES / POINTS;
  // Code is compiled and pools are filled.
  await some(step * 2);
  const kept: number[] = [];
  const rss: number[] = [];
  for (let point = 0; point < POINTS; point++) {
    await some(step);
    const now = await inUse();
    kept.push(now.kept);
    rss.push(now.rss);
  }
  const bytes = slope(kept) / step;
  const resident = slope(rss) / step;
  console.log(`# ${name}: ${MESSAGES} messages, ${bytes.toFixed(3)} bytes of heap a message, ${resident.toFixed(2)} resident`);
  // One byte of each message that stays is found in a million; 64 bytes at least would be lost with an object.
  assert.ok(bytes < (SOAK ? 0.5 : 24), `${name}: ${bytes} bytes a message: ${kept.join(' ')}`);
  // What the process has of the machine settles only over many more.
  assert.ok(!SOAK || resident < 40, `${name}: ${resident} resident bytes a message: ${rss.join(' ')}`);
}

/** Sends so many, some at once. */
async function sent(count: number, send: () => Promise<unknown>): Promise<void> {
  for (let left = count; left > 0; left -= AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, left) }, send));
  }
}

/** As `flat`, where what is sent arrives elsewhere: `came` says how many have. */
async function flatFlow(name: string, send: () => Promise<unknown>, came: () => number): Promise<void> {
  let all = 0;
  await flat(name, async (count) => {
    all += count;
    await sent(count, send);
    while (came() < all) await new Promise((resolve) => setImmediate(resolve));
  });
}

const options = { timeout: SOAK ? 600_000 : 60_000 };

test('messages over a connection', options, async () => {
  const [a, b] = Connection.pair();
  let came = 0;
  const reading = (async () => {
    for await (const delivery of b) if (delivery.type === 'message') came += 1;
  })();
  await flatFlow('Connection', () => a.send(BODY), () => came);
  a.destroy();
  b.destroy();
  await reading;
});

test('calls', options, async () => {
  const [a, b] = Connection.pair();
  const serving = (async () => {
    for await (const delivery of b) if (delivery.type === 'request') await delivery.request.reply(BODY);
  })();
  await flat('calls', (count) => sent(count, () => a.call(BODY)));
  a.destroy();
  b.destroy();
  await serving;
});

test('bytes of a stream', options, async () => {
  const [a, b] = Stream.pair();
  let came = 0;
  b.on('data', (chunk: Buffer) => { came += chunk.length; });
  await flatFlow('Stream', () => a.send(BODY), () => came / BODY.length);
  a.destroy();
  b.destroy();
});

test('packets', options, async () => {
  const [a, b] = SeqPacket.pair();
  let came = 0;
  const reading = (async () => {
    for await (const packet of b) if (packet.data.length > 0) came += 1;
  })();
  await flatFlow('SeqPacket', () => a.send(BODY), () => came);
  a.destroy();
  b.destroy();
  await reading;
});

test('questions and answers of SP', options, async () => {
  const [rep, req] = [new sp.Rep(), new sp.Req()];
  const [a, b] = Stream.pair();
  rep.adopt(a.detach());
  req.adopt(b.detach());
  const serving = (async () => {
    for await (const request of rep) request.reply(request.data);
  })();
  await flat('Req and Rep', (count) => sent(count, () => req.request(BODY)));
  req.destroy();
  rep.destroy();
  await serving;
});
