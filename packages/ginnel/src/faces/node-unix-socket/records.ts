// Records come in batches: as many as are there, each with memory of its own before the first is handed on.

import type { Fd } from '../../native';
import { copy } from '../../slab';

interface Source {
  recvMany(into: Uint8Array, lengths: Int32Array, largest: number): number;
  takeFds(): Fd[];
}

/** Stands for a record that was longer than the largest one, and is lost. */
export const TOO_LONG = Symbol('too long');
/** Stands for the end. */
export const END = Symbol('end');
export type Arrival = Buffer | typeof TOO_LONG | typeof END;

/** What is there now. Descriptors that came along are closed: there is nobody to give them to. */
export function arrivals(source: Source, largest: number): Arrival[] {
  const room = roomFor(largest);
  const count = source.recvMany(room, LENGTHS, largest);
  const came: Arrival[] = [];
  let at = 0;
  let carried = 0;
  for (let index = 0; index < count; index += 1) {
    const length = LENGTHS[2 * index] ?? -1;
    carried += LENGTHS[2 * index + 1] ?? 0;
    if (length < 0) {
      // -3 is the last: the next look throws what went wrong.
      if (length !== -3) came.push(length === -1 ? END : TOO_LONG);
    } else {
      came.push(copy(room, at, at + length));
      at += length;
    }
  }
  if (carried > 0) for (const fd of source.takeFds()) fd.close();
  return came;
}

/** One room for the whole thread: nothing of a batch stays in it. */
function roomFor(largest: number): Uint8Array {
  const wanted = largest + BESIDE;
  if (room.length < wanted) room = Buffer.allocUnsafeSlow(wanted);
  return room;
}

/** Records of one turn. */
const MOST = 64;
/** Small records share this much, beside the room that the largest one needs. */
const BESIDE = 64 << 10;
const LENGTHS = new Int32Array(2 * MOST);
let room = Buffer.alloc(0);
