// What callers give is looked at once, here, and is plain afterwards: nothing of theirs runs while the addon works.

import { misuse } from './errors';

/** Bytes to be sent: text as UTF-8, views of any kind as they are. */
export function bytes(data: unknown): Buffer {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  if (Buffer.isBuffer(data) && data.length !== 0 && !isShared(data.buffer)) return data;
  if (!ArrayBuffer.isView(data)) throw misuse('data must be a string, a Buffer or another view of bytes');
  const { buffer, byteOffset, byteLength } = data;
  // Others may write to shared memory meanwhile: what is sent is what is here now.
  if (isShared(buffer)) return Buffer.from(Buffer.from(buffer, byteOffset, byteLength));
  if (byteLength === 0 && isDetached(buffer)) throw misuse('the bytes were transferred to somebody else');
  return Buffer.from(buffer, byteOffset, byteLength);
}

function isShared(buffer: ArrayBufferLike): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer;
}

function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

export function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw misuse(`${name} must be a string`);
  return value;
}

/** A whole number between two bounds. */
export function whole(value: unknown, name: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || Number.isNaN(value)) throw misuse(`${name} must be a number`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw misuse(`${name} must be a whole number from ${least} to ${most}, and is ${value}`, RangeError);
  }
  return value;
}

/** A whole number that may be left out. */
export function optional(value: unknown, name: string, least = 0, most = Number.MAX_SAFE_INTEGER): number | undefined {
  return value === undefined ? undefined : whole(value, name, least, most);
}

export function signal(value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  if (!(value instanceof AbortSignal)) throw misuse('signal must be an AbortSignal');
  return value;
}

/** Options: an object, or nothing. */
export function options<T extends object>(value: T | undefined): Partial<T> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null) throw misuse('options must be an object');
  return value;
}
