// What users do with names, and what becomes of these: the stories of `list.rs`.

import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmdirSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server as NetServer } from 'node:net';
import { join } from 'node:path';

import { Datagram, SeqPacket, Stream } from 'ginnel';
import { read } from './reading';
import { codeOf, exists, failed, given, inode, leaveDeadSocket, messageOf, names, story } from './telling';

/** Somebody who listens and knows nothing of locks. */
async function stranger(path: string): Promise<NetServer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

const gone = (server: NetServer): Promise<void> => new Promise((resolve) => { server.close(() => resolve()); });

/** Somebody comes in. */
async function visit(path: string, listener: ReturnType<typeof Stream.listen>): Promise<void> {
  const client = await Stream.connect(path);
  given(await listener.accept()).destroy();
  client.destroy();
}

story('a_live_listener_is_never_displaced', async ({ path }) => {
  const first = Stream.listen(path);
  assert.equal(await codeOf(() => Stream.listen(path)), 'EADDRINUSE');
  assert.equal(await codeOf(() => SeqPacket.listen(path)), 'EADDRINUSE');
  await visit(path, first);
  first.close();
});

story('a_name_is_free_as_soon_as_its_listener_is_dropped', async ({ path }) => {
  for (let round = 0; round < 20; round++) {
    const listener = Stream.listen(path);
    await visit(path, listener);
    listener.close();
    SeqPacket.listen(path).close();
  }
  assert.equal(await codeOf(Stream.connect(path)), 'ENOENT');
});

story('a_live_listener_keeps_its_file', async ({ path }) => {
  const first = Stream.listen(path);
  const before = inode(path);
  assert.equal(await codeOf(() => Stream.listen(path)), 'EADDRINUSE');
  assert.equal(await codeOf(() => SeqPacket.listen(path)), 'EADDRINUSE');
  assert.equal(await codeOf(() => Datagram.bind(path)), 'EADDRINUSE');
  assert.equal(inode(path), before);
  await visit(path, first);
  first.close();
});

story('a_live_listener_that_knows_no_lock_is_not_displaced_either', async ({ path }) => {
  const foreign = await stranger(path);
  assert.equal(await codeOf(() => Stream.listen(path)), 'EADDRINUSE');
  assert.equal(await codeOf(() => SeqPacket.listen(path)), 'EADDRINUSE');
  await gone(foreign);
  Stream.listen(path).close();
});

story('a_dead_listener_is_replaced', async ({ dir, path }) => {
  leaveDeadSocket(path);
  const listener = Stream.listen(path);
  await visit(path, listener);
  listener.close();
  assert.deepEqual(names(dir), ['s.lock']);
});

story('what_is_no_socket_is_left_alone', async ({ dir, path }) => {
  const [directory, link] = [join(dir, 'd'), join(dir, 'l')];
  writeFileSync(path, 'precious');
  mkdirSync(directory);
  symlinkSync(path, link);
  for (const taken of [path, directory, link]) {
    assert.equal(await codeOf(() => Stream.listen(taken)), 'ERR_GINNEL_NOT_A_SOCKET');
  }
  assert.equal(readFileSync(path, 'utf8'), 'precious');
  assert.ok(statSync(directory).isDirectory() && lstatSync(link).isSymbolicLink());
});

story('closing_a_listener_leaves_its_successors_name_alone', async ({ path }) => {
  const first = Stream.listen(path);
  unlinkSync(path);
  const successor = await stranger(path);
  first.close();
  assert.ok(lstatSync(path).isSocket());
  const client = await Stream.connect(path);
  client.destroy();
  await gone(successor);
});

