// One end of a protocol of SP: its pipes, and what the ends have in common.

import * as check from '../check';
import { Turning } from '../driver/engine';
import { Looks } from '../driver/looks';
import { Waiters } from '../driver/waiters';
import { numbers, room, unpack } from '../engine/crossing';
import { type CloseOptions, type WaitOptions } from '../engine/messages';
import { aborted, closed, failure, tried } from '../errors';
import { type FdLike, takeOver } from '../fd';
import { addon, type Handle, type Who } from '../native';
import { type SpOptions, spNumbers } from './options';

/** Something that happened to a pipe. */
export type PipeEvent =
  | { readonly type: 'attached'; readonly pipe: number }
  | { readonly type: 'detached' | 'rejected'; readonly pipe: number; readonly reason: string }
  | { readonly type: 'dialFailed'; readonly dialer: number; readonly reason: string; readonly pause: number };

/** Messages that went nowhere, since the beginning. */
export interface Dropped {
  /** Not sent: a pipe's queue was full, or the pipe was lost before all was written. */
  readonly unsent: number;
  /** Not received: the queue was full. */
  readonly unreceived: number;
  /** Came over more hops than are allowed. */
  readonly hops: number;
  /** Answers that nobody waits for any more, and what came where nothing is taken. */
  readonly unwanted: number;
  /** Answers of ours whose pipe is gone. */
  readonly unanswerable: number;
}

/** What crosses as a message or a request. */
export interface Arrived {
  readonly data: Buffer;
  readonly pipe: number;
  /** What a request is answered by. */
  readonly handle: Handle<'request'> | undefined;
}

const REQUEST: ReadonlySet<number> = new Set([1]);

export abstract class End {
  protected readonly handle: Handle<'sp'>;
  readonly #listeners: Handle<'listeners'>;
  readonly #turning: Turning<'sp'>;
  readonly #arrived: Arrived[] = [];
  readonly #waiters = new Waiters<Arrived | null>(() => {});
  readonly #looks = new Looks();

