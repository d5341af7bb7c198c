// What the faces have in common.

import { constants } from 'node:os';

import type { Waits } from '../driver/watch';
import { failure, unsupported } from '../errors';
import type { Came, Listener } from '../native';

/** A path as an address of ours. The originals know no other forms of address, so nothing else is read into it. */
export function fileAddress(path: string): string {
  return path.startsWith('/') ? path : `./${path}`;
}

/**
 * As `fileAddress`, for originals that refuse what fits no socket address.
 *
 * @throws An error with this message.
 */
export function literally(path: string, tooLong: string): string {
  unixOnly();
  if (Buffer.byteLength(path) >= ROOM_FOR_PATH) {
    throw Object.assign(failure('ENAMETOOLONG', tooLong), { errno: -constants.errno.ENAMETOOLONG });
  }
  return fileAddress(path);
}

/** Faces that stand on descriptors, or on socket files, are for systems that have them. */
export function unixOnly(): void {
  if (process.platform === 'win32') throw unsupported('this face stands on Unix sockets, and Windows has named pipes');
}

/** The permissions of a file that bind(2) makes. */
export function modeOfBind(): number {
  return 0o777 & ~process.umask();
}

/** Something that will happen unless it is called off. */
export interface Appointment {
  cancel(): void;
}

/**
 * Does something once what is ready now was served: whoever accepts in this thread has accepted by then, as it has when the
 * originals tell that they are connected.
 */
export function whenServed(action: () => void): Appointment {
  let next = setImmediate(() => {
    next = setImmediate(action);
  });
  return { cancel: () => clearImmediate(next) };
}

/** Something that accepts connections, and what becomes of them. */
export interface Acceptance {
  /** Does it still accept? */
  goesOn(): boolean;
  accepted(fd: number): void;
  failed(error: unknown): void;
}

/** Accepts whoever waits, up to a bound for one turn. Without descriptors left, it pauses until `waits` tells the time. */
export function acceptWaiting(listener: Listener, waits: Waits, to: Acceptance): void {
  for (let look = 0; look < LOOKS && to.goesOn(); look += 1) {
    let came: Came;
    try {
      came = listener.accept();
    } catch (error) {
      return to.failed(error);
    }
    // The faces that accept so stand on descriptors: see `unixOnly`.
    if (came === -1 || typeof came !== 'number') return;
    if (came < -1) {
      waits.forRead(false);
      waits.forTime(-2 - came);
      return;
    }
    to.accepted(came);
  }
}

/** How much waits to be sent. Each thing counts a little more than its bytes: very many small ones meet the limit too. */
export class Backlog {
  readonly limit: number;
  #length = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /** One alone may be of any size. */
  hasRoomFor(bytes: number): boolean {
    return this.#length === 0 || this.#length + bytes + COST_OF_ONE <= this.limit;
  }

  add(bytes: number): void {
    this.#length += bytes + COST_OF_ONE;
  }

  remove(bytes: number): void {
    this.#length -= bytes + COST_OF_ONE;
  }
}

/** Calls what a user gave. What it throws is thrown where nothing of ours stands half done. */
export function call(action: () => void): void {
  try {
    action();
  } catch (error) {
    process.nextTick(() => { throw error; });
  }
}

/** What a thing that waits costs beside its bytes. */
const COST_OF_ONE = 128;
/** Connections that are accepted in one turn. */
const LOOKS = 64;
/** As many as may wait for accept(2); the kernel cuts it further. */
export const MOST_WAITING = 65_535;
/** As many bytes as the name of a socket has room for, with the zero behind it. */
const ROOM_FOR_PATH = 108;
