// One open connection of this face: writes that wait for room, up to a limit, and one end that always comes.

import type { Stream } from '../../stream';
import { Backlog, fileAddress } from '../shared';
import { TransportError } from './errors';
import { after } from './numbers';
import { isWindows } from './platform';

/** How many bytes may wait for the kernel, unless said otherwise. */
export const DEFAULT_MAX_BUFFERED = 64 * 1024 * 1024;
/** How long an orderly end may take before the connection is cut. */
const PATIENCE = 1000;

/** Whom a connection tells what happens to it. */
export interface Owner {
  data(chunk: Buffer): void;
  /** It broke; `closed` follows. */
  failed(cause: Error): void;
  /** It is over: the last call, and there is exactly one. */
  closed(): void;
}

/** A connected stream and the writes that wait for it. */
export class Link {
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
  readonly #stream: Stream;
  readonly #backlog: Backlog;
  #ending = false;
  #open = true;
  #stopPatience = (): void => undefined;

  constructor(stream: Stream, limit: number, owner: Owner) {
    this.#stream = stream;
    this.#backlog = new Backlog(limit);
    this.closed = new Promise((resolve) => {
      stream.once('close', () => {
        this.#open = false;
        this.#stopPatience();
        owner.closed();
        resolve();
      });
    });
    // The core ends its side when the peer has ended, once what waits has gone out, as Node's own sockets do.
    stream.on('data', (chunk: Buffer) => owner.data(chunk));
    stream.on('error', (error: Error) => owner.failed(error));
  }

  /** Whether our side is ended, by `end` or because the peer has ended: nothing more can be written. */
  get ending(): boolean {
    return this.#ending || this.#stream.writableEnded;
  }

  /**
   * Resolves when the kernel has all of `data`. Rejects at once, and sends nothing, if other writes wait and the limit
   * would be passed; a single write may be of any size.
   */
  async write(data: Uint8Array | string): Promise<void> {
    const bytes = bytesOf(data);
    if (this.ending) throw new TransportError('Write failed: write after end');
    if (bytes.length === 0) return;
    if (!this.#backlog.hasRoomFor(bytes.length)) throw backlogFull(this.#backlog);
    this.#backlog.add(bytes.length);
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(bytes, (error) => {
        this.#backlog.remove(bytes.length);
        if (error) reject(new TransportError(`Write failed: ${error.message}`, error));
        else resolve();
      });
    });
  }

  /** Ends the connection: first what waits goes out. Resolves when it is over, which is soon in any case. */
  end(): Promise<void> {
    if (this.#open && !this.#ending) {
      this.#ending = true;
      this.#stopPatience = after(PATIENCE, () => this.#stream.destroy());
      this.#stream.end();
    }
    return this.closed;
  }
}

function bytesOf(data: Uint8Array | string): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  if (data instanceof Uint8Array) return data;
  throw new TypeError('data must be a Buffer, a Uint8Array or a string');
}

function backlogFull({ length, limit }: Backlog): TransportError {
  const cause = Object.assign(new Error('too many bytes wait to be written: await the writes before'), {
    code: 'ERR_GINNEL_BACKLOG',
  });
  return new TransportError(`Write refused: ${length} bytes wait, ${limit} may`, cause);
}

/**
 * `path` as the core spells addresses: on Windows as it is, the name of a pipe. Elsewhere a zero byte in front makes it an
 * abstract name, as in the original.
 */
export function coreAddress(path: string): string {
  if (isWindows()) return path;
  return path.startsWith('\0') ? `@${path.slice(1)}` : fileAddress(path);
}

/** What went wrong in a system call, in the words that Node's own sockets use for it. */
export function wordsOf(error: unknown, call: 'connect' | 'listen', path: string): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || code.startsWith('ERR_')) return error.message;
  const meaning = MEANINGS[code];
  return call === 'connect' || meaning === undefined
    ? `${call} ${code} ${path}`
    : `${call} ${code}: ${meaning} ${path}`;
}

const MEANINGS: Partial<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'address already in use',
  ENAMETOOLONG: 'name too long',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EROFS: 'read-only file system',
};
