// Node's own: a write() for each message, which net hands to the kernel at once.

import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { Inbox } from '../inbox.mjs';
import { nth } from '../messages.mjs';

/** @type {import('../types.js').System} */
export const system = {
  async listen(path) {
    const server = createServer().listen(path);
    await once(server, 'listening');
    return { accepted: once(server, 'connection').then(([socket]) => link(socket)) };
  },

  async connect(path) {
    const socket = createConnection(path);
    await once(socket, 'connect');
    return link(socket);
  },
};

/**
 * @param {import('node:net').Socket} socket
 * @returns {import('../types.js').Link}
 */
function link(socket) {
  const inbox = new Inbox();
  socket.on('data', (chunk) => inbox.take(chunk));
  socket.on('error', (error) => inbox.fail(error));
  return {
    inbox,
    send: (message) => socket.write(message),
    async sendAll(count) {
      for (let number = 0; number < count; number++) {
        if (!socket.write(nth(number))) await once(socket, 'drain');
      }
    },
  };
}
