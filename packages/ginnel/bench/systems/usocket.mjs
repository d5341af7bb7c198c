// usocket, or what replaces it. Its write() returns nothing, so the stream is asked whether it wants a pause.

import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { Inbox } from '../inbox.mjs';
import { nth } from '../messages.mjs';

/**
 * @param {import('../types.js').USockets} usocket
 * @returns {import('../types.js').System}
 */
export function over({ USocket, UServer }) {
  return {
    async listen(path) {
      const server = new UServer();
      server.listen(path);
      await once(server, 'listening');
      return { accepted: once(server, 'connection').then(([socket]) => link(socket)) };
    },

    async connect(path) {
      const socket = new USocket(path);
      await once(socket, 'connected');
      return link(socket);
    },
  };
}

/**
 * @param {import('../types.js').USocket} socket
 * @returns {import('../types.js').FdLink<number>}
 */
function link(socket) {
  const inbox = new Inbox();
  /** @type {import('../types.js').FdLink<number>} */
  const link = {
    inbox,
    send: (message) => socket.write(message),
    sendFd: (message, fd) => socket.write({ data: message, fds: [fd] }),
    passed: () => undefined,
    number: (fd) => fd,
    close: (fd) => closeSync(fd),
    async sendAll(count) {
      for (let number = 0; number < count; number++) {
        socket.write(nth(number));
        if (socket.writableNeedDrain) await once(socket, 'drain');
      }
    },
  };
  // Nobody but read() takes descriptors out of its queue, which otherwise grows.
  socket.on('fds', () => link.passed(socket.read(0, null)?.fds ?? []));
  socket.on('data', (chunk) => inbox.take(chunk));
  socket.on('error', (error) => inbox.fail(error));
  return link;
}
