// What takes in connections, one for each who waits for one; what nobody waits for waits with the kernel.

import * as check from '../check';
import { each } from '../driver/iterate';
import { Waiters } from '../driver/waiters';
import { Waits } from '../driver/watch';
import { aborted, closed, explained } from '../errors';
import { Fd, refuseWithout } from '../fd';
import { type Came, type Watched } from '../native';

/** What the addon's sockets that listen have in common. */
export interface NativeAcceptor<C extends Came> extends Watched {
  readonly fd: number;
  accept(): C;
  detach(): number;
  close(): void;
}

export abstract class Acceptor<S, C extends Came = Came> {
  readonly #native: NativeAcceptor<C>;
  readonly #make: (came: C) => S;
  readonly #waits: Waits;
  readonly #waiters = new Waiters<S | null>(() => this.#readIfWanted());
  #closed = false;

  protected constructor(native: NativeAcceptor<C>, make: (came: C) => S) {
    this.#native = native;
    this.#make = make;
    this.#waits = new Waits(native, () => this.#ready());
  }

  /** The number of its descriptor, -1 once it is closed. */
  get fd(): number {
    return this.#closed ? -1 : this.#native.fd;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Waits for the next connection. `null`: it was closed. */
  async accept(options?: { signal?: AbortSignal }): Promise<S | null> {
    const signal = check.signal(check.options(options).signal);
    if (signal?.aborted) throw aborted(signal);
    if (this.#closed) return null;
    this.#waits.forRead(true);
    return this.#waiters.wait(signal);
  }

  #ready(): void {
    while (this.#waiters.length > 0 && !this.#closed) {
      try {
        const came = this.#native.accept();
        if (came === -1) break;
        if (typeof came === 'number' && came < -1) {
          // No descriptors are left, for now.
          this.#waits.forRead(false);
          this.#waits.forTime(-2 - came);
          return;
        }
        this.#waiters.settle(this.#make(came));
      } catch (error) {
        this.#waiters.fail(explained(error, 'accept'));
      }
    }
    this.#readIfWanted();
  }

  #readIfWanted(): void {
    if (this.#waiters.length > 0) this.#waits.forRead(true);
    else this.#waits.pauseRead();
  }

  /** Gives away the socket that listens: to another process, for instance. A name that it owns is given up. */
  detach(): Fd {
    refuseWithout();
    return this.end(() => Fd.adopt(this.#native.detach()));
  }

  /** Takes in nobody any more. Whoever waits gets `null`. */
  close(): void {
    if (!this.#closed) this.end(() => this.#native.close());
  }

  /** Ends it here. @internal */
  protected end<T>(end: () => T): T {
    if (this.#closed) throw closed('listener');
    this.#closed = true;
    this.#waits.close();
    const ended = end();
    this.#waiters.settleAll(null);
    return ended;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<S> {
    return each(() => this.accept());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** It keeps the process alive while somebody waits, as it does unless told otherwise. */
  ref(): this {
    this.#waits.ref();
    return this;
  }

  unref(): this {
    this.#waits.unref();
    return this;
  }
}
