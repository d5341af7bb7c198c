// What users do with sockets that were somebody else's: the stories of `list.rs`.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type Socket } from 'node:net';

import { Fd, SeqPacket, Stream } from 'ginnel';
import { codeOf, exists, given, inode, story, withFile } from './telling';

story('adopting_checks_and_gives_back_what_it_refuses', async ({ dir, path }) => {
  const [packets, other] = SeqPacket.pair();
  const fd = packets.detach();
  const before = inode(`/proc/self/fd/${fd.number}`);
  assert.equal(await codeOf(() => Stream.adopt(fd)), 'ERR_GINNEL_WRONG_SOCKET');
  assert.equal(inode(`/proc/self/fd/${fd.number}`), before, 'it is the caller\'s');
  SeqPacket.adopt(fd).destroy();
  assert.ok(fd.closed, 'it has been taken over');
  other.destroy();
  await withFile(dir, 'x', async (number) => {
    assert.equal(await codeOf(() => Stream.adopt(number)), 'ERR_GINNEL_WRONG_SOCKET');
  });
  const listening = Stream.listen(path);
  const second = Fd.adopt(Fd.duplicate(listening.fd).take());
  assert.equal(await codeOf(() => Stream.adopt(second)), 'ERR_GINNEL_WRONG_ROLE');
  second.close();
  const listener = Stream.listen(`fd:${listening.fd}`);
  const client = await Stream.connect(path);
  given(await listener.accept()).destroy();
  client.destroy();
  listener.close();
  assert.ok(exists(path), 'a name that an adopted listener did not make stays');
  listening.close();
});

/** The socket that it inherits blocks, as every one that a child of Node's has for a pipe. */
const CHILD = `
  const { Stream } = require(${JSON.stringify(require.resolve('ginnel'))});
  const { readFileSync } = require('node:fs');
  const flags = () => /flags:\\s*(\\d+)/.exec(readFileSync('/proc/self/fdinfo/3', 'utf8'))[1];
  const before = flags();
  const stream = Stream.adopt(3);
  stream.once('data', (chunk) => {
    stream.end(chunk + ' ' + before + ' ' + flags());
  });
`;

story('an_adopted_descriptor_keeps_its_flags', async () => {
  const child = spawn(process.execPath, ['-e', CHILD], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const pipe = child.stdio[3] as Socket;
  pipe.write('flags');
  let answer = '';
  for await (const chunk of pipe) answer += String(chunk);
  assert.equal(await ended, 0);
  const [word, before, after] = answer.split(' ');
  assert.equal(word, 'flags');
  // Close-on-exec is the descriptor's own; what both share stays.
  assert.equal(Number.parseInt(given(after), 8) & 0o4000, Number.parseInt(given(before), 8) & 0o4000);
  assert.equal(Number.parseInt(given(before), 8) & 0o4000, 0, 'it blocked before');
});
