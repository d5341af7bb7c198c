// Messages in one direction. The receiver looks at each of them and answers once, when the last is there.

import { BYTES, Checker } from '../messages.mjs';
import { SIGNAL } from '../inbox.mjs';

/** @type {import('../types.js').Scenario} */
export const oneway = {
  name: 'node-oneway-64',
  unit: 'messages/s',
  systems: [
    'net',
    'usocket',
    'procwire',
    'ginnel-stream',
    'ginnel-connection',
    'ginnel/usocket',
    'ginnel/procwire',
  ],
  note: "a write() of its own for each message, nobody corks; who is told to wait for 'drain' does so",
  multiple: 1,
  serve: (link, laps) => count(link, laps, (checker, chunk) => checker.check(chunk)),
  ask,
};

/** @type {import('../types.js').Scenario} */
export const packets = {
  name: 'node-packets-64',
  unit: 'messages/s',
  systems: ['node-unix-socket', 'ginnel-seqpacket', 'ginnel/node-unix-socket'],
  note: 'SEQPACKET records, a call of its own for each',
  multiple: 1,
  serve: (link, laps) => count(link, laps, (checker, packet) => checker.checkWhole(packet)),
  ask,
};

/**
 * @param {import('../types.js').Link} link
 * @param {number} laps
 * @param {(checker: Checker, chunk: Buffer) => void} check
 */
async function count(link, laps, check) {
  const checker = new Checker();
  await link.inbox.during((chunk, done) => {
    check(checker, chunk);
    if (checker.bytes > laps * BYTES) throw new Error('more arrived than was sent');
    if (checker.bytes === laps * BYTES) done();
  });
  await link.send(SIGNAL);
}

/**
 * @param {import('../types.js').Link} link
 * @param {number} laps
 */
async function ask(link, laps) {
  await link.sendAll(laps);
  await link.inbox.signalled();
}
