// As much of CBOR as kyneta 1.8 writes: whole numbers, text, bytes, lists, maps, true, false and null.

export type Cbor = number | string | boolean | null | Uint8Array | readonly Cbor[] | CborMap;
export interface CborMap { readonly [key: string]: Cbor | undefined }

export function encode(value: Cbor): Buffer {
  if (value === null) return Buffer.of(0xf6);
  if (typeof value === 'boolean') return Buffer.of(value ? 0xf5 : 0xf4);
  if (typeof value === 'number') return head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (isList(value)) return Buffer.concat([head(4, value.length), ...value.map(encode)]);
  const entries = Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [encode(key), encode(inner)]));
  return Buffer.concat([head(5, entries.length / 2), ...entries]);
}

/** The one value that these bytes are. */
export function decode(bytes: Uint8Array): Cbor {
  const reader = { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 };
  const value = read(reader);
  if (reader.at !== bytes.length) throw new Error('bytes are left over');
  return value;
}

function isList(value: readonly Cbor[] | CborMap): value is readonly Cbor[] {
  return Array.isArray(value);
}

function head(major: number, value: number): Buffer {
  const first = major << 5;
  if (value < 24) return Buffer.of(first | value);
  if (value < 0x100) return Buffer.of(first | 24, value);
  const long = Buffer.alloc(value < 0x10000 ? 3 : 5);
  long[0] = first | (value < 0x10000 ? 25 : 26);
  long.writeUIntBE(value, 1, long.length - 1);
  return long;
}

interface Reader { readonly bytes: Buffer; at: number }

function read(reader: Reader): Cbor {
  const first = take(reader, 1)[0] ?? 0;
  if (first === 0xf4 || first === 0xf5) return first === 0xf5;
  if (first === 0xf6) return null;
  const value = argument(reader, first & 31);
  switch (first >> 5) {
    case 0: return value;
    case 2: return new Uint8Array(take(reader, value));
    case 3: return take(reader, value).toString('utf8');
    case 4: return Array.from({ length: Math.min(value, reader.bytes.length) }, () => read(reader));
    case 5: return map(reader, value);
    default: throw new Error(`0x${first.toString(16)} is not understood`);
  }
}

function map(reader: Reader, size: number): CborMap {
  const entries: [string, Cbor][] = [];
  for (let n = 0; n < size; n++) {
    const key = read(reader);
    if (typeof key !== 'string') throw new Error('a key is not text');
    entries.push([key, read(reader)]);
  }
  return Object.fromEntries(entries);
}

function argument(reader: Reader, low: number): number {
  if (low < 24) return low;
  const size = [1, 2, 4][low - 24];
  if (size === undefined) throw new Error('an indefinite or longer length');
  const value = take(reader, size).readUIntBE(0, size);
  if (value < 24) throw new Error('a number that is longer than it has to be');
  return value;
}

function take(reader: Reader, length: number): Buffer {
  if (reader.at + length > reader.bytes.length) throw new Error('the bytes end too early');
  reader.at += length;
  return reader.bytes.subarray(reader.at - length, reader.at);
}
