// Whatever callers give: an error with words, or nothing; never the end of the process.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import * as sockets from 'ginnel/node-unix-socket';

import { attempt, inside, STRANGE, taken } from './faces/strange';
import { aWhile, inDirectory, Story } from './faces/support';
import { connected } from './faces/unix_tales';

test('strange arguments of every method', { timeout: 60_000 }, () => inside(async (directory) => {
  const { server, here, there } = await connected({ story: new Story(), sockets, directory });
  for (const value of STRANGE) {
    const given = value as never;
    attempt(() => new sockets.SeqpacketSocket(given).destroy());
    const client = new sockets.SeqpacketSocket();
    attempt(() => client.connect(given, given));
    attempt(() => client.end(given));
    client.destroy();
    for (const path of [given, `${directory}/t`]) {
      const other = new sockets.SeqpacketServer();
      attempt(() => other.listen(path, given));
      other.close();
    }
    for (const [offset, length] of [[given, given], [0 as never, given], [given, 0 as never]] as const) {
      attempt(() => here.write(given, offset, length));
      attempt(() => here.write(Buffer.from('abc'), offset, length));
      attempt(() => here.write(Buffer.from('abc'), 0, 3, given));
    }
    attempt(() => here.setInternalReadBufferSize(given));
    const datagram: sockets.DgramSocket = new sockets.DgramSocket();
    attempt(() => datagram.bind(given));
    attempt(() => datagram.sendTo(given, given, given, given, given));
    attempt(() => datagram.sendTo(Buffer.from('abc'), given, 3, `${directory}/s`));
    attempt(() => datagram.sendTo(Buffer.from('abc'), 0, 3, given));
    attempt(() => datagram.sendTo(Buffer.from('abc'), 0, 3, `${directory}/s`, given));
    attempt(() => datagram.setRecvBufferSize(given));
    attempt(() => datagram.setSendBufferSize(given));
    datagram.close();
    if (value !== undefined && value !== null && value !== -0) {
      attempt(() => sockets.closeFd(sockets.createReuseportFd(given)));
      attempt(() => sockets.createReuseportFd(0, given));
      attempt(() => sockets.closeFd(given));
    }
  }
  await aWhile();
  for (const socket of [here, there]) socket.destroy();
  server.close();
}));

test('bytes that were transferred, or change after the write', () => inDirectory(async (directory) => {
  const { server, here, there } = await connected({ story: new Story(), sockets, directory });
  assert.throws(() => here.write(taken(new Uint8Array(10))), TypeError);
  const blocks = 100;
  const changing = Buffer.alloc(10_000, 1);
  for (let index = 0; index < blocks; index += 1) here.write(changing);
  changing.fill(2);
  const last = new Uint8Array(10).fill(1);
  here.write(last);
  taken(last);
  const came: Buffer[] = [];
  there.on('data', (data: Buffer) => came.push(data));
  here.end();
  await once(there, 'end');
  assert.equal(came.length, blocks + 1);
  assert.ok(came.every((data) => data.every((byte) => byte === 1)));
  there.destroy();
  here.destroy();
  server.close();
}));
