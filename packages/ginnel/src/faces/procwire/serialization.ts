// Values as bytes.

import { SerializationError, toError } from './errors';

/** Turns values into bytes and back. */
export interface SerializationCodec<T = unknown> {
  /** A short name, such as `json`. */
  readonly name: string;
  /** Such as `application/json`. */
  readonly contentType: string;
  serialize(data: T): Buffer;
  deserialize(buffer: Buffer): T;
}

/** Options of `JsonCodec`, as `JSON.stringify` and `JSON.parse` know them. */
export interface JsonCodecOptions {
  replacer?: ((key: string, value: unknown) => unknown) | undefined;
  reviver?: ((key: string, value: unknown) => unknown) | undefined;
  space?: number | string | undefined;
}

/** JSON in UTF-8. That the bytes hold a `T` is the caller's promise, as with `JSON.parse`. */
export class JsonCodec<T = unknown> implements SerializationCodec<T> {
  readonly name = 'json';
  readonly contentType = 'application/json';
  readonly #options: JsonCodecOptions;

  constructor(options: JsonCodecOptions = {}) {
    this.#options = { ...options };
  }

  serialize(value: T): Buffer {
    let text: string | undefined;
    try {
      text = JSON.stringify(value, this.#options.replacer, this.#options.space);
    } catch (error) {
      throw new SerializationError(`Failed to serialize value to JSON: ${toError(error).message}`, error);
    }
    // What JSON.stringify returns for undefined, functions and symbols.
    if (text === undefined) {
      throw new SerializationError(`Failed to serialize value to JSON: there is no JSON for ${typeof value}`);
    }
    return Buffer.from(text, 'utf8');
  }

  deserialize(buffer: Buffer): T {
    try {
      const value: T = JSON.parse(buffer.toString('utf8'), this.#options.reviver);
      return value;
    } catch (error) {
      throw new SerializationError(`Failed to deserialize JSON: ${toError(error).message}`, error);
    }
  }
}

/** Bytes that are bytes already: nothing is copied. */
export class RawCodec implements SerializationCodec<Buffer> {
  readonly name = 'raw';
  readonly contentType = 'application/octet-stream';

  serialize(value: Buffer): Buffer {
    return value;
  }

  deserialize(buffer: Buffer): Buffer {
    return buffer;
  }
}

const byName = new Map<string, SerializationCodec>();
const byContentType = new Map<string, SerializationCodec>();

/** Codecs that the whole program finds by name or by content type. */
export class CodecRegistry {
  /** SerializationError if the name or the content type is taken. */
  static register(codec: SerializationCodec): void {
    const { name, contentType } = codec;
    const sameName = byName.get(name);
    if (sameName !== undefined) {
      throw new SerializationError(
        `Codec with name '${name}' is already registered (content type: '${sameName.contentType}')`,
      );
    }
    const sameType = byContentType.get(contentType);
    if (sameType !== undefined) {
      throw new SerializationError(
        `Codec with content type '${contentType}' is already registered (name: '${sameType.name}')`,
      );
    }
    byName.set(name, codec);
    byContentType.set(contentType, codec);
  }

  /** Whether there was one. */
  static unregister(name: string): boolean {
    const codec = byName.get(name);
    if (codec === undefined) return false;
    byContentType.delete(codec.contentType);
    return byName.delete(name);
  }

  static get(name: string): SerializationCodec | undefined {
    return byName.get(name);
  }

  static getByContentType(contentType: string): SerializationCodec | undefined {
    return byContentType.get(contentType);
  }

  /** The names, in the order of registration. */
  static list(): string[] {
    return [...byName.keys()];
  }

  /** Forgets all; for tests. */
  static resetForTests(): void {
    byName.clear();
    byContentType.clear();
  }
}
