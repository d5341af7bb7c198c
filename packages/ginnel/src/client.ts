// Connections that carry messages, and clients, whose connection comes back.

import * as check from './check';
import { each } from './driver/iterate';
import { connect } from './driver/connect';
import { explained, failure, type GinnelError, tried } from './errors';
import { type Greeting } from './engine/addon';
import { type Item } from './engine/crossing';
import { type CloseOptions, type WaitOptions } from './engine/engine';
import { CANCELLED, Messages, NOT_SERVED, REQUEST } from './engine/messages';
import { type ClientOptions, clientNumbers, type ConnectionOptions, connectionNumbers } from './engine/options';
import { type Request } from './engine/request';
import { type Answer, type CallOptions, type SendOptions } from './engine/traffic';
import { type FdLike, takeOver } from './fd';
import { Listener, type ListenOptions } from './listener';
import { addon, type Fd, type Handle, STREAM, Stream as Native, type Who } from './native';
import { Stream } from './stream';

/** A message that has arrived. */
export interface Message {
  readonly type: 'message';
  readonly data: Buffer;
  readonly fds: Fd[];
}

/** A question that has arrived. */
export interface Asked {
  readonly type: 'request';
  readonly request: Request;
}

export type Delivery = Message | Asked;

/** Where a client stands. */
export type Status =
  | { readonly state: 'disconnected'; readonly reason: GinnelError }
  | { readonly state: 'connecting'; readonly attempt: number }
  | { readonly state: 'connected' }
  | { readonly state: 'reconnecting'; readonly attempt: number; readonly nextIn: number; readonly reason: GinnelError };

/** It has one connection, whatever its number. */
const ONLY = 1;

/** What a connection and a client have in common. */
abstract class One extends Messages<Delivery> {
  protected override arrival(item: Item): Delivery | undefined {
    if (item.kind === REQUEST) return { type: 'request', request: this.request(item) };
    if (item.kind === CANCELLED) {
      this.cancelled(item);
      return undefined;
    }
    return { type: 'message', data: item.data, fds: item.fds };
  }

  /**
   * Sends a message. Resolves once the kernel has it: whoever awaits each is slowed down by a slow reader. Rejects with
   * why it could not be sent.
   */
  send(data: Uint8Array | string, options?: SendOptions): Promise<void> {
    return this.traffic.send(ONLY, data, options);
  }

  /** Queues a message now or not at all. `false`: there is no room. */
  trySend(data: Uint8Array | string, options?: { fds?: readonly FdLike[] }): boolean {
    return this.traffic.trySend(ONLY, data, options);
  }

  /**
   * Asks, and waits for the answer. Rejects with `ERR_GINNEL_FAILURE` and the other side's `data` if that answers with a
   * failure; with `ERR_GINNEL_STOPPED` if the connection is lost: then it is not known whether the question was heard.
   */
  call(data: Uint8Array | string, options?: CallOptions): Promise<Answer> {
    return this.traffic.call(ONLY, data, options);
  }

  /** Waits for the next message or request. `null`: nothing more will come. */
  next(options?: WaitOptions): Promise<Delivery | null> {
    return this.arrive(options);
  }

  /** Waits for the next message; requests that come meanwhile are refused. `null`: nothing more will come. */
  async recv(options?: WaitOptions): Promise<Message | null> {
    for (;;) {
      const next = await this.next(options);
      if (next === null || next.type === 'message') return next;
      await next.request.fail(NOT_SERVED);
    }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Delivery> {
    return each(() => this.next());
  }

  /** Who is at the other end, as recorded when the connection was made. */
  get peerCredentials(): Who {
    this.check();
    return tried('getsockopt', undefined, () => addon.messages.credentials(this.handle, ONLY));
  }

  /** What the other side takes and who it is, once it has greeted; `null` before, and on wires without greetings. */
  get greeting(): Greeting | null {
    this.check();
    return addon.messages.greeting(this.handle, ONLY);
  }

  /** Sends what is queued and a goodbye, and waits until the other side has ended too. */
  close(options?: CloseOptions): Promise<void> {
    return this.takeLeave(options);
  }
}

/** A connection that carries messages, requests and descriptors. It does not come back. */
export class Connection extends One {
  private constructor(handle: Handle<'messages'>) {
    super(handle);
  }