  protected constructor(name: string, options: SpOptions | undefined) {
    [this.handle, this.#listeners] = addon.sp.open(name, spNumbers(options));
    this.#turning = new Turning(addon.sp, this.handle, {
      turned: () => this.#turned(),
      broken: () => this.#end(),
    });
  }

  get closed(): boolean {
    return this.#turning.closed;
  }

  protected check(): void {
    if (this.closed) throw closed('end');
  }

  protected touch(): void {
    this.#turning.touch();
  }

  /**
   * Listens at a URL, at several if it is called again: `ipc://` and a path, `abstract://`, `inproc://`, `tcp://`; `socket://`
   * only says that sockets will be adopted. What it is known by.
   */
  listen(url: string): number {
    this.check();
    const at = check.text(url, 'url');
    const listener = tried('listen', at, () => addon.sp.listen(this.handle, this.#listeners, at));
    this.touch();
    return listener;
  }

  /** The port of a listener at `tcp://`, which the kernel has chosen if it was 0. */
  port(listener: number): number {
    this.check();
    return addon.sp.port(this.handle, this.#listeners, check.whole(listener, 'listener'));
  }

  /** Listens there no more; pipes stay. `false`: it is closed already. */
  closeListener(listener: number): boolean {
    this.check();
    return addon.sp.unlisten(this.handle, this.#listeners, check.whole(listener, 'listener'));
  }

  /** Dials a URL and waits until there is a pipe; from then on it is dialled again whenever that is lost. */
  async dial(url: string, options?: WaitOptions): Promise<number> {
    const dialer = this.keepDialing(url);
    const signal = check.signal(check.options(options).signal);
    try {
      await this.until(() => tried('connect', url, () => addon.sp.dialled(this.handle, dialer)), signal);
      this.check();
      return dialer;
    } catch (error) {
      if (!this.closed) this.hangUp(dialer);
      throw error;
    }
  }

  /** Dials a URL, now and again until there is a pipe, and whenever it is lost. */
  keepDialing(url: string): number {
    this.check();
    const to = check.text(url, 'url');
    const dialer = tried('connect', to, () => addon.sp.dial(this.handle, to));
    this.touch();
    return dialer;
  }

  /** Dials no more, and closes the pipe. */
  hangUp(dialer: number): void {
    this.check();
    addon.sp.hangUp(this.handle, check.whole(dialer, 'dialer'));
    this.touch();
  }

  /** Takes over a connected stream socket of any family. Both sides greet over it at once. The pipe that it will be. */
  adopt(socket: FdLike): number {
    this.check();
    const pipe = takeOver(socket, (fd) => tried('adopt', undefined, () => addon.sp.adopt(this.handle, fd)));
    this.touch();
    return pipe;
  }

  /** What happens to its pipes, from the beginning; of what nobody takes, the last 1,024 are kept. For one at a time. */
  async *events(options?: WaitOptions): AsyncGenerator<PipeEvent, void, void> {
    const signal = check.signal(check.options(options).signal);
    for (;;) {
      let event: PipeEvent | null = null;
      await this.until(() => {
        event = addon.sp.event(this.handle) as PipeEvent | null;
        return event !== null;
      }, signal);
      if (event === null) return;
      yield event;
    }
  }

  /** The pipes that are attached. */
  get pipes(): number[] {
    return this.closed ? [] : addon.sp.pipes(this.handle);
  }

  /** Who is at the other end of a pipe, as recorded when it was made. Not over TCP. */
  peerCredentials(pipe: number): Who {
    this.check();
    return tried('getsockopt', undefined, () => addon.sp.credentials(this.handle, check.whole(pipe, 'pipe')));
  }

  /** Closes a pipe; a dialer dials again. `false`: it is gone already. */
  closePipe(pipe: number): boolean {
    this.check();
    const was = addon.sp.closePipe(this.handle, check.whole(pipe, 'pipe'));
    this.touch();
    return was;
  }

  /** Messages that went nowhere, since the beginning. */
  get dropped(): Dropped {
    this.check();
    return addon.sp.dropped(this.handle) as Dropped;
  }

  /** Waits until the kernel has everything that was sent. What waits for a pipe waits for it here too. */
  async flush(options?: WaitOptions): Promise<void> {
    this.check();
    await this.until(() => addon.sp.flushed(this.handle), check.signal(check.options(options).signal));
  }

  #turned(): void {
    this.turned();
    if (this.#waiters.length > 0) this.#pull();
    this.#looks.turned();
  }

  /** What an end has to see to of its own after a turn, and when it is closed. */
  protected turned(): void {}

  /** Looks until it is so, or it is closed. */
  protected until(look: () => boolean, signal?: AbortSignal): Promise<void> {
    this.touch();
    return this.#looks.wait(() => this.closed || look(), signal);
  }

  /** The next thing that arrives. `null`: it was closed. */
  protected arrive(options: WaitOptions | undefined): Promise<Arrived | null> {
    const next = options === undefined && this.#waiters.length === 0 ? this.#arrived.shift() : undefined;
    // The short way, for whoever takes many.
    return next === undefined ? this.#arriveLater(options) : Promise.resolve(next);
  }

  async #arriveLater(options: WaitOptions | undefined): Promise<Arrived | null> {
    const signal = check.signal(check.options(options).signal);
    if (signal?.aborted) throw aborted(signal);
    if (this.closed) return null;
    const waits = this.#waiters.wait(signal);
    this.#pull();
    return waits;
  }

  #pull(): void {
    while (this.#waiters.length > 0) {
      if (this.#arrived.length === 0 && !this.#cross()) return;
      this.#waiters.settle(this.#arrived.shift() ?? null);
    }
  }

  /** Lets a batch cross. `false`: there was nothing, or others have their turn first. */
  #cross(): boolean {
    if (this.#turning.tires()) return false;
    const items = unpack(addon.sp.arrivals(this.handle, numbers, room), REQUEST);
    for (const { data, connection, beside } of items) {
      this.#arrived.push({ data, pipe: connection, handle: beside as Handle<'request'> | undefined });
    }
    // There is room again.
    if (items.length > 0) this.touch();
    return items.length > 0;
  }

  /**
   * Waits until the kernel has everything that was sent; then listens and dials no more, closes every pipe, and waits until
   * they have ended over there too. What waits for a pipe while there is none is dropped.
   */
  async close(options?: CloseOptions): Promise<void> {
    const drain = check.optional(check.options(options).drain, 'drain', 0, 0x7fffffff) ?? 1000;
    if (this.closed) return;
    addon.sp.drain(this.handle, drain);
    const over = new AbortController();
    const late = setTimeout(() => over.abort(failure('ETIMEDOUT', `it took longer than ${drain} ms, and was closed`)), drain);
    try {
      await this.until(() => this.#windDown(), over.signal);
    } finally {
      clearTimeout(late);
      this.destroy();
    }
  }

  #windDown(): boolean {
    const before = addon.sp.pipes(this.handle).length;
    if (addon.sp.windDown(this.handle)) return true;
    // What was closed only now is so on the next turn.
    if (addon.sp.pipes(this.handle).length !== before) this.touch();
    return false;
  }

  /** Closes it at once. */
  destroy(): void {
    this.#end();
  }

  #end(): void {
    if (this.closed) return;
    this.#turning.close();
    this.turned();
    this.#looks.turned();
    this.#waiters.settleAll(null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {});
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
