// The messaging patterns of nng, byte for byte as nng 2.0 speaks them, over any stream socket.

import * as check from '../check';
import { each } from '../driver/iterate';
import { type WaitOptions } from '../engine/engine';
import { type Outcome } from '../engine/ledger';
import { aborted, closed, failure } from '../errors';
import { addon, type Handle } from '../native';
import { type Arrived, End } from './end';
import { type SpOptions } from './options';

export { type Dropped, End, type PipeEvent } from './end';
export { type SpOptions } from './options';

type Data = Uint8Array | string;

function dataOf(arrived: Arrived | null): Buffer | null {
  return arrived === null ? null : arrived.data;
}

/** Ends that messages are given to. */
abstract class Sending extends End {
  /** Those that wait for a pipe to take them, in order. */
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /**
   * Sends a message: it resolves once a pipe has it, or several, and is written at the end of the tick. It waits while there
   * is no pipe that takes it, but for a `Pub` and a `Bus`, which tell whoever is there.
   */
  async send(data: Data, options?: WaitOptions): Promise<void> {
    const body = check.bytes(data);
    this.check();
    const signal = check.signal(check.options(options).signal);
    if (this.#waiting === 0 && this.#feed(body)) return;
    if (this.#waiting >= MOST) {
      throw failure('ERR_GINNEL_LIMIT', `${this.#waiting} messages wait for a pipe, and no more do: await what is sent`);
    }
    this.#waiting += 1;
    const turn = this.#last.then(() => this.until(() => this.#feed(body), signal));
    this.#last = turn.catch(() => {});
    try {
      await turn;
    } finally {
      this.#waiting -= 1;
    }
    if (this.closed) throw closed('end');
  }

  /** Sends a message now or not at all. `false`: no pipe takes it now. */
  trySend(data: Data): boolean {
    const body = check.bytes(data);
    this.check();
    return this.#waiting === 0 && this.#feed(body);
  }

  #feed(body: Buffer): boolean {
    const fed = addon.sp.feed(this.handle, body);
    if (fed) this.touch();
    return fed;
  }
}

/** Gives work to one of many. */
export class Push extends Sending {
  constructor(options?: SpOptions) {
    super('push', options);
  }
}

/** Tells everybody who has subscribed to the beginning of the message. */
export class Pub extends Sending {
  constructor(options?: SpOptions) {
    super('pub', options);
  }
}

/** Ends that talk both ways. */
abstract class Talking extends Sending {
  /** Waits for the next message. `null`: it was closed. */
  recv(options?: WaitOptions): Promise<Buffer | null> {
    return this.arrive(options).then(dataOf);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    return each(() => this.recv());
  }
}

/** Talks with one other, version 0. */
export class Pair0 extends Talking {
  constructor(options?: SpOptions) {
    super('pair0', options);
  }
}

/** Talks with one other, version 1, which counts hops. */
export class Pair1 extends Talking {
  constructor(options?: SpOptions) {
    super('pair1', options);
  }
}

/** Tells all neighbours, and hears them. */
export class Bus extends Talking {
  constructor(options?: SpOptions) {
    super('bus', options);
  }
}

/** Ends that only hear. */
abstract class Hearing extends End {
  /** Waits for the next message. `null`: it was closed. */
  recv(options?: WaitOptions): Promise<Buffer | null> {
    return this.arrive(options).then(dataOf);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    return each(() => this.recv());
  }
}

/** Takes work. */
export class Pull extends Hearing {
  constructor(options?: SpOptions) {
    super('pull', options);
  }
}

/** Hears what it has subscribed to. */
export class Sub extends Hearing {
  constructor(options?: SpOptions) {
    super('sub', options);
  }

  /** Hears what begins with this; everything, if it is empty. */
  subscribe(prefix: Data = ''): void {
    const body = check.bytes(prefix);
    this.check();
    addon.sp.subscribe(this.handle, body);
  }

  /** Hears it no more. `false`: it was not subscribed to. */
  unsubscribe(prefix: Data = ''): boolean {
    const body = check.bytes(prefix);
    this.check();
    return addon.sp.unsubscribe(this.handle, body);
  }
}

/** Asks: what is open is forgotten once nobody waits for it. */
abstract class Asking extends End {
  protected async ask(data: Data, signal: AbortSignal | undefined): Promise<number> {
    const body = check.bytes(data);
    this.check();
    let id = -1;
    await this.until(() => {
      id = addon.sp.ask(this.handle, body);
      return id >= 0;
    }, signal);
    if (id < 0) throw closed('end');
    this.touch();
    return id;
  }

