// What callers write, and what it is to the socket.

import { bytes } from '../../check';
import { misuse } from '../../errors';
import { call } from '../shared';

/** What one write may be given. */
export interface Message {
  data?: Uint8Array | null | undefined;
  fds?: readonly number[] | null | undefined;
  /** Called with this very object once the kernel has all of it. */
  callback?: ((message: Message) => void) | null | undefined;
}

export type Chunk = string | Uint8Array | readonly number[] | Message;

/** Bytes, and descriptors that go with the first of them. */
export interface Parcel {
  readonly bytes: Uint8Array;
  /** How many bytes they were when they were written: who has transferred them since then has taken them away. */
  readonly size: number;
  readonly fds: readonly number[] | null;
  readonly sent: (() => void) | null;
}

/**
 * What stands in a chunk.
 *
 * @throws What the original tells of bad input, or a TypeError.
 */
function parcelOf(chunk: unknown): Parcel {
  if (chunk instanceof Uint8Array) return parcel(bytes(chunk), null, null);
  if (isArray(chunk)) return parcel(NOTHING, descriptorsOf(chunk), null);
  if (typeof chunk !== 'object' || chunk === null) throw new TypeError(NEITHER);
  const { data, fds, callback }: { data?: unknown; fds?: unknown; callback?: unknown } = chunk;
  if (!data && !fds) throw new TypeError(NEITHER);
  return parcel(data ? bytesOf(data) : NOTHING, fds ? descriptorsOf(fds) : null, callback ? caller(callback, chunk) : null);
}

function parcel(bytes: Uint8Array, fds: readonly number[] | null, sent: (() => void) | null): Parcel {
  return { bytes, size: bytes.length, fds, sent };
}

/** Bytes alone, at least one. */
export function plain(bytes: Uint8Array): Parcel {
  return { bytes, size: Math.max(bytes.length, 1), fds: null, sent: null };
}

/** Bytes that are sent as they are, which is what most writes are. */
export function isPlain(chunk: unknown): chunk is Uint8Array {
  return chunk instanceof Uint8Array && chunk.length !== 0 && !(chunk.buffer instanceof SharedArrayBuffer);
}

function bytesOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return bytes(data);
  throw new TypeError('USocket data needs to be a buffer');
}

function caller(callback: unknown, chunk: object): () => void {
  if (typeof callback !== 'function') throw new TypeError('USocket write callback needs to be a function');
  return () => { callback.call(undefined, chunk); };
}

/** As `parcelOf`, with what it throws as a value: it is told in its turn. */
export function understood(chunk: unknown): Parcel | Error {
  try {
    return parcelOf(chunk);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Descriptors without a byte that could carry them? */
export function lacksBytes({ fds, size }: Parcel): boolean {
  return fds !== null && size === 0;
}

/** One parcel of descriptors that waited for bytes, and the bytes. */
export function joined(waiting: readonly Parcel[], last: Parcel): Parcel {
  const all = [...waiting, last];
  const fds = all.flatMap((one) => one.fds ?? []);
  return parcel(last.bytes, fds, () => { for (const { sent } of all) if (sent !== null) call(sent); });
}

/** Their numbers, each one that a descriptor can have; `null` if there are none. */
export function descriptorsOf(fds: unknown): readonly number[] | null {
  if (!isArray(fds)) throw new TypeError('USocket fds needs to be an array');
  const numbers: number[] = [];
  for (const fd of fds) {
    if (typeof fd !== 'number' || !Number.isInteger(fd)) throw misuse('USocket fds needs to be an array of descriptors');
    if (fd < 0 || fd > 0x7fffffff) throw misuse(`USocket fds: no descriptor has the number ${fd}`, RangeError);
    numbers.push(fd);
  }
  return numbers.length === 0 ? null : numbers;
}

/** As Array.isArray, which says of an unknown value that it is of anything. */
function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

const NOTHING = new Uint8Array(0);
const NEITHER = 'USocket write needs a data or array';
