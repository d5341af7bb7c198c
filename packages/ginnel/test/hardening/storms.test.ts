// Whatever is closed at any point, twice, or not at all: descriptors come back, and nothing breaks.

import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection, Datagram, Fd, Peer, SeqPacket, Server, sp, Stream } from 'ginnel';

import { collect, openFds, story, until } from '../support/core';
import { Chance, SOAK } from '../support/hardening/chance';

const ROUNDS = SOAK ? 1500 : 60;
const body = Buffer.alloc(64);
const large = Buffer.alloc(200_000);

/** What fails is part of it; what never ends is not. */
function settled(...work: Promise<unknown>[]): Promise<unknown> {
  return Promise.allSettled(work);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Closing { destroy(): unknown; close(options?: { drain: number }): Promise<unknown> }

const soon = { drain: 20 };

/** Closes it in one way or another, more than once. */
async function end(chance: Chance, it: Closing): Promise<void> {
  const way = chance.below(4);
  if (way === 0) it.destroy();
  if (way === 1) await settled(it.close(soon), it.close(soon));
  if (way === 2) {
    const closing = it.close(soon);
    it.destroy();
    await settled(closing);
  }
  if (way === 3) {
    it.destroy();
    it.destroy();
    await settled(it.close(soon));
  }
}

/** Lets some turns pass, and collects in the middle of them. */
async function wait(chance: Chance): Promise<void> {
  for (let turns = chance.below(5); turns > 0; turns--) await (chance.below(2) === 0 ? Promise.resolve() : turn());
  if (chance.below(8) === 0) collect();
}

story('streams that are ended anywhere', async () => {
  const chance = new Chance(1);
  const file = openSync('/dev/null', 'r');
  for (let round = 0; round < ROUNDS; round++) {
    const [a, b] = Stream.pair();
    const when = chance.one(['fds', 'data', 'end', 'drain', 'never']);
    const doomed = chance.one([a, b]);
    a.on('error', () => {});
    b.on('error', () => {});
    b.on(when, () => {
      if (chance.below(3) === 0 && doomed.readableLength === 0) {
        try {
          doomed.detach().close();
        } catch {
          doomed.destroy();
        }
      } else {
        doomed.destroy();
      }
    });
    if (when !== 'data') b.on('data', () => {});
    const sends = settled(a.send(body, { fds: [file] }), a.send(large, { fds: [file, file] }), b.send(large));
    a.write(large);
    await wait(chance);
    await end(chance, a);
    await end(chance, b);
    await sends;
  }
  closeSync(file);
});

/** What is open under a number. */
function kindOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return 'closed';
  }
}

/** A function of its own: what the last round had is not kept by the story that goes on. */
async function packets(chance: Chance, directory: string, file: number): Promise<void> {
  const [a, b] = SeqPacket.pair();
  const [c, d] = Datagram.pair();
  const iterating = (async () => {
    for await (const packet of b) {
      packet.fds.forEach((fd) => chance.below(2) === 0 && fd.close());
      if (chance.below(4) === 0) break;
      if (chance.below(4) === 0) b.destroy();
    }
  })();
  const sends = settled(a.send(body, { fds: [file] }), a.send(body), a.send(body), b.recv(), b.recv(), c.send(body, { fds: [file] }), d.recv());
  await wait(chance);
  await end(chance, a);
  await end(chance, b);
  c.destroy();
  d.destroy();
  await settled(iterating, sends);
  const door = SeqPacket.listen(join(directory, 'door'));
  const accepting = settled(door.accept(), door.accept());
  const connecting = settled(SeqPacket.connect(join(directory, 'door')).then((socket) => socket.destroy()));
  await wait(chance);
  door.close();
  door.close();
  for (const { status, value } of await accepting as { status: string; value?: SeqPacket | null }[]) if (status === 'fulfilled') value?.destroy();
  await connecting;
}

story('packets that are ended anywhere', async (directory) => {
  const chance = new Chance(2);
  const before = openFds();
  const file = openSync('/dev/null', 'r');
  for (let round = 0; round < ROUNDS; round++) await packets(chance, directory, file);
  closeSync(file);
  // What nobody has closed is closed once it is collected.
  await until(() => {
    collect();
    return openFds() <= before;
  }, () => readdirSync('/proc/self/fd').map(kindOf).join(', '));
});

story('connections that are ended anywhere', async (directory) => {
  const chance = new Chance(3);
  for (let round = 0; round < ROUNDS; round++) {
    const path = join(directory, `server-${round % 3}`);
    const server = Server.listen(path);
    const client = Client.connect(path);
    const [a, b] = Connection.pair();
    const serving = (async () => {
      for await (const happening of server) {
        if (happening.type === 'request' && chance.below(4) !== 0) await happening.request.reply(large);
        if (chance.below(20) === 0) server.destroy();
      }
    })();
    const work = settled(client.call(body), client.send(large), client.connected(), a.call(body), a.send(body), b.next(), b.next(), serving);
    await wait(chance);
    await Promise.all([end(chance, client), end(chance, a), end(chance, b), end(chance, server)]);
    await work;
  }
});

story('peers and ends of SP that are ended anywhere', async (directory) => {
  const chance = new Chance(4);
  for (let round = 0; round < ROUNDS / 4; round++) {
    const path = join(directory, 'peers');
    const joining = [Peer.join(path), Peer.join(path)];
    const [push, pull] = [new sp.Push(), new sp.Pull()];
    pull.listen(`ipc://${directory}/sp-${round % 3}`);
    const work = settled(push.dial(`ipc://${directory}/sp-${round % 3}`), push.send(large), pull.recv(), pull.recv());
    await wait(chance);
    await Promise.all([end(chance, push), end(chance, pull)]);
    for (const joined of joining) await joined.then((peer) => end(chance, peer), () => {});
    await work;
  }
});

story('descriptors that nobody closes, while everything is collected all the time', async () => {
  const file = openSync('/dev/null', 'r');
  const before = openFds();
  const [a, b] = Stream.pair();
  const [c, d] = SeqPacket.pair();
  let came = 0;
  b.on('data', () => {}).on('fds', (fds: Fd[]) => { came += fds.length; });
  const reading = (async () => {
    for await (const packet of d) came += packet.fds.length;
  })();
  const total = ROUNDS * (SOAK ? 10 : 30);
  for (let sent = 0; sent < total; sent += 6) {
    await Promise.all([a.send(body, { fds: [file, file, file] }), c.send(body, { fds: [file, file, file] })]);
    Fd.duplicate(file);
    if (sent % 60 === 0) collect();
    if (sent % 600 === 0) {
      await until(() => came === sent + 6);
      collect();
      await turn();
      assert.ok(openFds() < before + 700, `${openFds()} descriptors`);
    }
  }
  await until(() => came === total);
  for (const it of [a, b, c, d]) it.destroy();
  await reading;
  closeSync(file);
  await until(() => {
    collect();
    return openFds() < before;
  });
});