  /** Who waits for the answer to which question. */
  readonly #open = new Map<number, Outcome<Buffer | boolean>>();

  /** A body; `true`: it is over; `false`: the pipe is lost. */
  protected async answer(id: number, signal: AbortSignal | undefined): Promise<Buffer | boolean> {
    if (signal?.aborted) throw aborted(signal);
    const here = this.closed ? true : addon.sp.answered(this.handle, id);
    if (here !== null) return here;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#open.delete(id);
        if (signal !== undefined) reject(aborted(signal));
      };
      signal?.addEventListener('abort', abort, { once: true });
      const settle = (answer: Buffer | boolean): void => {
        signal?.removeEventListener('abort', abort);
        resolve(answer);
      };
      this.#open.set(id, { resolve: settle, reject });
    });
  }

  protected override turned(): void {
    if (this.#open.size === 0) return;
    for (const id of addon.sp.ripe(this.handle)) {
      const waiting = this.#open.get(id);
      const answer = waiting === undefined ? null : addon.sp.answered(this.handle, id);
      if (answer === null) continue;
      this.#open.delete(id);
      waiting?.resolve(answer);
    }
  }

  protected override ended(): void {
    for (const { resolve } of this.#open.values()) resolve(true);
    this.#open.clear();
  }

  protected forget(id: number): void {
    if (this.closed) return;
    addon.sp.forget(this.handle, id);
    this.touch();
  }
}

/** Asks one of those who answer. */
export class Req extends Asking {
  constructor(options?: SpOptions) {
    super('req', options);
  }

  /** Asks, and waits for the answer, as many at once as one likes. Aborted, it is not asked again. */
  async request(data: Data, options?: WaitOptions): Promise<Buffer> {
    const signal = check.signal(check.options(options).signal);
    const id = await this.ask(data, signal);
    try {
      const answer = await this.answer(id, signal);
      if (Buffer.isBuffer(answer)) return answer;
      throw this.closed ? closed('end') : failure('ERR_GINNEL_STOPPED', 'that connection is gone');
    } finally {
      this.forget(id);
    }
  }
}

/** Asks everybody. */
export class Surveyor extends Asking {
  constructor(options?: SpOptions) {
    super('surveyor', options);
  }

  /** Asks everybody, and yields their answers until the survey is over. Leaving the loop ends it. */
  async *survey(data: Data, options?: WaitOptions): AsyncGenerator<Buffer, void, void> {
    const signal = check.signal(check.options(options).signal);
    const id = await this.ask(data, signal);
    try {
      for (;;) {
        const answer = await this.answer(id, signal);
        if (!Buffer.isBuffer(answer)) return;
        yield answer;
      }
    } finally {
      this.forget(id);
    }
  }
}

/** A request, or a survey, in hand. One that is dropped is not answered, and may come again. */
export class SpRequest {
  readonly data: Buffer;
  /** The pipe that it came over. */
  readonly pipe: number;
  readonly #reply: (body: Buffer) => boolean;

  /** @internal */
  constructor(data: Buffer, pipe: number, reply: (body: Buffer) => boolean) {
    this.data = data;
    this.pipe = pipe;
    this.#reply = reply;
  }

  /** Answers it, once. It waits for nobody: if whoever asked is gone, the answer is dropped and counted. */
  reply(data: Data): void {
    if (!this.#reply(check.bytes(data))) throw failure('ERR_GINNEL_ANSWERED', 'it was answered already');
  }
}

/** Ends that answer. */
abstract class Replying extends End {
  /** Waits for the next request, of which any number may be in hand. `null`: it was closed. */
  async recv(options?: WaitOptions): Promise<SpRequest | null> {
    const arrived = await this.arrive(options);
    if (arrived?.handle === undefined) return null;
    return new SpRequest(arrived.data, arrived.pipe, this.#answering(arrived.handle));
  }

  #answering(request: Handle<'request'>): (body: Buffer) => boolean {
    return (body) => {
      this.check();
      const answered = addon.sp.reply(this.handle, request, body);
      this.touch();
      return answered;
    };
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<SpRequest> {
    return each(() => this.recv());
  }
}

/** Answers whoever asks. */
export class Rep extends Replying {
  constructor(options?: SpOptions) {
    super('rep', options);
  }
}

/** Answers surveys. */
export class Respondent extends Replying {
  constructor(options?: SpOptions) {
    super('respondent', options);
  }
}

const MOST = 1 << 16;
