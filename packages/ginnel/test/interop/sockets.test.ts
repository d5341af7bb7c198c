// Streams, packets and datagrams between a Rust process and this one.

import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { Datagram, type Fd, SeqPacket, Stream } from 'ginnel';
import { portions, readToEnd } from '../stories/reading';
import { file, given, textOf, withFile } from '../stories/telling';
import { both, numbered, type Side, type Story } from './counterpart';

const texts = (fds: readonly Fd[]): string[] => fds.map(textOf);
const range = (length: number): number[] => [...Array(length).keys()];

async function accepted({ at, say }: Side): Promise<Stream> {
  const listener = Stream.listen(at, { allowHalfOpen: true });
  say('ready');
  const stream = given(await listener.accept());
  listener.close();
  return stream;
}

const bytes: Story = {
  name: 'bytes',
  async serve(side) {
    const stream = await accepted(side);
    const body = await readToEnd(stream);
    assert.ok(body.equals(Buffer.alloc(4 << 20, 7)));
    stream.end(String(body.length));
    await stream.close();
  },
  async connect({ at }) {
    const stream = await Stream.connect(at, { allowHalfOpen: true });
    stream.end(Buffer.alloc(4 << 20, 7));
    assert.equal((await readToEnd(stream)).toString(), '4194304');
    await stream.close();
  },
};

const descriptors: Story = {
  name: 'descriptors',
  async serve(side) {
    const stream = await accepted(side);
    const came = portions(stream);
    await came.wait(10);
    // Each message is one byte, and each descriptor came with its own.
    const counted = came.list.flatMap(({ text, fds, starts }) => {
      const all = texts(fds);
      return range(text.length).map((byte) => all.filter((_, index) => starts[index] === byte));
    });
    assert.deepEqual(counted, range(10).map((index) => range(index + 1).map((at) => `${index + 1}.${at}`)));
    await withFile(dirname(side.at), 'from the server', (fd) => stream.send('k', { fds: [fd] }));
    await stream.close();
  },
  async connect({ at }) {
    const stream = await Stream.connect(at);
    const came = portions(stream);
    for (let number = 1; number <= 10; number++) {
      const fds = range(number).map((index) => file(dirname(at), `${number}.${index}`));
      await stream.send('x', { fds });
      fds.forEach((fd) => closeSync(fd));
    }
    await came.wait(1);
    assert.deepEqual(texts(given(came.list[0]).fds), ['from the server']);
    await stream.close();
  },
};

async function whoIs(stream: Stream, { say, hear }: Side): Promise<void> {
  say(process.pid);
  const { pid, uid } = stream.peerCredentials;
  assert.deepEqual([String(pid), uid], [await hear(), process.geteuid?.()]);
  await stream.close();
}

const credentials: Story = {
  name: 'credentials',
  serve: async (side) => whoIs(await accepted(side), side),
  connect: async (side) => whoIs(await Stream.connect(side.at), side),
};

const packets: Story = {
  name: 'packets',
  async serve({ at, say }) {
    const listener = SeqPacket.listen(at);
    say('ready');
    const socket = given(await listener.accept());
    for (let number = 0; number < 1000; number++) assert.ok(given(await socket.recv()).data.equals(numbered(number)));
    assert.equal(given(await socket.recv()).data.length, 0);
    assert.deepEqual(texts(given(await socket.recv()).fds), ['beside']);
    await socket.send('all');
    assert.equal(await socket.recv(), null);
    socket.destroy();
    listener.close();
  },
  async connect({ at }) {
    const socket = await SeqPacket.connect(at);
    const sent = range(1000).map((number) => socket.send(numbered(number)));
    sent.push(socket.send(''), withFile(dirname(at), 'beside', (fd) => socket.send('last', { fds: [fd] })));
    await Promise.all(sent);
    assert.equal(given(await socket.recv()).data.toString(), 'all');
    await socket.close();
  },
};

const datagrams: Story = {
  name: 'datagrams',
  async serve({ at, say, hear }) {
    const socket = Datagram.bind(at);
    say('ready');
    for (let number = 0; number < 1000; number++) assert.ok(given(await socket.recv()).data.equals(numbered(number)));
    const { fds, from } = given(await socket.recv());
    assert.deepEqual(texts(fds), ['beside']);
    await socket.send('all', { to: given(from) });
    assert.equal(await hear(), 'heard');
    await socket.close();
  },
  async connect({ at, say }) {
    const socket = Datagram.bind(`${at}.client`);
    for (let number = 0; number < 1000; number++) await socket.send(numbered(number), { to: at });
    await withFile(dirname(at), 'beside', (fd) => socket.send('last', { to: at, fds: [fd] }));
    assert.equal(given(await socket.recv()).data.toString(), 'all');
    say('heard');
    await socket.close();
  },
};

for (const story of [bytes, descriptors, credentials, packets, datagrams]) both(story, (dir) => join(dir, 's'));
