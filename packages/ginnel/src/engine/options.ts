// Options of engines, as the list of numbers that the addon reads: what was not given is no number.

import * as check from '../check';
import { misuse } from '../errors';

/** How frames are written. Both sides must agree. */
export type Wire = 'native' | 'raw' | 'length-prefixed' | 'lines' | 'kyneta';

const WIRES: readonly string[] = ['native', 'raw', 'length-prefixed', 'lines', 'kyneta'];

/** How much may be held. */
export interface Bound {
  bytes?: number;
  messages?: number;
  fds?: number;
}

export interface ConnectionOptions {
  /** `native` unless told otherwise: the one that has requests, descriptors and pings. */
  wire?: Wire;
  /** Largest message that is accepted, in bytes; on the native wire 64 KiB at least. 16 MiB unless told otherwise. */
  largestMessage?: number;
  /** Most descriptors of one message that are accepted, up to 253; on the native wire 16 at least, as unless told otherwise. */
  mostFds?: number;
  /** How much may be queued to be sent: 1 MiB and 1,024 messages unless told otherwise. */
  queue?: Bound;
  /** How much may arrive before somebody takes it: as much. */
  inbox?: Bound;
  /** How long the other side may take to greet, in milliseconds: 5,000. `Infinity`: for ever. */
  greetingDeadline?: number;
  /** How long a message that was begun may pause, in milliseconds: 30,000. `Infinity`: for ever. */
  progressDeadline?: number;
  /** Pings the other side after so many milliseconds of silence; after twice as many it counts as hung. Not unless given. */
  keepAlive?: number;
}

export interface PauseOptions {
  /** The first pause after a failed attempt, which doubles from there, in milliseconds: 20 unless told otherwise. */
  pause?: number;
  /** The longest: 1,000 unless told otherwise. */
  longestPause?: number;
}

export interface ClientOptions extends ConnectionOptions, PauseOptions {
  /** How many attempts in a row may fail: any number unless told otherwise. With 1 it does not come back. */
  attempts?: number;
}

export interface ServerOptions extends ConnectionOptions {
  /** Bytes that may wait to be sent to all connections together: 64 MiB unless told otherwise. */
  total?: number;
  /** Bytes that may wait for one connection before answers to it fail: 16 MiB unless told otherwise. */
  answers?: number;
}

export interface PeerOptions extends ConnectionOptions, PauseOptions {
  /** What others see it by: 255 bytes at most. */
  name?: string;
  /** What it has to say to whoever it is connected with, before anything else: 16 KiB at most. */
  data?: Uint8Array | string;
  /** May one of those who connect keep a duplicate of the listening socket, so that nobody is refused while it changes? Yes. */
  standby?: boolean;
  /** As `total` of a server, while it listens. */
  total?: number;
  /** Permission bits of the socket file: 0o600 unless told otherwise. */
  mode?: number;
  /** Who may connect beside what permissions say: `same-user`, `uid:1000`, `gid:100`, `anyone`, comma separated. */
  allow?: string;
  /** Gives up joining. */
  signal?: AbortSignal;
}

/** How many places the list has. */
const PLACES = 19;

export function connectionNumbers(options: ConnectionOptions | undefined): number[] {
  const given = check.options(options);
  const list = new Array<number>(PLACES).fill(NaN);
  const set = (at: number, value: number | undefined): void => {
    if (value !== undefined) list[at] = value;
  };
  set(0, wireNumber(given.wire));
  set(1, check.optional(given.largestMessage, 'largestMessage', 1));
  set(2, check.optional(given.mostFds, 'mostFds', 0, 253));
  for (const [at, name, bound] of [[3, 'queue', given.queue], [6, 'inbox', given.inbox]] as const) {
    const { bytes, messages, fds } = check.options(bound);
    set(at, check.optional(bytes, `${name}.bytes`));
    set(at + 1, check.optional(messages, `${name}.messages`));
    set(at + 2, check.optional(fds, `${name}.fds`));
  }
  set(9, length(given.greetingDeadline, 'greetingDeadline'));
  set(10, length(given.progressDeadline, 'progressDeadline'));
  if (given.keepAlive !== undefined) set(11, check.whole(given.keepAlive, 'keepAlive', 1, 0x7fffffff));
  return list;
}

export function clientNumbers(options: ClientOptions | undefined): number[] {
  const list = connectionNumbers(options);
  const { attempts } = check.options(options);
  setPauses(list, options);
  if (attempts !== undefined) list[14] = check.whole(attempts, 'attempts', 1, 0xffffffff);
  return list;
}

export function serverNumbers(options: ServerOptions | undefined): number[] {
  const list = connectionNumbers(options);
  const { total, answers } = check.options(options);
  if (total !== undefined) list[15] = check.whole(total, 'total');
  if (answers !== undefined) list[16] = check.whole(answers, 'answers');
  return list;
}

export function peerNumbers(options: PeerOptions | undefined): number[] {
  const list = connectionNumbers(options);
  const { total, standby, mode } = check.options(options);
  setPauses(list, options);
  if (total !== undefined) list[15] = check.whole(total, 'total');
  if (standby !== undefined) list[17] = flag(standby, 'standby');
  if (mode !== undefined) list[18] = check.whole(mode, 'mode', 0, 0o7777);
  return list;
}

function setPauses(list: number[], options: PauseOptions | undefined): void {
  const { pause, longestPause } = check.options(options);
  list[12] = length(pause, 'pause') ?? NaN;
  list[13] = length(longestPause, 'longestPause') ?? NaN;
}

/** Milliseconds; `Infinity` is one of them. */
export function length(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || Number.isNaN(value)) throw misuse(`${name} must be a number of milliseconds`);
  if (value < 0) throw misuse(`${name} must not be negative, and is ${value}`, RangeError);
  return value;
}

export function flag(value: unknown, name: string): number {
  if (typeof value !== 'boolean') throw misuse(`${name} must be true or false`);
  return value ? 1 : 0;
}

function wireNumber(wire: unknown): number | undefined {
  if (wire === undefined) return undefined;
  const at = WIRES.indexOf(check.text(wire, 'wire'));
  if (at < 0) throw misuse(`wire must be one of ${WIRES.join(', ')}`, RangeError);
  return at;
}
