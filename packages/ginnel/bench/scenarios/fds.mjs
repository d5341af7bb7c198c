// One descriptor of /dev/null with each message; the receiver closes it.
//
// The server answers every window of them, and the client goes no further ahead than fits into the socket's buffer:
// usocket loses descriptors that meet a full one.

import assert from 'node:assert/strict';
import { fstatSync, openSync, statSync } from 'node:fs';
import { BYTES, Checker, nth } from '../messages.mjs';
import { SIGNAL } from '../inbox.mjs';

const WINDOW = 64;
/** Windows that may be under way. Linux has room for 277 small messages. */
const AHEAD = 4;
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
    const windows = laps / WINDOW;
    for (let window = 0; window < windows; window++) {
      if (window >= AHEAD) await link.inbox.signalled();
      const from = window * WINDOW;
      for (let number = from; number < from + WINDOW; number++) link.sendFd(nth(number), passed);
    }
    await link.inbox.signalled(Math.min(windows, AHEAD));
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
