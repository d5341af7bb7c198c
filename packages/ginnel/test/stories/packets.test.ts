// What users do with packets and datagrams: the stories of `list.rs`.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { Datagram, SeqPacket, Stream } from 'ginnel';
import { codeOf, exists, failed, given, messageOf, story, textOf, withFile } from './telling';

const text = (packet: { data: Buffer } | null): string => given(packet, 'a packet').data.toString();

story('descriptors_without_a_byte_are_refused_on_a_stream_and_sent_in_an_empty_packet', async ({ dir }) => {
  const [bytes, other] = Stream.pair();
  const [left, right] = SeqPacket.pair();
  await withFile(dir, 'x', async (sent) => {
    assert.ok(await failed(bytes.send('', { fds: [sent] })) instanceof TypeError);
    await left.send('', { fds: [sent] });
  });
  const { data, fds } = given(await right.recv());
  assert.deepEqual([data.length, fds.length], [0, 1]);
  fds[0]?.close();
  for (const end of [bytes, other, left, right]) end.destroy();
});

story('packets_keep_their_borders_and_an_empty_one_is_not_the_end', async ({ path }) => {
  const listener = SeqPacket.listen(path);
  const packets = ['one', '', 'two', '', ''];
  const client = (async () => {
    const socket = await SeqPacket.connect(path);
    for (const packet of packets) await socket.send(packet);
    await socket.close();
  })();
  const socket = given(await listener.accept());
  const came: string[] = [];
  for await (const packet of socket) came.push(packet.data.toString());
  assert.deepEqual(came, packets);
  await client;
  socket.destroy();
  listener.close();
});

story('a_cut_packet_names_both_sizes_and_the_next_is_whole', async () => {
  const pair = SeqPacket.pair({ largestPacket: 10 });
  await pair[0].send(Buffer.alloc(100, 1));
  await isCut(pair);
});

story('a_packet_that_is_cut_is_told_with_descriptors_as_without', async ({ dir }) => {
  const pair = SeqPacket.pair({ largestPacket: 10 });
  await withFile(dir, 'x', (sent) => pair[0].send(Buffer.alloc(100, 1), { fds: [sent] }));
  await isCut(pair);
});

async function isCut([left, right]: [SeqPacket, SeqPacket]): Promise<void> {
  await left.send('next');
  const error = await failed(right.recv());
  assert.equal('code' in error && error.code, 'ERR_GINNEL_PACKET_CUT');
  assert.equal(error.message, 'a packet had more than 10 bytes, and is lost');
  assert.equal(text(await right.recv()), 'next');
  left.destroy();
  right.destroy();
}

story('batches_carry_many_packets', async () => {
  const [left, right] = SeqPacket.pair({ largestPacket: 4 });
  await Promise.all(['a', '', 'ccc', 'dddddddd', 'e'].map((packet) => left.send(packet)));
  await left.close();
  assert.deepEqual([text(await right.recv()), text(await right.recv()), text(await right.recv())], ['a', '', 'ccc']);
  assert.equal(await codeOf(right.recv()), 'ERR_GINNEL_PACKET_CUT');
  assert.equal(text(await right.recv()), 'e');
  assert.equal(await right.recv(), null);
  right.destroy();
});

story('the_largest_packet_that_recv_takes_can_be_set', async () => {
  const [left, right] = SeqPacket.pair({ largestPacket: 4 });
  await left.send('12345');
  await left.send('1234');
  assert.equal(await messageOf(right.recv()), 'a packet had more than 4 bytes, and is lost');
  assert.equal(text(await right.recv()), '1234');
  left.destroy();
  right.destroy();
});

story('a_packet_larger_than_the_send_buffer_is_refused_and_the_socket_goes_on', async () => {
  const [left, right] = SeqPacket.pair();
  assert.equal(await codeOf(left.send(Buffer.alloc(8 << 20))), 'EMSGSIZE');
  await left.send('small');
  assert.equal(text(await right.recv()), 'small');
  left.destroy();
  right.destroy();
});

story('batches_carry_many_packets_in_one_call', async ({ dir }) => {
  // What is sent in one tick goes together, and what is there comes together.
  const [left, right] = SeqPacket.pair({ largestPacket: 4 });
  const sent = ['a', '', 'ccc', 'dddddddd'].map((packet) => left.send(packet));
  await withFile(dir, 'fd', (fd) => Promise.all([...sent, left.send('e', { fds: [fd] })]));
  await left.end();
  for (const expected of ['a', '', 'ccc']) assert.equal(text(await right.recv()), expected);
  assert.equal(await codeOf(right.recv()), 'ERR_GINNEL_PACKET_CUT');
  const last = given(await right.recv());
  assert.deepEqual([text(last), last.fds.map(textOf)], ['e', ['fd']]);
  assert.equal(await right.recv(), null);
  left.destroy();
  right.destroy();
});

story('datagrams_find_their_receiver_and_say_where_they_come_from', async ({ dir, path }) => {
  const back = join(dir, 'back');
  const receiver = Datagram.bind(path);
  const named = Datagram.bind(back);
  await withFile(dir, 'with it', (sent) => named.send('hello', { to: path, fds: [sent] }));
  const nameless = Datagram.bind();
  await nameless.send('', { to: path });
  const first = given(await receiver.recv());
  assert.deepEqual([text(first), first.from, first.fds.map(textOf)], ['hello', back, ['with it']]);
  const empty = given(await receiver.recv());
  assert.deepEqual([empty.data.length, empty.from], [0, null]);
  await receiver.send('answer', { to: given(first.from) });
  assert.equal(text(await named.recv()), 'answer');
  assert.equal(await codeOf(nameless.send('x', { to: join(dir, 'none') })), 'ENOENT');
  for (const socket of [receiver, named, nameless]) await socket.close();
  assert.ok(!exists(path));
});

story('a_full_datagram_receiver_makes_its_senders_wait', async ({ path }) => {
  const receiver = Datagram.bind(path);
  const sender = Datagram.bind();
  const sending = (async () => {
    for (let number = 0; number < 100; number++) await sender.send(Buffer.of(number), { to: path });
  })();
  for (let number = 0; number < 100; number++) assert.deepEqual([...given(await receiver.recv()).data], [number]);
  await sending;
  await sender.close();
  await receiver.close();
});

story('a_cut_datagram_is_an_error_too', async () => {
  const [left, right] = Datagram.pair({ largestPacket: 4 });
  await left.send('12345');
  await left.send('1234');
  assert.equal(await codeOf(right.recv()), 'ERR_GINNEL_PACKET_CUT');
  assert.equal(text(await right.recv()), '1234');
  left.destroy();
  right.destroy();
});
