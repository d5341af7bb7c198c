// What the faces have in common.

import { constants } from 'node:os';

import { failure } from '../errors';

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
  if (Buffer.byteLength(path) >= ROOM_FOR_PATH) {
    throw Object.assign(failure('ENAMETOOLONG', tooLong), { errno: -constants.errno.ENAMETOOLONG });
  }
  return fileAddress(path);
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

/** Calls what a user gave. What it throws is thrown where nothing of ours stands half done. */
export function call(action: () => void): void {
  try {
    action();
  } catch (error) {
    process.nextTick(() => { throw error; });
  }
}

/** As many bytes as the name of a socket has room for, with the zero behind it. */
const ROOM_FOR_PATH = 108;
