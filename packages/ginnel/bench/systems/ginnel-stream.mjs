// Stream: written to like any Duplex; descriptors go with send().

import { once } from 'node:events';
import { Stream } from 'ginnel';
import { Inbox } from '../inbox.mjs';
import { nth } from '../messages.mjs';

/** @type {import('../types.js').System} */
export const system = {
  async listen(path) {
    const listener = Stream.listen(path);
    return { accepted: listener.accept().then((stream) => link(/** @type {Stream} */ (stream))) };
  },
  connect: async (path) => link(await Stream.connect(path)),
};

/**
 * @param {Stream} stream
 * @returns {import('../types.js').FdLink<import('ginnel').Fd>}
 */
function link(stream) {
  const inbox = new Inbox();
  /** @type {import('../types.js').FdLink<import('ginnel').Fd>} */
  const link = {
    inbox,
    send: (message) => stream.write(message),
    sendFd: (message, fd) => stream.send(message, { fds: [fd] }),
    passed: () => undefined,
    number: (fd) => fd.number,
    close: (fd) => fd.close(),
    async sendAll(count) {
      for (let number = 0; number < count; number++) {
        if (!stream.write(nth(number))) await once(stream, 'drain');
      }
    },
  };
  stream.on('fds', (fds) => link.passed(fds));
  stream.on('data', (/** @type {Buffer} */ chunk) => inbox.take(chunk));
  stream.on('error', (error) => inbox.fail(error));
  return link;
}
