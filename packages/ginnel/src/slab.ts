// Where reads go. One room for the whole thread: what is read into it is copied out if it is small, and handed on as it is
// if it is large, with a new room in its place.

const ROOM = 64 << 10;
/** From here on the room is handed on. */
const LARGE = ROOM / 4;

let room = Buffer.allocUnsafeSlow(ROOM);

/** Room for one read. It is used up before anything else runs. */
export function roomToRead(): Buffer {
  return room;
}

/** What was read into the room, to keep. */
export function taken(bytes: number): Buffer {
  if (bytes < LARGE) return copy(room, 0, bytes);
  const read = room.subarray(0, bytes);
  room = Buffer.allocUnsafeSlow(ROOM);
  return read;
}

/** A part of a room, to keep. Small ones share memory that Node has for that. */
export function copy(from: Uint8Array, start: number, end: number): Buffer {
  const kept = Buffer.allocUnsafe(end - start);
  kept.set(start === 0 && end === from.length ? from : from.subarray(start, end));
  return kept;
}
