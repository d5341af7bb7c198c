// What clients, servers and peers have in common: what goes, what it came to, and what arrives.

import * as check from '../check';
import { Turning } from '../driver/engine';
import { Looks } from '../driver/looks';
import { Waiters } from '../driver/waiters';
import { aborted, closed, explained, failure, type GinnelError } from '../errors';
import { addon, type Handle } from '../native';
import { carrier, type Item, numbers, room, unpack } from './crossing';
import { Request } from './request';
import { Traffic } from './traffic';

export interface CloseOptions {
  /** How long all of it may take, in milliseconds: 1,000 unless told otherwise. */
  drain?: number;
}

export interface WaitOptions {
  signal?: AbortSignal;
}

/** Kinds of items. */
export const MESSAGE = 0;
export const REQUEST = 1;
export const CANCELLED = 2;
export const JOINED = 3;
export const LEFT = 4;
export const ROLE = 5;
export const TROUBLE = 6;

const WITH_MORE: ReadonlySet<number> = new Set([LEFT]);

export abstract class Messages<Arrival> {
  protected readonly handle: Handle<'messages'>;
  readonly #turning: Turning<'messages'>;
  protected readonly traffic: Traffic;
  readonly #arrived: (Arrival | Error | null)[] = [];
  readonly #waiters = new Waiters<Arrival | null>(() => {});
  readonly #requests = new Map<string, Request>();
  /** Those who wait for something else. */
  readonly #looks = new Looks();
  #reads = false;

