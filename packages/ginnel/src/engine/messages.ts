// What clients, servers and peers have in common: what goes, what it came to, and what arrives.

import { failure, type GinnelError } from '../errors';
import { addon, type Handle } from '../native';
import { carrier, type Item, numbers, room, unpack } from './crossing';
import { Engine, type WaitOptions } from './engine';
import { Request } from './request';
import { Traffic } from './traffic';

/** Kinds of items. */
export const MESSAGE = 0;
export const REQUEST = 1;
export const CANCELLED = 2;
export const JOINED = 3;
export const LEFT = 4;
export const ROLE = 5;
export const TROUBLE = 6;

const WITH_MORE: ReadonlySet<number> = new Set([LEFT]);

export abstract class Messages<Arrival> extends Engine<'messages', Arrival> {
  protected readonly traffic: Traffic;
  readonly #requests = new Map<string, Request>();
  #reads = false;

  protected constructor(handle: Handle<'messages'>) {
    super(addon.messages, handle, 'connection');
    this.traffic = new Traffic(handle, { check: () => this.check(), touch: () => this.touch() });
  }

  /** What an item is to users; `undefined`: nothing. */
  protected abstract arrival(item: Item): Arrival | undefined;

  protected override get size(): number {
    return addon.messages.connections(this.handle).length;
  }

  protected override turned(full: boolean): void {
    this.traffic.settle();
    // Whoever waits for something else would wait for ever.
    if (full && !this.#reads) this.traffic.clear(failure('ERR_GINNEL_LIMIT', NOBODY_TAKES));
    if (this.#requests.size > 0 && this.size === 0) this.#cancelAll();
  }

  protected override ended(why: GinnelError): void {
    this.traffic.clear(why);
    this.#cancelAll();
  }

  protected override arrive(options: WaitOptions | undefined): Promise<Arrival | null> {
    if (!this.#reads && !this.closed) {
      this.#reads = true;
      addon.messages.order(this.handle, 'read');
    }
    return super.arrive(options);
  }

  protected override take(): (Arrival | undefined)[] | null {
    const crossed = addon.messages.arrivals(this.handle, numbers, room, carrier);
    return crossed === null ? null : unpack(crossed, this.besides()).map((item) => this.arrival(item));
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
  #cancelAll(): void {
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
}

/** What whoever asks is told where only messages are taken. */
export const NOT_SERVED = 'requests are not served here';

const NOBODY_TAKES = 'what has arrived fills the inbox, and nobody takes it: receive beside waiting';
