// @procwire/transport, or what replaces it. A transport writes bytes as they are; its promise says that the kernel has
// them. It never refuses, so a window of promises is awaited together.

import { Inbox } from '../inbox.mjs';
import { nth } from '../messages.mjs';

const WINDOW = 64;

/**
 * @param {import('../types.js').Transports} procwire
 * @returns {import('../types.js').System}
 */
export function over({ SocketTransport, SocketServer }) {
  return {
    async listen(path) {
      const server = new SocketServer();
      const accepted = new Promise((resolve) => {
        server.onConnection((transport) => resolve(link(transport)));
      });
      await server.listen(path);
      return { accepted };
    },

    async connect(path) {
      const transport = new SocketTransport({ path });
      await transport.connect();
      return link(transport);
    },
  };
}

/**
 * @param {import('../types.js').Transport} transport
 * @returns {import('../types.js').Link}
 */
function link(transport) {
  const inbox = new Inbox();
  transport.onData((chunk) => inbox.take(chunk));
  transport.on('error', (error) => inbox.fail(error));
  return {
    inbox,
    send: (message) => transport.write(message),
    async sendAll(count) {
      for (let number = 0; number < count; ) {
        const written = [];
        const end = Math.min(number + WINDOW, count);
        for (; number < end; number++) written.push(transport.write(nth(number)));
        await Promise.all(written);
      }
    },
  };
}
