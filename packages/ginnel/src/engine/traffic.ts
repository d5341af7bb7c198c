// What goes over the connections of one engine, and what has come of it.

import * as check from '../check';
import { aborted, explained, failure, type GinnelError } from '../errors';
import { duplicates, type FdLike, numbers as fdNumbers } from '../fd';
import { addon, type Fd, type Handle } from '../native';
import { carrier, numbers, room, unpack } from './crossing';
import { type Blocked, BlockedQueue, type Outcome, SentQueue } from './ledger';

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

/** What an answer is. */
export interface Answer {
  data: Buffer;
  fds: Fd[];
}

const UNANSWERED = 1;
const WITH_WHY: ReadonlySet<number> = new Set([UNANSWERED]);

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

/** What is to be queued. The descriptors are the caller's. */
interface Outgoing {
  readonly data: Buffer;
  readonly fds: readonly number[] | null;
  readonly signal: AbortSignal | undefined;
}

/** Queues it, and sees to it that the outcome is told. `false`: there is no room. */
type Attempt<T> = (data: Buffer, fds: readonly number[] | null, outcome: Outcome<T>) => boolean;

/** Whose traffic it is. */
export interface Owner {
  /** Throws if it was closed. */
  check(): void;
  /** Something was queued: it is seen to at the end of this tick. */
  touch(): void;
}

export class Traffic {
  readonly #handle: Handle<'messages'>;
  readonly #owner: Owner;
  readonly #lanes = new Map<number, Lane>();

  constructor(handle: Handle<'messages'>, owner: Owner) {
    this.#handle = handle;
    this.#owner = owner;
  }

