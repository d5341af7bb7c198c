// Names that others connect to.

import * as check from './check';
import { Waits, type Watcher } from './driver/watch';
import { aborted, closed, explained, tried } from './errors';
import { Fd, type FdLike, takeOver } from './fd';
import { type Kind, Listener as Native, type Published } from './native';

export interface ListenOptions {
  /** Permission bits of the socket file: who may connect. 0o600 unless told otherwise. */
  mode?: number;
  /** Connections that may wait. 4,096 unless told otherwise. */
  backlog?: number;
  /** User and group to give the socket file to. */
  owner?: number;
  group?: number;
  /** Who may connect beside what the permissions say: `same-user`, `uid:1000`, `gid:100`, `anyone`, comma separated. */
  allow?: string;
}

/**
 * Takes in connections, one for each `accept`; what nobody accepts waits with the kernel.
 *
 * Closing it removes the name, if it is still its own.
 */
export class Listener<S> implements Watcher {
  readonly #native: Native;
  readonly #waits: Waits;
  readonly #make: (fd: number) => S;
  readonly #address: string;
  #waiting: Waiting<S>[] = [];
  #closed = false;

  private constructor(native: Native, address: string, make: (fd: number) => S) {
    this.#native = native;
    this.#address = address;
    this.#make = make;
    this.#waits = new Waits(native.fd, this);
  }

  /** @internal */
  static open<S>(kind: Kind, address: string, options: ListenOptions | undefined, make: (fd: number) => S): Listener<S> {
    const path = check.text(address, 'address');
    const given = published(options);
    return new Listener(tried('listen', path, () => Native.open(kind, path, given)), path, make);
  }

  /** @internal */
  static take<S>(kind: Kind, fd: FdLike, options: ListenOptions | undefined, make: (fd: number) => S): Listener<S> {
    const given = published(options);
    const native = takeOver(fd, (number) => tried('adopt', undefined, () => Native.adopt(kind, number, given)));
    return new Listener(native, '', make);
  }

  /** What it was asked to listen at; empty if it was adopted. */
  get address(): string {
    return this.#address;
  }

  get fd(): number {
    return this.#closed ? -1 : this.#native.fd;
  }

  /** Waits for the next connection. `null`: it was closed. */
  accept(options?: { signal?: AbortSignal }): Promise<S | null> {
    return new Promise((resolve, reject) => {
      const signal = check.signal(check.options(options).signal);
      if (signal?.aborted) throw aborted(signal);
      if (this.#closed) {
        resolve(null);
        return;
      }
      const waiting: Waiting<S> = { resolve, reject, signal, abort: () => this.#abort(waiting) };
      signal?.addEventListener('abort', waiting.abort, { once: true });
      this.#waiting.push(waiting);
      this.#waits.forRead(true);
    });
  }

  #abort(waiting: Waiting<S>): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    this.#waits.forRead(this.#waiting.length > 0);
    if (waiting.signal !== undefined) waiting.reject(aborted(waiting.signal));
  }

  #next(): Waiting<S> | undefined {
    const first = this.#waiting.shift();
    first?.signal?.removeEventListener('abort', first.abort);
    return first;
  }

  /** @internal */
  ready(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      let fd: number;
      try {
        fd = this.#native.accept();
      } catch (error) {
        this.#next()?.reject(explained(error, 'accept', this.#address));
        continue;
      }
      if (fd === -1) break;
      if (fd < -1) {
        // No descriptors are left, for now.
        this.#waits.forRead(false);
        this.#waits.forTime(-2 - fd);
        return;
      }
      this.#hand(fd);
    }
    this.#waits.forRead(this.#waiting.length > 0);
  }

  #hand(fd: number): void {
    const waiting = this.#next();
    try {
      waiting?.resolve(this.#make(fd));
    } catch (error) {
      waiting?.reject(explained(error, 'accept', this.#address));
    }
  }

  /** Gives up the name, and gives away the socket that listens: to another process, for instance. */
  detach(): Fd {
    if (this.#closed) throw closed('listener');
    this.#waits.close();
    const fd = Fd.adopt(this.#native.detach());
    this.close();
    return fd;
  }

  /** Takes in nobody any more. Whoever waits gets `null`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waits.close();
    this.#native.close();
    for (let waiting = this.#next(); waiting !== undefined; waiting = this.#next()) waiting.resolve(null);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<S, void, void> {
    for (let next = await this.accept(); next !== null; next = await this.accept()) yield next;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  ref(): this {
    this.#waits.ref();
    return this;
  }

  unref(): this {
    this.#waits.unref();
    return this;
  }
}

interface Waiting<S> {
  resolve(value: S | null): void;
  reject(error: Error): void;
  readonly signal: AbortSignal | undefined;
  readonly abort: () => void;
}

function published(options: ListenOptions | undefined): Published {
  const { mode, backlog, owner, group, allow } = check.options(options);
  return {
    numbers: [
      check.optional(mode, 'mode', 0, 0o7777) ?? -1,
      check.optional(backlog, 'backlog', 0, 0x7fffffff) ?? -1,
      check.optional(owner, 'owner', 0, 0x7fffffff) ?? -1,
      check.optional(group, 'group', 0, 0x7fffffff) ?? -1,
    ],
    allow: allow === undefined ? null : check.text(allow, 'allow'),
  };
}

