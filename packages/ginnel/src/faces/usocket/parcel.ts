// What callers write, and what it is to the socket.

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
  readonly fds: readonly number[] | null;
  readonly sent: (() => void) | null;
}

/**
 * What stands in a chunk.
 *
 * @throws What the original tells of bad input, or a TypeError.
 */
function parcelOf(chunk: unknown): Parcel {
  if (chunk instanceof Uint8Array) return { bytes: chunk, fds: null, sent: null };
  if (isArray(chunk)) return { bytes: NOTHING, fds: descriptorsOf(chunk), sent: null };
  if (typeof chunk !== 'object' || chunk === null) throw new TypeError(NEITHER);
  const { data, fds, callback }: { data?: unknown; fds?: unknown; callback?: unknown } = chunk;
  if (!data && !fds) throw new TypeError(NEITHER);
  return { bytes: bytesOf(data || NOTHING), fds: fds ? descriptorsOf(fds) : null, sent: callback ? caller(callback, chunk) : null };
}

function bytesOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
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
export function lacksBytes(parcel: Parcel): boolean {
  return parcel.fds !== null && parcel.bytes.length === 0;
}

/** One parcel of descriptors that waited for bytes, and the bytes. */
export function joined(waiting: readonly Parcel[], last: Parcel): Parcel {
  const all = [...waiting, last];
  return {
    bytes: last.bytes,
    fds: all.flatMap((parcel) => parcel.fds ?? []),
    sent: () => { for (const { sent } of all) if (sent !== null) call(sent); },
  };
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
