// What clients, servers and peers have in common: what goes, what it came to, and what arrives.

import * as check from '../check';
import { Turning } from '../driver/engine';
import { Looks } from '../driver/looks';
import { Waiters } from '../driver/waiters';
import { aborted, closed, explained, failure, type GinnelError } from '../errors';
import { duplicates, type FdLike, numbers as fdNumbers } from '../fd';
import { addon, type Fd, type Handle } from '../native';
import { carrier, type Item, numbers, room, unpack } from './crossing';
import { type Blocked, BlockedQueue, type Outcome, SentQueue } from './ledger';
import { Request } from './request';

export interface SendOptions {
  /** Descriptors that go with it. They stay the caller's. */
  fds?: readonly FdLike[];
  /** Gives up waiting. What is not queued yet is not sent then. */
  signal?: AbortSignal;
}

export interface CallOptions extends SendOptions {
  /** Gives up after so many milliseconds: ETIMEDOUT. The other side is told that its answer is not wanted any more. */
  timeout?: number;
}

export interface CloseOptions {
  /** How long all of it may take, in milliseconds: 1,000 unless told otherwise. */
  drain?: number;
}

export interface WaitOptions {
  signal?: AbortSignal;
}

/** What an answer is. */
export interface Answer {
  data: Buffer;
  fds: Fd[];
}

/** Kinds of items. */
export const MESSAGE = 0;
export const REQUEST = 1;
export const CANCELLED = 2;
export const JOINED = 3;
export const LEFT = 4;
export const ROLE = 5;
export const TROUBLE = 6;
const UNANSWERED = 1;

const WITH_WHY: ReadonlySet<number> = new Set([UNANSWERED]);
const WITH_MORE: ReadonlySet<number> = new Set([LEFT]);

/** What is kept of one connection. */
class Lane {
  readonly sent = new SentQueue();
  readonly blocked = new BlockedQueue();
  readonly calls = new Map<number, Outcome<Answer>>();

  get isEmpty(): boolean {
    return this.sent.isEmpty && this.blocked.isEmpty && this.calls.size === 0;
  }

  clear(error: Error): void {
    this.blocked.clear(error);
    this.sent.clear(error);
    for (const { reject } of this.calls.values()) reject(error);
    this.calls.clear();
  }
}

export abstract class Messages<Arrival> {
  protected readonly handle: Handle<'messages'>;
  readonly #turning: Turning<'messages'>;
  readonly #lanes = new Map<number, Lane>();
  readonly #arrived: (Arrival | Error | null)[] = [];
  readonly #waiters = new Waiters<Arrival | null>(() => {});
  readonly #requests = new Map<string, Request>();
  /** Those who wait for something else. */
  readonly #looks = new Looks();
  #reads = false;

  protected constructor(handle: Handle<'messages'>) {
    this.handle = handle;
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

  #lane(to: number): Lane {
    const known = this.#lanes.get(to);
    if (known !== undefined) return known;
    const lane = new Lane();
    this.#lanes.set(to, lane);
    return lane;
  }

