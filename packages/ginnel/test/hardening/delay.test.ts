// What arrives, and who leads, leaves the loop to others.
//
// The numbers are printed. What fails is a loop that somebody keeps: machines that run tests are busy with other things too.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Peer, SeqPacket, Server, sp, Stream } from 'ginnel';

import { story } from '../support/core';
import { SOAK } from '../support/hardening/chance';

const SUPPORT = join(__dirname, '..', 'support', 'hardening');
const BOUND = SOAK ? 100 : 1000;
const LENGTH = SOAK ? 3000 : 400;

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function told(name: string, delay: IntervalHistogram, more: string): void {
  const p99 = delay.percentile(99) / 1e6;
  console.log(`# ${name}: the 99th percentile is ${p99.toFixed(2)} ms, the longest ${(delay.max / 1e6).toFixed(2)} ms, ${more}`);
  assert.ok(p99 < BOUND, `${name}: ${p99} ms`);
}

interface Flooded { readonly came: () => number; end(): void }

/** Takes what comes, if somebody reads. */
function each<T>(items: AsyncIterable<T>, take: (item: T) => void): void {
  void (async () => {
    for await (const item of items) take(item);
  })().catch(() => {});
}

const targets: Readonly<Record<string, (path: string, reads: boolean) => Flooded>> = {
  server: (path, reads) => {
    const server = Server.listen(path);
    let came = 0;
    if (reads) each(server, () => { came += 1; });
    return { came: () => came, end: () => server.destroy() };
  },
  pull: (path, reads) => {
    const pull = new sp.Pull();
    pull.listen(`ipc://${path}`);
    let came = 0;
    if (reads) each(pull, () => { came += 1; });
    return { came: () => came, end: () => pull.destroy() };
  },
  seqpacket: (path, reads) => {
    const door = SeqPacket.listen(path);
    const sockets: SeqPacket[] = [];
    let came = 0;
    each(door, (socket) => {
      sockets.push(socket);
      if (reads) each(socket, () => { came += 1; });
    });
    return { came: () => came, end: () => [...sockets.map((socket) => socket.destroy()), door.close()] };
  },
  stream: (path, reads) => {
    const door = Stream.listen(path);
    const streams: Stream[] = [];
    let came = 0;
    each(door, (stream) => {
      streams.push(stream);
      stream.on('error', () => {});
      if (reads) stream.on('data', () => { came += 1; });
    });
    return { came: () => came, end: () => [...streams.map((stream) => stream.destroy()), door.close()] };
  },
};

for (const [kind, open] of Object.entries(targets)) {
  story(`a flood at a ${kind}`, async (directory) => {
    for (const size of ['64', '100000']) {
      for (const reads of [true, false]) {
        const target = open(join(directory, `${size}-${reads}`), reads);
        const flooder = spawn(process.execPath, [join(SUPPORT, 'flooder.js'), kind, join(directory, `${size}-${reads}`), size], { stdio: 'inherit' });
        // Where nobody reads, nothing says when it has begun: its own start is then a part of what is measured.
        while (reads && target.came() === 0) await new Promise((resolve) => setImmediate(resolve));
        const delay = monitorEventLoopDelay({ resolution: 1 });
        const before = target.came();
        delay.enable();
        await new Promise((resolve) => setTimeout(resolve, LENGTH));
        delay.disable();
        const rate = Math.round((target.came() - before) / LENGTH * 1000);
        await ended(flooder);
        target.end();
        told(`${kind}, ${size} bytes, ${reads ? 'read' : 'not read'}`, delay, `${rate} a second`);
      }
    }
  });
}

async function joined(path: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(SUPPORT, 'peer.js'), path], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return child;
}

story('an election', async (directory) => {
  const path = join(directory, 'peers');
  const all = await Promise.all(Array.from({ length: SOAK ? 8 : 3 }, () => joined(path)));
  const peer = await Peer.join(path);
  let [seen, roles] = [0, 0];
  each(peer, (event) => {
    seen += 1;
    if (event.type === 'role') roles += 1;
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let round = 0; round < (SOAK ? 24 : 4); round++) {
    // The oldest leads, or is about to.
    const oldest = all.shift();
    if (oldest !== undefined) await ended(oldest);
    all.push(await joined(path));
  }
  delay.disable();
  await Promise.all(all.map(ended));
  peer.destroy();
  told('election', delay, `${seen} events, ${roles} of them roles`);
});
