import { Fd, type Stream } from '../../native';
import { roomToRead, taken } from '../../slab';

/** What one look of the kernel's brought: bytes with the descriptors that came with them, or the end. */
export interface Read {
  readonly data: Buffer | null;
  readonly fds: Came | null;
}

/** Descriptors: numbers, if that was asked for, or what owns them. */
export type Came = readonly number[] | readonly Fd[];

/**
 * What is there now, as far as one room holds it. Its bytes share memory.
 *
 * @throws What the kernel says.
 */
export function readsOf(stream: Stream, asNumbers: boolean): Read[] {
  const count = stream.readMany(roomToRead(), LENGTHS);
  let [bytes, carried] = [0, 0];
  for (let index = 0; index < count; index += 1) {
    bytes += Math.max(LENGTHS[2 * index] ?? 0, 0);
    carried += LENGTHS[2 * index + 1] ?? 0;
  }
  if (count === 1 && bytes > 0 && carried === 0) return [{ data: taken(bytes), fds: null }];
  const all = bytes === 0 ? null : taken(bytes);
  const came: Came = carried === 0 ? [] : asNumbers ? stream.takeFdNumbers() : stream.takeFds();
  const reads: Read[] = [];
  let [at, given] = [0, 0];
  for (let index = 0; index < count; index += 1) {
    const length = LENGTHS[2 * index] ?? 0;
    const own = LENGTHS[2 * index + 1] ?? 0;
    // Less than nothing: the next call throws what went wrong behind the others.
    if (length < 0) break;
    const data = all === null || length === 0 ? null : all.subarray(at, at + length);
    reads.push({ data, fds: own === 0 ? null : came.slice(given, given + own) });
    at += length;
    given += own;
  }
  return reads;
}

/** As numbers, which the caller closes. */
export function numbersOf(came: Came): number[] {
  return came.map((fd) => (typeof fd === 'number' ? fd : fd.take()));
}

/**
 * As objects, which close what nobody takes.
 *
 * @throws EBADF if nothing is open under one of the numbers. All stay the caller's then.
 */
export function owned(came: Came): Fd[] {
  const fds: Fd[] = [];
  try {
    for (const fd of came) fds.push(typeof fd === 'number' ? Fd.adopt(fd) : fd);
  } catch (error) {
    for (const fd of fds) fd.take();
    throw error;
  }
  return fds;
}

/** Two numbers for each look. */
const LENGTHS = new Int32Array(2 * 64);
