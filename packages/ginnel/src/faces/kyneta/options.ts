// Checks what users pass in. Each option is read once, so that what was checked is what is used.

import { misuse } from '../../errors';
import type { ReconnectOptions } from './reconnect';

export interface Limits {
  /** The longest body of a frame that is accepted, in bytes; a connection that announces more is ended. 256 MiB. */
  maxFrameLength?: number;
  /** How much may wait for the other side to read, in bytes; then the connection is ended. 1 GiB. */
  maxQueuedLength?: number;
  /** How long a connection that is being closed waits for the other side to take something, in milliseconds. 5,000. */
  closeTimeout?: number;
}

/** Who may connect, as of a `Listener`. */
export interface Access {
  /** Permission bits of the socket file. 0o600 */
  mode?: number;
  /** Who may connect beside what the permissions say: `same-user`, `uid:1000`, `gid:100`, `anyone`, comma separated. */
  allow?: string;
}

export type CheckedLimits = Required<Limits>;

export function checkObject(value: unknown, what: string): asserts value is object {
  if (typeof value !== 'object' || value === null) throw misuse(`${what} must be an object, not ${show(value)}`);
}

export function checkPath(value: unknown, what = 'options.path'): string {
  if (typeof value !== 'string') throw misuse(`${what} must be a string, not ${show(value)}`);
  if (value === '' || value.includes('\0')) {
    throw misuse(`${what} must not be empty or contain a zero byte`, RangeError);
  }
  return value;
}

export function checkFunction<F>(value: F | undefined, what: string): F | undefined {
  if (value !== undefined && typeof value !== 'function') {
    throw misuse(`${what} must be a function, not ${show(value)}`);
  }
  return value;
}

export function checkFlag(value: unknown, standard: boolean, what: string): boolean {
  if (value === undefined) return standard;
  if (typeof value !== 'boolean') throw misuse(`${what} must be a boolean, not ${show(value)}`);
  return value;
}

/** A number that is not negative. `Infinity` is one. */
export function checkNumber(value: unknown, standard: number, what: string): number {
  if (value === undefined) return standard;
  if (typeof value !== 'number') throw misuse(`${what} must be a number, not ${show(value)}`);
  if (!(value >= 0)) throw misuse(`${what} must not be negative, ${value} was given`, RangeError);
  return value;
}

export function checkLimits(options: Limits): CheckedLimits {
  const { maxFrameLength, maxQueuedLength, closeTimeout } = options;
  return {
    maxFrameLength: checkNumber(maxFrameLength, 256 * MIB, 'options.maxFrameLength'),
    maxQueuedLength: checkNumber(maxQueuedLength, 1024 * MIB, 'options.maxQueuedLength'),
    closeTimeout: checkNumber(closeTimeout, 5000, 'options.closeTimeout'),
  };
}

export function checkAccess({ mode, allow }: Access): Access {
  checkNumber(mode, 0, 'options.mode');
  if (allow !== undefined && typeof allow !== 'string') throw misuse(`options.allow must be a string, not ${show(allow)}`);
  return { ...(mode === undefined ? {} : { mode }), ...(allow === undefined ? {} : { allow }) };
}

/** Leaves out what was not given, so that defaults show through. */
export function checkReconnect(value: unknown): Partial<ReconnectOptions> {
  if (value === undefined) return {};
  checkObject(value, 'options.reconnect');
  const { enabled, maxAttempts, baseDelay, maxDelay }: Partial<Record<keyof ReconnectOptions, unknown>> = value;
  const checked: Partial<ReconnectOptions> = {};
  if (enabled !== undefined) {
    checked.enabled = checkFlag(enabled, true, 'options.reconnect.enabled');
  }
  if (maxAttempts !== undefined) {
    checked.maxAttempts = checkNumber(maxAttempts, 0, 'options.reconnect.maxAttempts');
  }
  if (baseDelay !== undefined) {
    checked.baseDelay = checkNumber(baseDelay, 0, 'options.reconnect.baseDelay');
  }
  if (maxDelay !== undefined) {
    checked.maxDelay = checkNumber(maxDelay, 0, 'options.reconnect.maxDelay');
  }
  return checked;
}

/** What it is, in a few words and without calling anything of it. */
export function show(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'undefined' ? 'undefined' : `of type ${typeof value}`;
}

const MIB = 1024 * 1024;
