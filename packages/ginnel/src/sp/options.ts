// Options of the ends of SP, as the list of numbers that the addon reads: what was not given is no number.

import * as check from '../check';
import { type Bound, flag, length } from '../engine/options';

/** The defaults are nng's, and where nng has no bound there is one. */
export interface SpOptions {
  /** Largest message that is accepted, with its header, in bytes: 1 GiB. 0: any. */
  largestMessage?: number;
  /** Most hops that a message may have come over, from 1 to 15: 8. */
  hops?: number;
  /** Messages that wait to be sent beside what a pipe has taken: of a `Pub`, a `Bus` and a `Surveyor` for each pipe. */
  sendQueue?: number;
  /** Messages that wait to be received where more are dropped: of a `Sub`, a `Bus` and each survey. */
  receiveQueue?: number;
  /** How much may wait to be received where nothing is dropped: 1 MiB and 1,024 messages. */
  inbox?: Bound;
  /** Of a full `Sub`: drop the oldest message, or what has just come. The oldest. */
  preferNew?: boolean;
  /** After how many milliseconds a `Req` asks again: 60,000. `Infinity`: never; a request fails when its pipe is lost. */
  resendAfter?: number;
  /** How long a survey is open, in milliseconds: 1,000. */
  surveyTime?: number;
  /** Requests, or surveys, that may be open at the same time: 16,384. */
  openRequests?: number;
  /** How long a dialer pauses at most before it dials again, in milliseconds: 1,000. */
  redial?: number;
  /** Lets that pause double with each failure, up to this. It does not. */
  redialUpTo?: number;
  /** How long the other side may take to greet, in milliseconds: 10,000. `Infinity`: for ever. */
  greetingDeadline?: number;
  /** How long a message that was begun may take to go on, in milliseconds: 30,000. `Infinity`: for ever. */
  progressDeadline?: number;
  /** Permission bits of its socket files: 0o600. */
  mode?: number;
}

export function spNumbers(options: SpOptions | undefined): number[] {
  const given = check.options(options);
  const inbox = check.options(given.inbox);
  const list: (number | undefined)[] = [
    check.optional(given.largestMessage, 'largestMessage'),
    check.optional(given.hops, 'hops', 1, 15),
    check.optional(given.sendQueue, 'sendQueue', 0, 1 << 20),
    check.optional(given.receiveQueue, 'receiveQueue', 0, 1 << 20),
    check.optional(inbox.bytes, 'inbox.bytes'),
    check.optional(inbox.messages, 'inbox.messages'),
    check.optional(inbox.fds, 'inbox.fds'),
    given.preferNew === undefined ? undefined : flag(given.preferNew, 'preferNew'),
    length(given.resendAfter, 'resendAfter'),
    length(given.surveyTime, 'surveyTime'),
    check.optional(given.openRequests, 'openRequests', 1),
    length(given.redial, 'redial'),
    length(given.redialUpTo, 'redialUpTo'),
    length(given.greetingDeadline, 'greetingDeadline'),
    length(given.progressDeadline, 'progressDeadline'),
    check.optional(given.mode, 'mode', 0, 0o7777),
  ];
  return list.map((number) => number ?? NaN);
}
