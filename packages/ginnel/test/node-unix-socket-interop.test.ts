// Our face of node-unix-socket and the package itself, in a process each, talk with each other.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

import * as sockets from 'ginnel/node-unix-socket';

import { inDirectory, installed, peer } from './faces/support';
import { converse, echo, EVERYTHING } from './faces/unix_peer';

const PEER = join(__dirname, 'faces', 'unix_peer.js');

for (const name of ['node-unix-socket', 'ginnel/node-unix-socket'] as const) {
  const skip = name === 'node-unix-socket' && !installed(name);

  test(`${name} connects`, { timeout: 30_000, skip }, () => inDirectory(async (directory) => {
    const server = new sockets.SeqpacketServer();
    server.listen(`${directory}/s`);
    const other = peer(PEER, name, 'connect', `${directory}/s`);
    const [socket] = await once(server, 'connection') as [sockets.SeqpacketSocket];
    const [ours, theirs] = await Promise.all([converse(socket), other.ended]);
    assert.deepEqual([ours, JSON.parse(theirs)], [EVERYTHING, EVERYTHING]);
    server.close();
  }));

  test(`${name} listens`, { timeout: 30_000, skip }, () => inDirectory(async (directory) => {
    const other = peer(PEER, name, 'listen', `${directory}/s`);
    await other.listening;
    const socket = new sockets.SeqpacketSocket();
    socket.connect(`${directory}/s`);
    const [ours, theirs] = await Promise.all([converse(socket), other.ended]);
    assert.deepEqual([ours, JSON.parse(theirs)], [EVERYTHING, EVERYTHING]);
  }));

  test(`${name} sends datagrams`, { timeout: 30_000, skip }, () => inDirectory(async (directory) => {
    const [here, there] = [`${directory}/here`, `${directory}/there`];
    const other = peer(PEER, name, 'datagrams', there, here);
    await other.listening;
    const socket = new sockets.DgramSocket();
    socket.bind(here);
    const [ours, theirs] = await Promise.all([echo(socket, there, true), other.ended]);
    assert.deepEqual([ours, JSON.parse(theirs)], [EVERYTHING, EVERYTHING]);
    socket.close();
  }));
}