  #lane(to: number): Lane {
    const known = this.#lanes.get(to);
    if (known !== undefined) return known;
    const lane = new Lane();
    this.#lanes.set(to, lane);
    return lane;
  }

  /** Queues a message and waits until the kernel has it. */
  send(to: number, data: Uint8Array | string, options: SendOptions | undefined): Promise<void> {
    return this.#queue<void>(to, outgoing(data, options), (body, fds, outcome) => {
      const id = addon.messages.feed(this.#handle, to, body, fds);
      if (id >= 0) this.#lane(to).sent.push(id, outcome);
      return id >= 0;
    });
  }

  /** Queues a message now or not at all. */
  trySend(to: number, data: Uint8Array | string, options: { fds?: readonly FdLike[] } | undefined): boolean {
    const body = check.bytes(data);
    const fds = fdNumbers(check.options(options).fds);
    this.#owner.check();
    if (this.#lanes.get(to)?.blocked.isEmpty === false) return false;
    const queued = addon.messages.feed(this.#handle, to, body, fds) >= 0;
    if (queued) this.#owner.touch();
    return queued;
  }

  /** Asks, and waits for the answer. */
  async call(to: number, data: Uint8Array | string, options: CallOptions | undefined): Promise<Answer> {
    const limit = check.optional(check.options(options).timeout, 'timeout', 0, 0x7fffffff);
    const { signal, ...rest } = outgoing(data, options);
    const over = new AbortController();
    const timer = limit === undefined ? undefined : setTimeout(() => {
      over.abort(failure('ETIMEDOUT', `no answer within ${limit} ms`));
    }, limit);
    const signals = [signal, limit === undefined ? undefined : over.signal].filter((one) => one !== undefined);
    const stop = signals.length < 2 ? signals[0] : AbortSignal.any(signals);
    let asked = -1;
    const forget = (): void => {
      if (asked >= 0) this.#forget(to, asked);
    };
    stop?.addEventListener('abort', forget, { once: true });
    try {
      return await this.#queue<Answer>(to, { ...rest, signal: stop }, (body, fds, outcome) => {
        asked = addon.messages.ask(this.#handle, to, body, fds);
        if (asked >= 0) this.#lane(to).calls.set(asked, outcome);
        return asked >= 0;
      });
    } finally {
      clearTimeout(timer);
      stop?.removeEventListener('abort', forget);
    }
  }

  /** Nobody waits for this answer any more; the other side is told. */
  #forget(to: number, asked: number): void {
    if (this.#lanes.get(to)?.calls.delete(asked) !== true) return;
    addon.messages.forget(this.#handle, to, asked);
    this.#owner.touch();
  }

  /** Queues an answer. One that is not wanted any more is dropped. */
  answer(to: { connection: number; id: number; failed: boolean }, data: Buffer, fds: readonly number[] | null): Promise<void> {
    return this.#queue<void>(LANE_OF_ANSWERS, { data, fds, signal: undefined }, (body, carried, outcome) => {
      const queued = addon.messages.answer(this.#handle, to.connection, to.id, to.failed, body, carried);
      if (queued) outcome.resolve();
      return queued;
    });
  }

  /** Tries it, and lets it wait for room if there is none. */
  #queue<T>(to: number, outgoing: Outgoing, attempt: Attempt<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { signal } = outgoing;
      if (signal?.aborted) throw aborted(signal);
      this.#owner.check();
      const lane = this.#lane(to);
      if (signal === undefined) {
        this.#tryOrWait(lane, outgoing, { resolve, reject }, attempt);
        return;
      }
      const abort = (): void => {
        if (waiting !== null) lane.blocked.remove(waiting);
        reject(aborted(signal));
      };
      const heard = <A extends unknown[]>(told: (...outcome: A) => void) => (...outcome: A): void => {
        signal.removeEventListener('abort', abort);
        told(...outcome);
      };
      signal.addEventListener('abort', abort, { once: true });
      const waiting = this.#tryOrWait(lane, outgoing, { resolve: heard(resolve), reject: heard(reject) }, attempt);
    });
  }

  #tryOrWait<T>(lane: Lane, { data, fds }: Outgoing, outcome: Outcome<T>, attempt: Attempt<T>): Blocked | null {
    this.#owner.touch();
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

  /** After every turn: tells what has come of what waits. */
  settle(): void {
    if (this.#lanes.size === 0) return;
    this.#tellAnswers();
    this.#tellFailures();
    for (const [to, lane] of this.#lanes) {
      if (!lane.sent.isEmpty) this.#tellSent(to, lane);
      // Only what went is seen to at once: for the others the loop has to come round.
      if (lane.blocked.proceed()) this.#owner.touch();
      if (lane.isEmpty) this.#lanes.delete(to);
    }
  }

  #tellSent(to: number, lane: Lane): void {
    const upTo = addon.messages.sentUpTo(this.#handle, to);
    if (upTo < 0) lane.sent.clear(failure('ERR_GINNEL_STOPPED', 'that connection is gone'));
    else lane.sent.passed(upTo);
  }

  #tellAnswers(): void {
    for (;;) {
      const items = unpack(addon.messages.answers(this.#handle, numbers, room, carrier), WITH_WHY);
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
    const failed = addon.messages.failures(this.#handle);
    for (let at = 0; at + 2 < failed.length; at += 3) {
      const [connection, id, error] = failed.slice(at, at + 3);
      if (typeof connection === 'number' && typeof id === 'number') {
        this.#lanes.get(connection)?.sent.failed(id, explained(error, 'send'));
      }
    }
  }

  /** Whoever waits is told why it is in vain. */
  clear(why: GinnelError): void {
    for (const lane of this.#lanes.values()) lane.clear(why);
    this.#lanes.clear();
  }
}

function outgoing(data: Uint8Array | string, options: SendOptions | undefined): Outgoing {
  const { fds, signal } = check.options(options);
  return { data: check.bytes(data), fds: fdNumbers(fds), signal: check.signal(signal) };
}

/** An error of the other side's, with what it said. */
function withData(error: GinnelError, data: Buffer): GinnelError {
  return data.length === 0 ? error : Object.assign(error, { data });
}

/** Answers wait for room in a row of their own: no connection has this number. */
const LANE_OF_ANSWERS = -1;
