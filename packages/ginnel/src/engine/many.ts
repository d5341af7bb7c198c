// What servers and peers have in common: many connections, each with a number.

import * as check from '../check';
import { each } from '../driver/iterate';
import { explained, type GinnelError, tried } from '../errors';
import { type FdLike } from '../fd';
import { addon, type Fd, type Who } from '../native';
import { type Greeting } from './addon';
import { type Item } from './crossing';
import { type WaitOptions } from './engine';
import { CANCELLED, LEFT, MESSAGE, Messages, REQUEST } from './messages';
import { type Request } from './request';
import { type Answer, type CallOptions, type SendOptions } from './traffic';

/** A message, and whose it is. */
export interface MessageFrom {
  readonly type: 'message';
  readonly from: number;
  readonly data: Buffer;
  readonly fds: Fd[];
}

/** A question, and whose it is. */
export interface AskedBy {
  readonly type: 'request';
  readonly from: number;
  readonly request: Request;
}

/** That one is gone; each that has joined leaves once. */
export interface Left {
  readonly type: 'left';
  readonly from: number;
  readonly reason: GinnelError;
}

export abstract class Many<Own> extends Messages<MessageFrom | AskedBy | Left | Own> {
  /** What only one of them tells. */
  protected abstract own(item: Item): Own | undefined;

  protected override arrival(item: Item): MessageFrom | AskedBy | Left | Own | undefined {
    const { kind, connection: from, data, fds } = item;
    switch (kind) {
      case MESSAGE:
        return { type: 'message', from, data, fds };
      case REQUEST:
        return { type: 'request', from, request: this.request(item) };
      case CANCELLED:
        this.cancelled(item);
        return undefined;
      case LEFT:
        this.gone(from);
        return { type: 'left', from, reason: explained(item.beside, 'recv') };
      default:
        return this.own(item);
    }
  }

  /** The numbers of those who are connected, the oldest first. */
  get connections(): number[] {
    return this.closed ? [] : addon.messages.connections(this.handle);
  }

  /** Sends a message to one. Resolves once the kernel has it; rejects if it cannot be sent. */
  send(to: number, data: Uint8Array | string, options?: SendOptions): Promise<void> {
    return this.traffic.send(target(to), data, options);
  }

  /** Queues a message for one now or not at all. `false`: there is no room. */
  trySend(to: number, data: Uint8Array | string, options?: { fds?: readonly FdLike[] }): boolean {
    return this.traffic.trySend(target(to), data, options);
  }

  /** Asks one, and waits for the answer. Rejects as that of a `Connection`. */
  call(to: number, data: Uint8Array | string, options?: CallOptions): Promise<Answer> {
    return this.traffic.call(target(to), data, options);
  }

  /** Sends the same to everybody who is connected. It waits for nobody: whoever's queue is full misses it. Says who did. */
  broadcast(data: Uint8Array | string): number[] {
    const body = check.bytes(data);
    this.check();
    const missed = addon.messages.broadcast(this.handle, body);
    this.touch();
    return missed;
  }

  /** Waits for the next thing that happens. `null`: it was closed. */
  next(options?: WaitOptions): Promise<MessageFrom | AskedBy | Left | Own | null> {
    return this.arrive(options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<MessageFrom | AskedBy | Left | Own> {
    return each(() => this.next());
  }

  /** Who is at the other end of a connection, as recorded when it was made. */
  credentials(of: number): Who {
    this.check();
    return tried('getsockopt', undefined, () => addon.messages.credentials(this.handle, target(of)));
  }

  /** What the other side of a connection takes, and who it is. */
  greeting(of: number): Greeting | null {
    this.check();
    return addon.messages.greeting(this.handle, target(of));
  }

  /** Takes leave of one: what its link holds is still written. `false`: it is gone already. */
  disconnect(from: number): boolean {
    this.check();
    const left = addon.messages.disconnect(this.handle, target(from));
    this.touch();
    return left;
  }
}

function target(to: number): number {
  return check.whole(to, 'to');
}
