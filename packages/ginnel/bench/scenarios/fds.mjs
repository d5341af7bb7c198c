// One descriptor of /dev/null with each message; the receiver closes it.
//
// The server answers every window of them, and the client goes one window ahead: the kernel limits how many
// descriptors a user may have in flight, and usocket drops those that meet a full buffer.

import assert from 'node:assert/strict';
import { fstatSync, openSync, statSync } from 'node:fs';
import { BYTES, Checker, nth } from '../messages.mjs';
import { SIGNAL } from '../inbox.mjs';

const WINDOW = 64;
const PASSED = '/dev/null';

/** @type {import('../types.js').Scenario} */
export const fds = {
  name: 'node-fds',
  unit: 'fds/s',
  systems: ['usocket', 'ginnel-stream', 'ginnel-connection', 'ginnel-seqpacket', 'ginnel/usocket'],
  note: `messages of ${BYTES} bytes with a descriptor each; ginnel-seqpacket sends packets`,
  multiple: WINDOW,

  async serve(link, laps) {
    assertFds(link);
    const checker = new Checker();
    const expected = statSync(PASSED).rdev;
    let received = 0;
    link.passed = (descriptors) => {
      for (const descriptor of descriptors) {
        // A system call for each would cost as much as passing it.
        if (received % WINDOW === 0) assert.equal(fstatSync(link.number(descriptor)).rdev, expected);
        link.close(descriptor);
        received += 1;
      }
    };
    let answered = 0;
    await link.inbox.during((chunk, done) => {
      checker.check(chunk);
      while (checker.bytes >= (answered + WINDOW) * BYTES) {
        answered += WINDOW;
        if (answered === laps) done();
        link.send(SIGNAL);
      }
    });
    assert.equal(received, laps, 'descriptors were lost');
  },

  async ask(link, laps) {
    assertFds(link);
    for (let sent = 0; sent < laps; ) {
      for (const end = sent + WINDOW; sent < end; sent++) link.sendFd(nth(sent), passed);
      if (sent > WINDOW) await link.inbox.signalled();
    }
    await link.inbox.signalled();
  },
};

/**
 * @param {import('../types.js').Link} link
 * @returns {asserts link is import('../types.js').FdLink<unknown>}
 */
function assertFds(link) {
  assert.ok('sendFd' in link, 'this system passes no descriptors');
}

const passed = openSync(PASSED, 'r');
