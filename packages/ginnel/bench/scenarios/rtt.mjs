// A message there and back, every lap timed. The echo is the very message that came.

import assert from 'node:assert/strict';
import { BYTES, nth } from '../messages.mjs';

/** @type {import('../types.js').Scenario} */
export const rtt = {
  name: 'node-rtt-64',
  unit: 'ns',
  systems: [
    'net',
    'usocket',
    'node-unix-socket',
    'procwire',
    'ginnel-stream',
    'ginnel-connection',
    'ginnel-seqpacket',
    'ginnel/usocket',
    'ginnel/node-unix-socket',
    'ginnel/procwire',
  ],
  note: 'one write for each message; node-unix-socket and ginnel-seqpacket exchange packets',
  multiple: 1,

  serve(link, laps) {
    let left = laps;
    return link.inbox.during((message, done) => {
      left -= 1;
      if (left === 0) done();
      link.send(message);
    });
  },

  async ask(link, laps, note) {
    let lap = 0;
    let before = performance.now();
    const over = link.inbox.during((message, done) => {
      assert.equal(message.length, BYTES, 'a message came back in pieces');
      if (!nth(lap).equals(message)) throw new Error('another message came back');
      const now = performance.now();
      note(now - before);
      before = now;
      lap += 1;
      if (lap === laps) done();
      else link.send(nth(lap));
    });
    link.send(nth(0));
    await over;
  },
};
