// Errors and arguments, as the package `node-unix-socket` has them: the system's words, and here its codes too.

import { constants } from 'node:os';

import { bytes, whole } from '../../check';
import { explained, failure, type GinnelError, misuse } from '../../errors';
import type { Backlog } from '../shared';

/** An error of the addon's: the message is what the system says, and `code`, `errno`, `syscall` tell it apart. */
export function systemError(error: unknown, syscall: string, path?: string): GinnelError {
  const words = error instanceof Error ? error.message : '';
  const known = explained(error, syscall, path);
  if (known.code === 'EADDRINUSE') known.message = 'Address already in use';
  else if (known.errno !== undefined && words !== '') known.message = words.charAt(0).toUpperCase() + words.slice(1);
  return known;
}

/** What the system would say. */
export function refusal(code: keyof typeof constants.errno, words: string, syscall: string): GinnelError {
  return Object.assign(failure(code, words), { errno: -constants.errno[code], syscall });
}

/** What nothing can be done with any more. */
export function over(words: string): GinnelError {
  return failure('ERR_GINNEL_CLOSED', words);
}

/** So much waits already that no more is taken. */
export function backlogFull({ length, limit }: Backlog): GinnelError {
  return failure('ERR_GINNEL_BACKLOG', `${length} bytes wait to be sent, ${limit} may`);
}

/** The part of a buffer that is meant: to its end, unless a length is given. */
export function part(buf: unknown, offset: unknown, length: unknown): Uint8Array {
  if (!(buf instanceof Uint8Array)) throw misuse('buf must be a Buffer');
  const from = offset === undefined || offset === null ? 0 : whole(offset, 'offset', 0, buf.length);
  const left = buf.length - from;
  const size = length === undefined || length === null ? left : whole(length, 'length', 0, left);
  return bytes(size === buf.length ? buf : buf.subarray(from, from + size));
}

/** A callback, which may be left out. */
export function callback<C>(given: C | null | undefined, name: string): C | null {
  if (given === undefined || given === null) return null;
  if (typeof given !== 'function') throw misuse(`${name} must be a function`);
  return given;
}