  /** Connects to whoever listens at `address`; pauses up to 50 ms at a time while its queue is full. */
  static async connect(address: string, options?: ConnectionOptions & WaitOptions): Promise<Connection> {
    const list = connectionNumbers(options);
    const signal = check.signal(check.options(options).signal);
    const stream = await connect(STREAM, check.text(address, 'address'), signal, (it) => it.stream());
    return new Connection(addon.messages.adopt(stream.handle, list));
  }

  /** Goes on over a connected stream socket, which it takes over: a `Stream` that has read nothing ahead, or a descriptor. */
  static over(socket: Stream | FdLike, options?: ConnectionOptions): Connection {
    const list = connectionNumbers(options);
    if (socket instanceof Stream) {
      return socket.handOver((native) => new Connection(addon.messages.adopt(native.handle, list)));
    }
    const stream = takeOver(socket, (number) => tried('adopt', undefined, () => Native.adopt(number)));
    return new Connection(addon.messages.adopt(stream.handle, list));
  }

  /** Listens at `address`. A live listener there is never displaced, what a dead one has left is replaced. */
  static listen(address: string, options?: ConnectionOptions & ListenOptions): Listener<Connection> {
    const list = connectionNumbers(options);
    return Listener.open(STREAM, address, options, (came) => {
      return new Connection(addon.messages.adopt(Native.made(came).handle, list));
    });
  }

  /** Two connections with each other. */
  static pair(options?: ConnectionOptions): [Connection, Connection] {
    const list = connectionNumbers(options);
    const [a, b] = tried('socketpair', undefined, () => Native.pair());
    return [new Connection(addon.messages.adopt(a.handle, list)), new Connection(addon.messages.adopt(b.handle, list))];
  }
}

/** A client of an address: it connects, and when the connection is lost it connects again. */
export class Client extends One {
  private constructor(handle: Handle<'messages'>) {
    super(handle);
  }

  /** Begins to connect. What is sent meanwhile waits for the connection. */
  static connect(address: string, options?: ClientOptions): Client {
    const list = clientNumbers(options);
    const to = check.text(address, 'address');
    return new Client(tried('connect', to, () => addon.messages.client(to, list)));
  }

  get status(): Status {
    if (this.closed) return { state: 'disconnected', reason: failure('ERR_GINNEL_STOPPED', 'disconnected on purpose') };
    return status(addon.messages.look(this.handle, 'status'));
  }

  /** Waits until there is a connection. Rejects if none will come. */
  async connected(options?: WaitOptions): Promise<void> {
    const signal = check.signal(check.options(options).signal);
    await this.until(() => {
      const { status } = this;
      if (status.state === 'disconnected') throw status.reason;
      return status.state === 'connected';
    }, signal);
    this.check();
  }

  /** Every change of where it stands from now on, until it is closed. For one at a time; up to 64 are kept. */
  async *changes(options?: WaitOptions): AsyncGenerator<Status, void, void> {
    const signal = check.signal(check.options(options).signal);
    for (;;) {
      let change: Status | null = null;
      await this.until(() => {
        const found = addon.messages.look(this.handle, 'changed');
        change = found === null ? null : status(found);
        return change !== null;
      }, signal);
      if (change === null) return;
      yield change;
    }
  }

  /** Connects again after it has stopped; a pause between attempts is cut short. */
  reconnect(): void {
    this.check();
    addon.messages.order(this.handle, 'connect');
    this.touch();
  }

  /** Ends the connection, and does not come back before `reconnect`. What waits to be sent is given up. */
  disconnect(): void {
    this.check();
    addon.messages.disconnect(this.handle, ONLY);
    this.touch();
  }
}

function status(found: unknown): Status {
  const known = found as Status;
  if ('reason' in known) explained(known.reason, 'connect');
  return known;
}
