// One end of a protocol of SP: its pipes, and what the ends have in common.

import * as check from '../check';
import { numbers, room, unpack } from '../engine/crossing';
import { type CloseOptions, Engine, type WaitOptions } from '../engine/engine';
import { tried } from '../errors';
import { type FdLike, takeOver } from '../fd';
import { addon, type Handle, type Who } from '../native';
import { type SpOptions, spNumbers } from './options';
import { Stream } from '../stream';

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

export abstract class End extends Engine<'sp', Arrived> {
  readonly #listeners: Handle<'listeners'>;

  protected constructor(name: string, options: SpOptions | undefined) {
    const [end, listeners] = addon.sp.open(name, spNumbers(options));
    super(addon.sp, end, 'end');
    this.#listeners = listeners;
  }

  protected override get size(): number {
    return addon.sp.pipes(this.handle).length;
  }

  protected override take(): Arrived[] {
    const items = unpack(addon.sp.arrivals(this.handle, numbers, room), REQUEST);
    return items.map(({ data, connection, beside }) => {
      return { data, pipe: connection, handle: beside as Handle<'request'> | undefined };
    });
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

  /**
   * Takes over a connected stream socket: a `Stream`, or a descriptor of any family. Both sides greet over it at once. The
   * pipe that it will be.
   */
  adopt(socket: Stream | FdLike): number {
    this.check();
    const pipe = socket instanceof Stream
      ? socket.handOver((native) => tried('adopt', undefined, () => addon.sp.adoptStream(this.handle, native.handle)))
      : takeOver(socket, (fd) => tried('adopt', undefined, () => addon.sp.adopt(this.handle, fd)));
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

  /**
   * Waits until the kernel has everything that was sent; then listens and dials no more, closes every pipe, and waits until
   * they have ended over there too. What waits for a pipe while there is none is dropped.
   */
  close(options?: CloseOptions): Promise<void> {
    return this.takeLeave(options);
  }
}
