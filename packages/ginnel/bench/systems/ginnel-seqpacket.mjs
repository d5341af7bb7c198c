// SeqPacket: trySend() for each packet, and send() for one that the kernel does not take at once.

import { SeqPacket } from 'ginnel';
import { Inbox } from '../inbox.mjs';
import { nth } from '../messages.mjs';

/** @type {import('../types.js').System} */
export const system = {
  async listen(path) {
    const listener = SeqPacket.listen(path);
    return { accepted: listener.accept().then((socket) => link(/** @type {SeqPacket} */ (socket))) };
  },
  connect: async (path) => link(await SeqPacket.connect(path)),
};

/**
 * @param {SeqPacket} socket
 * @returns {import('../types.js').FdLink<import('ginnel').Fd>}
 */
function link(socket) {
  const inbox = new Inbox();
  /** @type {import('../types.js').FdLink<import('ginnel').Fd>} */
  const link = {
    inbox,
    send: (message) => socket.send(message),
    sendFd: (message, fd) => socket.send(message, { fds: [fd] }),
    passed: () => undefined,
    number: (fd) => fd.number,
    close: (fd) => fd.close(),
    async sendAll(count) {
      for (let number = 0; number < count; number++) {
        if (!socket.trySend(nth(number))) await socket.send(nth(number));
      }
    },
  };
  async function receive() {
    for await (const { data, fds } of socket) {
      if (fds.length > 0) link.passed(fds);
      inbox.take(data);
    }
  }
  receive().catch((error) => inbox.fail(error));
  return link;
}
