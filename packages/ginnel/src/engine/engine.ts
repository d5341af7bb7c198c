// What everything that runs on an engine has in common: it is turned, something arrives, it takes leave.

import * as check from '../check';
import { Turning } from '../driver/engine';
import { Looks } from '../driver/looks';
import { Waiters } from '../driver/waiters';
import { aborted, closed, explained, failure, type GinnelError } from '../errors';
import { type Handle } from '../native';
import { type TurnTable } from './addon';

export interface WaitOptions {
  signal?: AbortSignal;
}

export interface CloseOptions {
  /** How long all of it may take, in milliseconds: 1,000 unless told otherwise. */
  drain?: number;
}

export abstract class Engine<T extends string, Arrival> {
  protected readonly handle: Handle<T>;
  readonly #table: TurnTable<T>;
  readonly #turning: Turning<T>;
  readonly #what: string;
  /** `null`: nothing more will come. */
  readonly #arrived: (Arrival | Error | null)[] = [];
  readonly #waiters = new Waiters<Arrival | null>(() => {});
  /** Those who wait for something else. */
  readonly #looks = new Looks();

  /** `what` it is called where it is told that it is closed. */
  protected constructor(table: TurnTable<T>, handle: Handle<T>, what: string) {
    this.#table = table;
    this.handle = handle;
    this.#what = what;
    this.#turning = new Turning(table, handle, {
      turned: (full) => this.#turned(full),
      broken: (error) => this.#end(explained(error, 'epoll_wait')),
    });
  }

  /** What has arrived, as one batch; `null`: nothing more will. */
  protected abstract take(): (Arrival | undefined)[] | null;
  /** With how many it is connected. */
  protected abstract get size(): number;
  /** What is to be seen to after every turn, before whoever waits is. `full`: nothing is read before something is taken. */
  protected turned(_full: boolean): void {}
  /** It has ended: whoever waits for something of its own is told why. */
  protected ended(_why: GinnelError): void {}

  /** Was it closed? */
  get closed(): boolean {
    return this.#turning.closed;
  }

  protected check(): void {
    if (this.closed) throw closed(this.#what);
  }

  /** Something was asked: it is seen to at the end of this tick. */
  protected touch(): void {
    this.#turning.touch();
  }

  #turned(full: boolean): void {
    this.turned(full);
    if (this.#waiters.length > 0) this.#pull();
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
    if (!this.closed && this.#turning.tires()) return false;
    try {
      const batch = this.closed ? null : this.take();
      if (batch === null) {
        this.#arrived.push(null);
        return true;
      }
      for (const arrival of batch) if (arrival !== undefined) this.#arrived.push(arrival);
      // There is room again.
      if (batch.length > 0) this.touch();
      return batch.length > 0;
    } catch (error) {
      this.#arrived.push(explained(error, 'recv'));
      return true;
    }
  }

  /** Takes leave: what is queued is sent, and the other side has ended too, or the time is up. */
  protected async takeLeave(options: CloseOptions | undefined, begin?: () => void): Promise<void> {
    const drain = check.optional(check.options(options).drain, 'drain', 0, 0x7fffffff) ?? DRAIN;
    if (this.closed) return;
    this.#table.drain(this.handle, drain);
    begin?.();
    const over = new AbortController();
    const late = setTimeout(() => over.abort(failure('ETIMEDOUT', `it took longer than ${drain} ms, and was closed`)), drain);
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
      }, over.signal);
    } finally {
      clearTimeout(late);
      this.destroy();
    }
    if (first !== null) throw first;
  }

  #windDown(): boolean {
    const before = this.size;
    if (this.#table.windDown(this.handle)) return true;
    // The goodbye to whoever was taken leave of waits for a turn.
    if (this.size !== before) this.touch();
    return false;
  }

  /** Ends it at once: what waits to be sent is given up, and whoever waits is told. */
  destroy(): void {
    this.#end(closed(this.#what));
  }

  #end(why: GinnelError): void {
    if (this.closed) return;
    this.turned(false);
    this.#turning.close();
    this.ended(why);
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
