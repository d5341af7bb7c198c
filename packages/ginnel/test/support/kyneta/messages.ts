// The messages of kyneta 1.8, as an exchange has them and as they stand on the wire, with the numbers that a connection
// gives to documents and schemas.

import type { Cbor, CborMap } from './cbor';

export interface Identity { peerId: string; name?: string; type: string }
export interface Doc { docId: string; replicaType: readonly [string, number, number]; mode: number; schemaHash: string }
export interface Payload { kind: number; encoding: number; data: string | Uint8Array }

export type Message =
  | { type: 'establish'; identity: Identity; features?: { alias?: boolean } }
  | { type: 'depart' }
  | { type: 'present'; docs: readonly Doc[] }
  | { type: 'interest'; docId: string; version?: string; reciprocate?: boolean }
  | { type: 'offer'; docId: string; payload: Payload; version: string; reciprocate?: boolean }
  | { type: 'dismiss'; docId: string };

/** What one direction of a connection calls by number. */
export class Numbers {
  readonly docs: string[] = [];
  readonly schemas: string[] = [];
}

/** Both directions, and whether both sides can use numbers at all. */
export class Aliases {
  readonly ours = new Numbers();
  readonly theirs = new Numbers();
  #we = false;
  #they = false;

  get mutual(): boolean {
    return this.#we && this.#they;
  }

  weCan(can: boolean): void {
    this.#we = can;
  }

  theyCan(can: boolean): void {
    this.#they = can;
  }
}

export class UnknownAlias extends Error {}

export function toWire(message: Message, aliases: Aliases): CborMap {
  switch (message.type) {
    case 'establish': {
      const { identity, features } = message;
      aliases.weCan(features?.alias === true);
      const f = features?.alias === undefined ? undefined : { a: features.alias };
      return { t: 1, id: identity.peerId, n: identity.name, y: identity.type, f };
    }
    case 'depart':
      return { t: 2 };
    case 'present':
      return { t: 16, docs: message.docs.map((doc) => docToWire(doc, aliases)) };
    case 'interest':
      return { t: 17, ...docName(message.docId, aliases), v: message.version, r: message.reciprocate };
    case 'offer': {
      const { kind, encoding, data } = message.payload;
      return { t: 18, pk: kind, pe: encoding, d: data, v: message.version, ...docName(message.docId, aliases), r: message.reciprocate };
    }
    case 'dismiss':
      return { t: 19, ...docName(message.docId, aliases) };
  }
}

function docToWire(doc: Doc, aliases: Aliases): CborMap {
  const a = numberOf(aliases.ours.docs, doc.docId);
  const known = aliases.ours.schemas.indexOf(doc.schemaHash);
  const fixed = { d: doc.docId, a, rt: doc.replicaType, ms: doc.mode };
  if (aliases.mutual && known >= 0) return { ...fixed, shx: known };
  return { ...fixed, sh: doc.schemaHash, sa: numberOf(aliases.ours.schemas, doc.schemaHash) };
}

function numberOf(names: string[], name: string): number {
  return names.includes(name) ? names.indexOf(name) : names.push(name) - 1;
}

function docName(docId: string, aliases: Aliases): CborMap {
  const number = aliases.ours.docs.indexOf(docId);
  return aliases.mutual && number >= 0 ? { dx: number } : { doc: docId };
}

export function fromWire(wire: Cbor, aliases: Aliases): Message {
  const map = new Fields(wire);
  switch (map.number('t')) {
    case 1: {
      const features = map.maybe('f');
      const alias = features === undefined ? undefined : new Fields(features).maybe('a') === true;
      aliases.theyCan(alias === true);
      const name = map.maybeText('n');
      const identity = { peerId: map.text('id'), ...(name === undefined ? {} : { name }), type: map.text('y') };
      return { type: 'establish', identity, ...(alias === undefined ? {} : { features: { alias } }) };
    }
    case 2:
      return { type: 'depart' };
    case 16:
      return { type: 'present', docs: map.list('docs').map((doc) => docFromWire(new Fields(doc), aliases)) };
    case 17:
      return { type: 'interest', docId: named(map, aliases), ...version(map), ...reciprocate(map) };
    case 18: {
      const payload = { kind: map.number('pk'), encoding: map.number('pe'), data: map.data('d') };
      return { type: 'offer', docId: named(map, aliases), payload, version: map.text('v'), ...reciprocate(map) };
    }
    case 19:
      return { type: 'dismiss', docId: named(map, aliases) };
    default:
      throw new Error('an unknown message');
  }
}

function docFromWire(map: Fields, aliases: Aliases): Doc {
  const docId = map.text('d');
  aliases.theirs.docs[map.number('a')] = docId;
  const known = map.maybe('shx');
  const schemaHash = typeof known === 'number' ? aliases.theirs.schemas[known] : map.text('sh');
  if (schemaHash === undefined) throw new UnknownAlias('no schema of this number');
  const given = map.maybe('sa');
  if (typeof given === 'number') aliases.theirs.schemas[given] = schemaHash;
  const [name, major, minor] = map.list('rt');
  if (typeof name !== 'string' || typeof major !== 'number' || typeof minor !== 'number') throw new Error('rt');
  return { docId, replicaType: [name, major, minor], mode: map.number('ms'), schemaHash };
}

function named(map: Fields, aliases: Aliases): string {
  const number = map.maybe('dx');
  const name = typeof number === 'number' ? aliases.theirs.docs[number] : map.text('doc');
  if (name === undefined) throw new UnknownAlias('no document of this number');
  return name;
}

function version(map: Fields): { version?: string } {
  const found = map.maybeText('v');
  return found === undefined ? {} : { version: found };
}

function reciprocate(map: Fields): { reciprocate?: boolean } {
  const found = map.maybe('r');
  return typeof found === 'boolean' ? { reciprocate: found } : {};
}

/** A map of which nothing is known yet. */
class Fields {
  readonly #map: ReadonlyMap<string, Cbor | undefined>;

  constructor(value: Cbor) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      throw new Error('no map');
    }
    this.#map = new Map(Object.entries(value));
  }

  maybe(key: string): Cbor | undefined {
    return this.#map.get(key);
  }

  maybeText(key: string): string | undefined {
    const value = this.maybe(key);
    return typeof value === 'string' ? value : undefined;
  }

  text(key: string): string {
    const value = this.maybe(key);
    if (typeof value !== 'string') throw new Error(`${key} is no text`);
    return value;
  }

  number(key: string): number {
    const value = this.maybe(key);
    if (typeof value !== 'number') throw new Error(`${key} is no number`);
    return value;
  }

  data(key: string): string | Uint8Array {
    const value = this.maybe(key);
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw new Error(`${key} is no data`);
    return value;
  }

  list(key: string): readonly Cbor[] {
    const value = this.maybe(key);
    if (!Array.isArray(value)) throw new Error(`${key} is no list`);
    return [...value];
  }
}
