// Connection: messages in frames. trySend() for each, and send() for one that its queue has no room for.

import { Connection, Stream } from 'ginnel';
import { Inbox } from '../inbox.mjs';
import { nth } from '../messages.mjs';

/** @type {import('../types.js').System} */
export const system = {
  async listen(path) {
    const listener = Stream.listen(path);
    return {
      accepted: listener.accept().then((stream) => link(Connection.over(/** @type {Stream} */ (stream).detach()))),
    };
  },
  connect: async (path) => link(await Connection.connect(path)),
};

/**
 * @param {Connection} connection
 * @returns {import('../types.js').FdLink<import('ginnel').Fd>}
 */
function link(connection) {
  const inbox = new Inbox();
  /** @type {import('../types.js').FdLink<import('ginnel').Fd>} */
  const link = {
    inbox,
    send: (message) => connection.send(message),
    sendFd: (message, fd) => connection.send(message, { fds: [fd] }),
    passed: () => undefined,
    number: (fd) => fd.number,
    close: (fd) => fd.close(),
    async sendAll(count) {
      for (let number = 0; number < count; number++) {
        if (!connection.trySend(nth(number))) await connection.send(nth(number));
      }
    },
  };
  async function receive() {
    for await (const delivery of connection) {
      if (delivery.type !== 'message') throw new Error('nobody has asked');
      if (delivery.fds.length > 0) link.passed(delivery.fds);
      inbox.take(delivery.data);
    }
  }
  receive().catch((error) => inbox.fail(error));
  return link;
}
