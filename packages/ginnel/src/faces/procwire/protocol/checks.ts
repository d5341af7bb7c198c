// What both protocols check of a message.

import { ProtocolError } from '../errors';
import type { Invalid, RequestId } from './types';

/** A JSON object whose members nobody has looked at. */
export type Unchecked = Record<string, unknown>;

export function isObject(value: unknown): value is Unchecked {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isId(value: unknown): value is RequestId {
  return typeof value === 'string' || typeof value === 'number';
}

export function isMethod(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0;
}

/** `method`, or a ProtocolError. */
export function checkedMethod(method: string): string {
  if (!isMethod(method)) throw new ProtocolError('Method must be a non-empty string');
  return method;
}

/**
 * `result` as an answer can carry it: JSON would leave these out, and an answer without a result is none. The caller
 * would wait for it until its time is up.
 */
export function answerable(result: unknown): unknown {
  return result === undefined || typeof result === 'function' || typeof result === 'symbol' ? null : result;
}

export function invalid(code: number, message: string, raw: unknown): Invalid {
  return { kind: 'invalid', error: { code, message }, raw };
}
