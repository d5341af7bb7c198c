// Our face of usocket and the package itself, in a process each, talk with each other.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

import * as usocket from 'ginnel/usocket';

import { inDirectory, installed, peer } from './faces/support';
import { converse, EVERYTHING } from './faces/usocket_peer';

const PEER = join(__dirname, 'faces', 'usocket_peer.js');

for (const name of ['usocket', 'ginnel/usocket'] as const) {
  const skip = name === 'usocket' && !installed(name);

  test(`${name} connects`, { timeout: 30_000, skip }, () => inDirectory(async (directory) => {
    const server = new usocket.UServer();
    server.listen(`${directory}/s`);
    await once(server, 'listening');
    const other = peer(PEER, name, 'connect', `${directory}/s`);
    const [socket] = await once(server, 'connection') as [usocket.USocket];
    const [ours, theirs] = await Promise.all([converse(socket), other.ended]);
    assert.deepEqual([ours, JSON.parse(theirs)], [EVERYTHING, EVERYTHING]);
    server.close();
  }));

  test(`${name} listens`, { timeout: 30_000, skip }, () => inDirectory(async (directory) => {
    const other = peer(PEER, name, 'listen', `${directory}/s`);
    await other.listening;
    const socket = new usocket.USocket(`${directory}/s`);
    await once(socket, 'connected');
    const [ours, theirs] = await Promise.all([converse(socket), other.ended]);
    assert.deepEqual([ours, JSON.parse(theirs)], [EVERYTHING, EVERYTHING]);
  }));
}