  /** Queues a message and waits until the kernel has it. */
  protected sendTo(to: number, data: Uint8Array | string, options: SendOptions | undefined): Promise<void> {
    const { fds, signal } = check.options(options);
    return this.#queue<void>(to, check.bytes(data), fdNumbers(fds), check.signal(signal), (body, carried, outcome) => {
      const id = addon.messages.feed(this.handle, to, body, carried);
      if (id >= 0) this.#lane(to).sent.push(id, outcome);
      return id >= 0;
    });
  }

  /** Queues a message now or not at all. */
  protected trySendTo(to: number, data: Uint8Array | string, options: { fds?: readonly FdLike[] } | undefined): boolean {
    const body = check.bytes(data);
    const carried = fdNumbers(check.options(options).fds);
    this.check();
    if (this.#lanes.get(to)?.blocked.isEmpty === false) return false;
    const queued = addon.messages.feed(this.handle, to, body, carried) >= 0;
    if (queued) this.touch();
    return queued;
  }

  /** Asks, and waits for the answer. */
  protected async callTo(to: number, data: Uint8Array | string, options: CallOptions | undefined): Promise<Answer> {
    const { fds, signal, timeout } = check.options(options);
    const limit = check.optional(timeout, 'timeout', 0, 0x7fffffff);
    const stop = check.signal(signal);
    const over = new AbortController();
    const both = stop === undefined ? over.signal : AbortSignal.any([stop, over.signal]);
    let asked = -1;
    const forget = (): void => {
      if (asked < 0 || !this.#lane(to).calls.delete(asked) || this.closed) return;
      addon.messages.forget(this.handle, to, asked);
      this.touch();
    };
    const timer = limit === undefined ? undefined : setTimeout(() => {
      over.abort(failure('ETIMEDOUT', `no answer within ${limit} ms`));
    }, limit);
    const heard = limit === undefined ? stop : both;
    heard?.addEventListener('abort', forget, { once: true });
    try {
      return await this.#queue<Answer>(to, check.bytes(data), fdNumbers(fds), heard, (body, carried, outcome) => {
        asked = addon.messages.ask(this.handle, to, body, carried);
        if (asked >= 0) this.#lane(to).calls.set(asked, outcome);
        return asked >= 0;
      });
    } finally {
      clearTimeout(timer);
      heard?.removeEventListener('abort', forget);
    }
  }

  /** Tries it, and lets it wait for room if there is none. */
  #queue<T>(
    to: number,
    data: Buffer,
    fds: readonly number[] | null,
    signal: AbortSignal | undefined,
    attempt: (data: Buffer, fds: readonly number[] | null, outcome: Outcome<T>) => boolean,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) throw aborted(signal);
      this.check();
      const lane = this.#lane(to);
      if (signal === undefined) {
        this.#tryOrWait(lane, data, fds, { resolve, reject }, attempt);
        return;
      }
      const abort = (): void => {
        if (waiting !== null) lane.blocked.remove(waiting);
        reject(aborted(signal));
      };
      const heard = <A extends unknown[]>(told: (...with_: A) => void) => (...with_: A): void => {
        signal.removeEventListener('abort', abort);
        told(...with_);
      };
      signal.addEventListener('abort', abort, { once: true });
      const waiting = this.#tryOrWait(lane, data, fds, { resolve: heard(resolve), reject: heard(reject) }, attempt);
    });
  }

  #tryOrWait<T>(
    lane: Lane,
    data: Buffer,
    fds: readonly number[] | null,
    outcome: Outcome<T>,
    attempt: (data: Buffer, fds: readonly number[] | null, outcome: Outcome<T>) => boolean,
  ): Blocked | null {
    this.touch();
    try {
      if (lane.blocked.isEmpty && attempt(data, fds, outcome)) return null;
    } catch (error) {
      outcome.reject(explained(error, 'send'));
      return null;
    }
    const refused = lane.blocked.refusal(data.length, (text) => failure('ERR_GINNEL_LIMIT', text));
    if (refused !== null) {
      outcome.reject(refused);
      return null;
    }
    const kept = duplicates(fds);
    const again = (): boolean => attempt(data, kept?.map((fd) => fd.number) ?? null, outcome);
    const blocked: Blocked = { data, fds: kept, attempt: again, reject: outcome.reject };
    lane.blocked.push(blocked);
    return blocked;
  }

  /** After every turn: what has come of what waits. */
  #turned(full: boolean): void {
    this.#settle();
    if (this.#waiters.length > 0) this.#pull();
    if (full && !this.#reads) this.#refuseToWait();
    this.#looks.turned();
  }

  #settle(): void {
    if (this.#lanes.size === 0) return;
    this.#tellAnswers();
    this.#tellFailures();
    for (const [to, lane] of this.#lanes) {
      if (!lane.sent.isEmpty) this.#tellSent(to, lane);
      // Only what went is seen to at once: for the others the loop has to come round.
      if (lane.blocked.proceed()) this.touch();
      if (lane.isEmpty) this.#lanes.delete(to);
    }
  }

  #tellSent(to: number, lane: Lane): void {
    const upTo = addon.messages.sentUpTo(this.handle, to);
    if (upTo < 0) lane.sent.clear(failure('ERR_GINNEL_STOPPED', 'that connection is gone'));
    else lane.sent.passed(upTo);
  }

  #tellAnswers(): void {
    for (;;) {
      const items = unpack(addon.messages.answers(this.handle, numbers, room, carrier), WITH_WHY);
      for (const { kind, connection, id, data, fds, beside } of items) {
        const calls = this.#lanes.get(connection)?.calls;
        const waiting = calls?.get(id);
        calls?.delete(id);
        if (waiting === undefined) fds.forEach((fd) => fd.close());
        else if (kind !== UNANSWERED) waiting.resolve({ data, fds });
        else waiting.reject(withData(explained(beside, 'call'), data));
      }
      if (items.length === 0) return;
    }
  }

  #tellFailures(): void {
    const failed = addon.messages.failures(this.handle);
    for (let at = 0; at + 2 < failed.length; at += 3) {
      const [connection, id, error] = failed.slice(at, at + 3);
      if (typeof connection === 'number' && typeof id === 'number') {
        this.#lanes.get(connection)?.sent.failed(id, explained(error, 'send'));
      }
    }
  }

  /** The inbox is full and nobody takes anything out of it: whoever waits for something else would wait for ever. */
  #refuseToWait(): void {
    const why = failure('ERR_GINNEL_LIMIT', 'what has arrived fills the inbox, and nobody takes it: receive beside waiting');
    for (const lane of this.#lanes.values()) lane.clear(why);
    this.#lanes.clear();
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
    const request = new Request(data, fds, connection, (failed, said, options) => {
      this.#requests.delete(key);
      return this.#answer({ connection, id, failed }, said, options);
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

  /** Whoever asked has gone. */
  protected gone(connection: number): void {
    for (const [key, request] of this.#requests) {
      if (request.from !== connection) continue;
      request.cancel();
      this.#requests.delete(key);
    }
  }

  async #answer(to: { connection: number; id: number; failed: boolean }, data: Buffer, fds: readonly number[] | null): Promise<void> {
    if (this.closed) return;
    await this.#queue<void>(LANE_OF_ANSWERS, data, fds, undefined, (body, carried, outcome) => {
      const queued = addon.messages.answer(this.handle, to.connection, to.id, to.failed, body, carried);
      if (queued) outcome.resolve();
      return queued;
    });
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
    this.#settle();
    this.#turning.close();
    for (const lane of this.#lanes.values()) lane.clear(why);
    this.#lanes.clear();
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

/** An error of the other side's, with what it said. */
function withData(error: GinnelError, data: Buffer): GinnelError {
  return data.length === 0 ? error : Object.assign(error, { data });
}

const DRAIN = 1000;

/** What whoever asks is told where only messages are taken. */
export const NOT_SERVED = 'requests are not served here';

/** Answers wait for room in a row of their own: no connection has this number. */
const LANE_OF_ANSWERS = -1;
