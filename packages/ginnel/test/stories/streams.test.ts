// What users do with streams: the stories of `list.rs`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { Stream } from 'ginnel';
import { portions, read, readToEnd } from './reading';
import { codeOf, failed, given, isSameFile, story, textOf, withFile } from './telling';

story('bytes_go_both_ways', async ({ path }) => {
  const listener = Stream.listen(path);
  const client = (async () => {
    const stream = await Stream.connect(path);
    await stream.send('ping');
    assert.equal((await read(stream, 4)).toString(), 'pong');
    await stream.close();
  })();
  const stream = given(await listener.accept());
  assert.equal((await read(stream, 4)).toString(), 'ping');
  await stream.send('pong');
  await client;
  await stream.close();
  listener.close();
});

story('vectored_writes_leave_in_one_piece', async () => {
  const [left, right] = Stream.pair();
  const came = portions(right);
  left.cork();
  left.write('one ');
  left.write('two');
  left.uncork();
  await came.wait(7);
  assert.deepEqual(came.list.map(({ text }) => text), ['one two']);
  left.destroy();
  right.destroy();
});

story('a_large_body_arrives_whole', async () => {
  const [left, right] = Stream.pair();
  const writing = left.send(Buffer.alloc(4 << 20, 7)).then(() => left.end());
  const body = await readToEnd(right);
  assert.equal(body.length, 4 << 20);
  assert.ok(body.equals(Buffer.alloc(4 << 20, 7)));
  await writing;
  left.destroy();
  right.destroy();
});

story('an_open_file_travels_and_is_read_by_its_descriptor_alone', async ({ dir }) => {
  const [left, right] = Stream.pair();
  const came = portions(right);
  await withFile(dir, 'through the wall', async (sent) => {
    await left.send('see', { fds: [sent] });
    await came.wait(3);
    const { text, fds } = given(came.list[0]);
    assert.deepEqual([text, fds.length], ['see', 1]);
    assert.ok(isSameFile(sent, given(fds[0]).number));
    assert.equal(textOf(fds[0]), 'through the wall');
  });
  left.destroy();
  right.destroy();
});

story('descriptors_are_delivered_no_later_than_the_first_byte_they_were_sent_with', async ({ dir }) => {
  const [left, right] = Stream.pair();
  await withFile(dir, '1', (one) => withFile(dir, '2', async (two) => {
    await left.send('aaaa');
    await left.send('b', { fds: [one] });
    await left.send('cc', { fds: [two, one] });
    await left.send('dddd');
    const came = portions(right);
    await came.wait(11);
    // The kernel gives what stands before the descriptors together with them.
    assert.deepEqual(came.list.map(({ text, starts }) => [text, ...starts]), [['aaaabccdddd', 0, 5, 5]]);
    const fds = came.list.flatMap((portion) => portion.fds);
    assert.deepEqual(fds.map((fd) => isSameFile(fd.number, one)), [true, false, true]);
    fds.forEach((fd) => fd.close());
  }));
  left.destroy();
  right.destroy();
});

story('descriptors_come_with_the_first_of_the_bytes_however_few_are_read', async ({ dir }) => {
  const [left, right] = Stream.pair();
  const heard: string[] = [];
  right.on('fds', (fds, at) => {
    heard.push(`${fds.length} at ${at}`);
    fds.forEach((fd) => fd.close());
  });
  await withFile(dir, 'x', (sent) => left.send('abc', { fds: [sent] }));
  for (const letter of 'abc') heard.push((await read(right, 1)).toString(), letter);
  assert.deepEqual(heard, ['1 at 0', 'a', 'a', 'b', 'b', 'c', 'c']);
  left.destroy();
  right.destroy();
});

story('a_read_that_a_descriptor_ended_is_followed_by_one_that_does_not_hang', async ({ dir }) => {
  const [left, right] = Stream.pair();
  const came = portions(right);
  await withFile(dir, 'x', (sent) => left.send('first', { fds: [sent] }));
  await left.send('second');
  await came.wait(11);
  assert.deepEqual(came.list.map(({ text, starts }) => [text, ...starts]), [['firstsecond', 0]]);
  came.list.forEach(({ fds }) => fds.forEach((fd) => fd.close()));
  left.destroy();
  right.destroy();
});

story('two_hundred_and_fifty_three_descriptors_fit_and_one_more_is_refused', async ({ dir }) => {
  const [left, right] = Stream.pair();
  await withFile(dir, 'x', async (sent) => {
    const error = await failed(left.send('x', { fds: Array<number>(254).fill(sent) }));
    assert.ok(error instanceof RangeError);
    assert.equal(error.message, '254 descriptors given, 253 fit one message');
    const came = portions(right);
    const counts = [1, 16, 17, 64, 65, 253];
    for (const [index, count] of counts.entries()) {
      await left.send('x', { fds: Array<number>(count).fill(sent) });
      await came.wait(index + 1);
    }
    assert.deepEqual(came.list.map(({ fds }) => fds.length), counts);
    came.list.forEach(({ fds }) => fds.forEach((fd) => fd.close()));
  });
  left.destroy();
  right.destroy();
});

