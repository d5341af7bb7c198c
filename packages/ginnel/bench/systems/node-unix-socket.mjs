// node-unix-socket, or what replaces it. Its queue has no bound and write() returns nothing, so the sender goes two
// windows ahead of what the callbacks have confirmed. Callbacks of one flush run in reverse: one for each window.

import { Inbox } from '../inbox.mjs';
import { BYTES, nth } from '../messages.mjs';

const WINDOW = 64;

/**
 * @param {import('../types.js').PacketSockets} sockets
 * @returns {import('../types.js').System}
 */
export function over({ SeqpacketSocket, SeqpacketServer }) {
  return {
    async listen(path) {
      const server = new SeqpacketServer();
      server.listen(path);
      return {
        accepted: new Promise((resolve) => {
          server.on('connection', (socket) => resolve(link(socket)));
        }),
      };
    },

    connect: (path) =>
      new Promise((resolve) => {
        const socket = new SeqpacketSocket();
        socket.connect(path, () => resolve(link(socket)));
      }),
  };
}

/**
 * @param {import('../types.js').PacketSocket} socket
 * @returns {import('../types.js').Link}
 */
function link(socket) {
  const inbox = new Inbox();
  socket.on('data', (packet) => inbox.take(packet));
  socket.on('error', (error) => inbox.fail(error));
  /**
   * @param {number} from
   * @param {number} to
   */
  function sendWindow(from, to) {
    for (let number = from; number < to - 1; number++) socket.write(nth(number));
    return new Promise((resolve) => {
      socket.write(nth(to - 1), 0, BYTES, () => resolve(undefined));
    });
  }
  return {
    inbox,
    send: (message) => socket.write(message),
    async sendAll(count) {
      /** @type {Promise<unknown>} */
      let before = Promise.resolve();
      for (let from = 0; from < count; from += WINDOW) {
        const gone = sendWindow(from, Math.min(from + WINDOW, count));
        await before;
        before = gone;
      }
      await before;
    },
  };
}