story('the_mode_is_as_asked_from_the_moment_the_name_appears', async ({ path }) => {
  const plain = Stream.listen(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  plain.close();
  for (const mode of [0o660, 0o666, 0o777, 0o600, 0o000]) {
    const listener = Stream.listen(path, { mode });
    assert.equal(statSync(path).mode & 0o777, mode);
    listener.close();
  }
});

story('paths_of_any_length_work', async ({ dir }) => {
  const deep = join(dir, 'd'.repeat(200), 'e'.repeat(200));
  mkdirSync(deep, { recursive: true });
  const lengths = [100, 250, 251, 255];
  const paths = ['s', ...lengths.map((length) => 'n'.repeat(length))].map((name) => join(deep, name));
  for (const path of [...paths, join(dir, 'n'.repeat(255))]) {
    const listener = Stream.listen(path);
    assert.equal(await codeOf(() => Stream.listen(path)), 'EADDRINUSE');
    await visit(path, listener);
    listener.close();
    assert.ok(!exists(path));
    leaveDeadSocket(path);
    Stream.listen(path).close();
    const receiver = Datagram.bind(path);
    const sender = Datagram.bind();
    await sender.send('x', { to: path });
    assert.equal(given(await receiver.recv()).data.toString(), 'x');
    sender.destroy();
    receiver.destroy();
  }
  assert.equal(await messageOf(() => Stream.listen(join(dir, 'n'.repeat(256)))), '256 bytes given, 255 fit');
});

story('sun_path_is_full_at_107_bytes_and_nothing_changes_there', async ({ dir }) => {
  for (const length of [106, 107, 108, 109]) {
    const path = join(dir, 'x'.repeat(length - dir.length - 1));
    assert.equal(path.length, length);
    const listener = Stream.listen(path);
    await visit(path, listener);
    listener.close();
  }
});

story('an_abstract_name_needs_a_policy', async ({ dir }) => {
  const name = `@${dir}`;
  assert.equal(await codeOf(() => Stream.listen(name)), 'ERR_GINNEL_NO_POLICY');
  const listener = Stream.listen(name, { allow: 'same-user' });
  await visit(name, listener);
  assert.equal(await codeOf(() => Stream.listen(name, { allow: 'anyone' })), 'EADDRINUSE');
  listener.close();
});

story('whoever_the_policy_does_not_allow_is_closed_before_a_byte_is_read', async ({ path }) => {
  const listener = Stream.listen(path, { allow: `uid:${given(process.getuid?.()) + 1}` });
  const accepting = listener.accept();
  const refused = await Stream.connect(path);
  refused.on('error', () => {});
  refused.resume();
  await new Promise((resolve) => refused.once('close', resolve));
  assert.equal(refused.bytesRead, 0);
  listener.close();
  assert.equal(await accepting, null);
});

story('a_listener_is_a_sequence_of_connections', async ({ path }) => {
  const listener = Stream.listen(path);
  const clients = await Promise.all([1, 2, 3].map(() => Stream.connect(path)));
  for (const client of clients) client.write('x');
  let count = 0;
  for await (const stream of listener) {
    assert.equal((await read(stream, 1)).toString(), 'x');
    stream.destroy();
    count += 1;
    if (count === clients.length) break;
  }
  clients.forEach((client) => client.destroy());
  listener.close();
});

story('an_inherited_descriptor_is_an_address', async ({ path }) => {
  const listening = Stream.listen(path);
  const listener = Stream.listen(`fd:${listening.fd}`);
  const connecting = Stream.connect(path);
  const server = given(await listener.accept());
  const client = await connecting;
  const again = await Stream.connect(`fd:${client.fd}`);
  assert.equal(await codeOf(SeqPacket.connect(`fd:${client.fd}`)), 'ERR_GINNEL_WRONG_SOCKET');
  assert.equal(await codeOf(Stream.connect('fd:65000')), 'EBADF');
  assert.equal(client.peerCredentials.pid, process.pid, 'it is open still');
  for (const end of [again, client, server]) end.destroy();
  listener.close();
  listening.close();
});

story('a_policy_goes_with_an_adopted_listener_too', async ({ path }) => {
  const listening = Stream.listen(path);
  const nobody = Stream.listen(`fd:${listening.fd}`, { allow: `uid:${given(process.getuid?.()) + 1}` });
  const accepting = nobody.accept();
  const refused = await Stream.connect(path);
  refused.on('error', () => {});
  refused.resume();
  await new Promise((resolve) => refused.once('close', resolve));
  nobody.close();
  assert.equal(await accepting, null);
  const listener = Stream.listen(`fd:${listening.fd}`, { allow: 'same-user' });
  await visit(path, listener);
  listener.close();
  listening.close();
});

story('bad_input_names_the_fact_and_the_limit_and_touches_nothing', async ({ dir }) => {
  const table: [string, string][] = [
    ['', 'the address is empty'],
    ['@', 'the address is empty'],
    [`${dir}/a\0b`, 'the path holds a NUL byte'],
    [`${dir}/`, 'the path ends in no name'],
    [`${dir}/${'n'.repeat(256)}`, '256 bytes given, 255 fit'],
    [`@${'n'.repeat(108)}`, '108 bytes given, 107 fit'],
    ['fd:x', 'after fd: stands no number from 0 to 65535'],
  ];
  for (const [address, message] of table) {
    for (const error of [await failed(() => Stream.listen(address)), await failed(Stream.connect(address))]) {
      assert.ok(error instanceof TypeError);
      assert.equal(error.message, message);
    }
  }
  assert.deepEqual(names(dir), []);
  assert.equal(await codeOf(() => Stream.listen(join(dir, 'none', 's'))), 'ENOENT');
  assert.equal(await codeOf(Stream.connect(join(dir, 'none'))), 'ENOENT');
});

story('the_wrong_kind_of_socket_is_told', async ({ path }) => {
  const listener = SeqPacket.listen(path);
  assert.equal(await codeOf(Stream.connect(path)), 'EPROTOTYPE');
  listener.close();
});

story('a_connection_waits_while_the_queue_is_full', async ({ path }) => {
  const listener = Stream.listen(path, { backlog: 1 });
  const clients = (async () => {
    for (let number = 0; number < 8; number++) {
      const client = await Stream.connect(path);
      client.end(Buffer.of(number));
      client.resume();
    }
  })();
  for (let number = 0; number < 8; number++) {
    const stream = given(await listener.accept());
    assert.deepEqual([...(await read(stream, 1))], [number]);
    stream.destroy();
  }
  await clients;
  listener.close();
});

story('a_name_that_looks_like_another_names_lock_has_its_own', async ({ dir }) => {
  const long = Stream.listen(join(dir, 'x'.repeat(252)));
  const lock = given(names(dir).find((name) => name.endsWith('.lock'))).slice(0, -'.lock'.length);
  Stream.listen(join(dir, lock)).close();
  long.close();
});

story('an_odd_lock_file_is_refused', async ({ dir, path }) => {
  const lock = join(dir, 's.lock');
  mkdirSync(lock);
  await failed(() => Stream.listen(path));
  rmdirSync(lock);
  symlinkSync('elsewhere', lock);
  await failed(() => Stream.listen(path));
  unlinkSync(lock);
  const other = await stranger(join(dir, 'other'));
  renameSync(join(dir, 'other'), lock);
  await failed(() => Stream.listen(path));
  await gone(other);
  unlinkSync(lock);
  Stream.listen(path).close();
  chmodSync(lock, 0o600);
});