story('what_had_arrived_is_delivered_before_a_reset', async () => {
  const [left, right] = Stream.pair({ allowHalfOpen: true });
  await left.send('one');
  await right.send('never read');
  left.destroy();
  const seen: string[] = [];
  right.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
  right.on('error', (error) => seen.push('code' in error ? String(error.code) : error.message));
  await new Promise((resolve) => right.once('close', resolve));
  assert.deepEqual(seen, ['one', 'ECONNRESET']);
});

story('halves_work_apart_and_dropping_the_writing_one_sends_the_end', async () => {
  const [left, right] = Stream.pair({ allowHalfOpen: true });
  const echo = (async () => {
    const bytes = await readToEnd(right);
    right.end(bytes);
  })();
  left.end('there and back');
  assert.equal((await readToEnd(left)).toString(), 'there and back');
  await echo;
  left.destroy();
  right.destroy();
});

story('halves_read_and_write_at_the_same_time', async () => {
  const [left, right] = Stream.pair();
  right.pipe(right);
  const sending = (async () => {
    for (let count = 0; count < 1000; count++) await left.send(Buffer.alloc(1000, 7));
  })();
  assert.ok((await read(left, 1_000_000)).equals(Buffer.alloc(1_000_000, 7)));
  await sending;
  left.destroy();
  right.destroy();
});

story('credentials_say_who_is_at_the_other_end', async ({ path }) => {
  const listener = Stream.listen(path);
  const client = await Stream.connect(path);
  const server = given(await listener.accept());
  for (const { pid, uid, gid } of [client.peerCredentials, server.peerCredentials]) {
    assert.deepEqual([pid, uid, gid], [process.pid, process.geteuid?.(), process.getegid?.()]);
  }
  client.destroy();
  server.destroy();
  listener.close();
});

story('a_read_without_room_takes_nothing', async () => {
  const [left, right] = Stream.pair();
  await left.send('x');
  assert.equal(right.read(0), null);
  assert.equal((await read(right, 1)).toString(), 'x');
  left.destroy();
  right.destroy();
});

story('a_read_without_room_takes_no_descriptor', async ({ dir }) => {
  const [left, right] = Stream.pair();
  const texts: string[] = [];
  right.on('fds', (fds) => texts.push(...fds.map(textOf)));
  await withFile(dir, 'kept', (sent) => left.send('x', { fds: [sent] }));
  assert.equal(right.read(0), null);
  assert.deepEqual([(await read(right, 1)).toString(), texts], ['x', ['kept']]);
  left.destroy();
  right.destroy();
});

story('more_slices_than_one_call_takes_all_leave', async () => {
  const [left, right] = Stream.pair();
  const reading = readToEnd(right);
  left.cork();
  for (let index = 0; index < 2000; index++) left.write('x');
  for (let index = 0; index < 1024; index++) left.write('');
  left.write('y');
  left.uncork();
  left.end();
  assert.equal((await reading).toString(), `${'x'.repeat(2000)}y`);
  left.destroy();
  right.destroy();
});

story('received_descriptors_are_close_on_exec', async ({ dir }) => {
  const [left, right] = Stream.pair();
  const came = portions(right);
  await withFile(dir, 'x', (sent) => left.send('x', { fds: [sent] }));
  await came.wait(1);
  const received = given(came.list[0]?.fds[0]);
  for (const number of [received.number, left.fd, right.fd]) {
    const info = readFileSync(`/proc/self/fdinfo/${number}`, 'utf8');
    const flags = Number.parseInt(given(/flags:\s*(\d+)/.exec(info)?.[1]), 8);
    assert.notEqual(flags & 0o2_000_000, 0, `O_CLOEXEC is missing in ${info}`);
  }
  received.close();
  left.destroy();
  right.destroy();
});

story('nothing_is_left_open_when_everything_is_dropped', async ({ dir, path }) => {
  for (let round = 0; round < 20; round++) {
    const listener = Stream.listen(path);
    const client = await Stream.connect(path);
    const server = given(await listener.accept());
    await withFile(dir, 'never taken', (sent) => client.send('x', { fds: [sent] }));
    server.destroy();
    assert.equal(await codeOf(() => Stream.listen(path)), 'EADDRINUSE');
    client.destroy();
    listener.close();
  }
});
