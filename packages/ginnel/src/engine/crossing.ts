// Batches that have crossed from the addon: numbers, bodies one behind the other, and what does not fit there.

import { addon, type Fd, owned } from '../native';
import { copy } from '../slab';
import { type Crossed } from './addon';

/** One item of a batch. */
export interface Item {
  readonly kind: number;
  readonly connection: number;
  readonly id: number;
  readonly data: Buffer;
  readonly fds: Fd[];
  /** What else belongs to it, if its kind has something. */
  readonly beside: unknown;
}

const FIELDS = 5;
/** Most items that cross at once. */
const MOST = 64;

/** Where batches are put, one after the other, for all engines of the thread. */
export const numbers = new Float64Array(MOST * FIELDS);
export const room = Buffer.allocUnsafeSlow(64 << 10);
export const carrier = addon.messages.carrier();

/** Takes a batch apart before another one crosses. `besides`: which kinds have a value of their own. */
export function unpack(crossed: Crossed, besides: ReadonlySet<number>): Item[] {
  const count = typeof crossed === 'number' ? crossed : crossed[0];
  let next = 1;
  const value = (): unknown => (typeof crossed === 'number' ? undefined : crossed[next++]);
  const bodies = copy(room, 0, inRoom(count));
  let fds: Fd[] | null = null;
  let at = 0;
  const items: Item[] = [];
  for (let index = 0; index < count; index++) {
    const from = index * FIELDS;
    const kind = numbers[from] ?? 0;
    const bytes = numbers[from + 3] ?? 0;
    const carried = numbers[from + 4] ?? 0;
    const data = bytes < 0 ? asBuffer(value()) : bodies.subarray(at, at + bytes);
    if (bytes > 0) at += bytes;
    if (carried > 0) fds ??= owned(addon.messages.takeFds, carrier);
    items.push({
      kind,
      connection: numbers[from + 1] ?? 0,
      id: numbers[from + 2] ?? 0,
      data,
      fds: carried === 0 ? [] : (fds?.splice(0, carried) ?? []),
      beside: besides.has(kind) ? value() : undefined,
    });
  }
  return items;
}

/** Bytes of all bodies that stand in the room. */
function inRoom(count: number): number {
  let bytes = 0;
  for (let index = 0; index < count; index++) bytes += Math.max(numbers[index * FIELDS + 3] ?? 0, 0);
  return bytes;
}

function asBuffer(value: unknown): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}