  protected constructor(handle: Handle<'messages'>) {
    this.handle = handle;
    this.traffic = new Traffic(handle, { check: () => this.check(), touch: () => this.touch() });
    this.#turning = new Turning(addon.messages, handle, {
      turned: (full) => this.#turned(full),
      broken: (error) => this.#end(explained(error, 'epoll_wait')),
    });
  }

  /** Was it closed? */
  get closed(): boolean {
    return this.#turning.closed;
  }

  /** What an item is to users; `undefined`: nothing. */
  protected abstract arrival(item: Item): Arrival | undefined;

  protected touch(): void {
    this.#turning.touch();
  }

  protected check(): void {
    if (this.closed) throw closed('connection');
  }

  /** After every turn: what has come of what waits. */
  #turned(full: boolean): void {
    this.traffic.settle();
    if (this.#waiters.length > 0) this.#pull();
    // Whoever waits for something else would wait for ever.
    if (full && !this.#reads) this.traffic.clear(failure('ERR_GINNEL_LIMIT', NOBODY_TAKES));
    if (this.#requests.size > 0) this.#cancelIfGone();
    this.#looks.turned();
  }

  /** Looks until it is so, or it is closed. */
  protected until(look: () => boolean, signal?: AbortSignal): Promise<void> {
    this.touch();
    return this.#looks.wait(() => this.closed || look(), signal);
  }

  /** The next thing that arrives. `null`: nothing more will. */
  protected arrive(options: WaitOptions | undefined): Promise<Arrival | null> {
    if (options === undefined && this.#waiters.length === 0) {
      const next = this.#arrived[0];
      // The short way, for whoever takes many.
      if (next !== undefined && next !== null && !(next instanceof Error)) {
        this.#arrived.shift();
        return Promise.resolve(next);
      }
    }
    return this.#arriveLater(options);
  }

  async #arriveLater(options: WaitOptions | undefined): Promise<Arrival | null> {
    const signal = check.signal(check.options(options).signal);
    if (signal?.aborted) throw aborted(signal);
    if (!this.#reads && !this.closed) {
      this.#reads = true;
      addon.messages.order(this.handle, 'read');
    }
    const waits = this.#waiters.wait(signal);
    this.#pull();
    return waits;
  }

  #pull(): void {
    while (this.#waiters.length > 0) {
      if (this.#arrived.length === 0 && !this.#cross()) return;
      const next = this.#arrived.shift();
      if (next instanceof Error) this.#waiters.fail(next);
      else if (next !== undefined) this.#waiters.settle(next);
    }
  }

  /** Lets a batch cross. `false`: there was nothing, or others have their turn first. */
  #cross(): boolean {
    if (this.closed) {
      this.#arrived.push(null);
      return true;
    }
    if (this.#turning.tires()) return false;
    try {
      const crossed = addon.messages.arrivals(this.handle, numbers, room, carrier);
      if (crossed === null) {
        this.#arrived.push(null);
        return true;
      }
      const items = unpack(crossed, this.besides());
      for (const item of items) {
        const arrival = this.arrival(item);
        if (arrival !== undefined) this.#arrived.push(arrival);
      }
      // There is room again.
      if (items.length > 0) this.touch();
      return items.length > 0;
    } catch (error) {
      this.#arrived.push(explained(error, 'recv'));
      return true;
    }
  }

  /** Kinds of items that have a value of their own. */
  protected besides(): ReadonlySet<number> {
    return WITH_MORE;
  }

  /** A request that has arrived. */
  protected request({ connection, id, data, fds }: Item): Request {
    const key = `${connection}:${id}`;
    const request = new Request(data, fds, connection, (failed, said, carried) => {
      this.#requests.delete(key);
      return this.closed ? Promise.resolve() : this.traffic.answer({ connection, id, failed }, said, carried);
    });
    this.#requests.set(key, request);
    return request;
  }

  /** It is not wanted any more: whoever works on it is told. */
  protected cancelled({ connection, id }: Item): void {
    const key = `${connection}:${id}`;
    this.#requests.get(key)?.cancel();
    this.#requests.delete(key);
  }

  /** Nobody waits for answers where nobody is connected. */
  #cancelIfGone(): void {
    if (addon.messages.connections(this.handle).length > 0) return;
    for (const request of this.#requests.values()) request.cancel();
    this.#requests.clear();
  }

  /** Whoever asked has gone. */
  protected gone(connection: number): void {
    for (const [key, request] of this.#requests) {
      if (request.from !== connection) continue;
      request.cancel();
      this.#requests.delete(key);
    }
  }

  /** Takes leave: what is queued is sent, and the other side has ended too, or the time is up. */
  protected async takeLeave(options: CloseOptions | undefined, begin?: string): Promise<void> {
    const drain = check.optional(check.options(options).drain, 'drain', 0, 0x7fffffff) ?? DRAIN;
    if (this.closed) return;
    addon.messages.drain(this.handle, drain);
    if (begin !== undefined) addon.messages.order(this.handle, begin);
    const timer = new AbortController();
    const late = setTimeout(() => timer.abort(failure('ETIMEDOUT', `it took longer than ${drain} ms, and was closed`)), drain);
    let first: GinnelError | null = null;
    try {
      await this.until(() => {
        try {
          return this.#windDown();
        } catch (error) {
          first ??= explained(error, 'close');
          this.touch();
          return false;
        }
      }, timer.signal);
    } finally {
      clearTimeout(late);
      this.destroy();
    }
    if (first !== null) throw first;
  }

  #windDown(): boolean {
    const before = addon.messages.connections(this.handle).length;
    if (addon.messages.windDown(this.handle)) return true;
    // The goodbye to whoever was taken leave of waits for a turn.
    if (addon.messages.connections(this.handle).length !== before) this.touch();
    return false;
  }

  /** Ends it at once: what waits to be sent is given up, and whoever waits is told. */
  destroy(): void {
    this.#end(closed('connection'));
  }

  #end(why: GinnelError): void {
    if (this.closed) return;
    this.traffic.settle();
    this.#turning.close();
    this.traffic.clear(why);
    for (const request of this.#requests.values()) request.cancel();
    this.#requests.clear();
    this.#looks.turned();
    this.#waiters.settleAll(null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever wants to know how it ended closes it.
    await this.takeLeave(undefined).catch(() => {});
  }

  /** It keeps the process alive, as it does unless told otherwise. */
  ref(): this {
    this.#turning.ref();
    return this;
  }

  unref(): this {
    this.#turning.unref();
    return this;
  }
}

const DRAIN = 1000;

/** What whoever asks is told where only messages are taken. */
export const NOT_SERVED = 'requests are not served here';

const NOBODY_TAKES = 'what has arrived fills the inbox, and nobody takes it: receive beside waiting';
