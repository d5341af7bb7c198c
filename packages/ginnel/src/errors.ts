// Errors, as Node's own look: `code`, and of the system's `errno`, `syscall` and `path` too.

import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

export interface GinnelError extends Error {
  /** The name of an errno, or ERR_GINNEL_ and what rule it is. */
  code: string;
  errno?: number;
  syscall?: string;
  path?: string;
}

/** On Windows Node has numbers of its own. */
const numbersOf: Readonly<Record<string, number>> = process.platform === 'win32'
  ? Object.fromEntries([...getSystemErrorMap()].map(([number, [name]]) => [name, -number]))
  : constants.errno;

/** An error of the addon's, with what was tried where. The message is Node's: `connect ENOENT /run/app.sock`. */
export function explained(error: unknown, syscall: string, path?: string): GinnelError {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') {
    return Object.assign(error instanceof Error ? error : new Error(String(error)), { code: 'ERR_GINNEL_OTHER' });
  }
  const known = error as GinnelError;
  const errno = Object.hasOwn(numbersOf, known.code) ? numbersOf[known.code] : undefined;
  if (errno !== undefined && known.errno === undefined) {
    known.errno = -errno;
    known.message = `${syscall} ${known.code}${path === undefined ? '' : ` ${path}`}`;
    known.syscall = syscall;
  }
  if (path !== undefined && known.path === undefined) known.path = path;
  return known;
}

/** Does this, and explains what goes wrong. */
export function tried<T>(syscall: string, path: string | undefined, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw explained(error, syscall, path);
  }
}

/** An error of the package's own. */
export function failure(code: string, message: string, cause?: unknown): GinnelError {
  const error = cause === undefined ? new Error(message) : new Error(message, { cause });
  return Object.assign(error, { code });
}

/** This system has nothing of the kind. */
export function unsupported(fact: string): GinnelError {
  return failure('ERR_GINNEL_UNSUPPORTED', fact);
}

/** A mistake of the caller's. */
export function misuse(message: string, Kind: TypeErrorConstructor | RangeErrorConstructor = TypeError): GinnelError {
  const code = Kind === RangeError ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE';
  return Object.assign(new Kind(message), { code });
}

export function closed(what: string): GinnelError {
  return failure('ERR_GINNEL_CLOSED', `the ${what} is closed`);
}

/** What an aborted signal is told by: its own reason, as everywhere in Node. */
export function aborted(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  if (reason instanceof Error) return reason;
  const error = new Error('The operation was aborted', { cause: reason });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}
