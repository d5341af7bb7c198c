// A question that has come, until it is answered.

import * as check from '../check';
import { failure } from '../errors';
import { type FdLike, numbers } from '../fd';
import { type Fd } from '../native';

export class Request {
  readonly data: Buffer;
  /** Descriptors that came with it. */
  readonly fds: Fd[];
  /** The connection that it came over. */
  readonly from: number;
  readonly #answer: (failed: boolean, data: Buffer, fds: readonly number[] | null) => Promise<void>;
  #controller: AbortController | null = null;
  #cancelled = false;
  #answered = false;

  /** @internal */
  constructor(data: Buffer, fds: Fd[], from: number, answer: (failed: boolean, data: Buffer, fds: readonly number[] | null) => Promise<void>) {
    this.data = data;
    this.fds = fds;
    this.from = from;
    this.#answer = answer;
  }

  /** Aborted once nobody waits for the answer any more. Answering all the same is no mistake: nobody hears it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cancelled) this.#controller.abort(failure('ERR_GINNEL_CANCELLED', 'nobody waits for the answer any more'));
    return this.#controller.signal;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** Answers it, once. Resolves when the answer is queued. */
  async reply(data: Uint8Array | string, options?: { fds?: readonly FdLike[] }): Promise<void> {
    await this.#say(false, data, options);
  }

  /** Answers with a failure, and what there is to say about it. */
  async fail(why: Uint8Array | string = '', options?: { fds?: readonly FdLike[] }): Promise<void> {
    await this.#say(true, why, options);
  }

  async #say(failed: boolean, data: Uint8Array | string, options: { fds?: readonly FdLike[] } | undefined): Promise<void> {
    const body = check.bytes(data);
    const fds = numbers(check.options(options).fds);
    if (this.#answered) throw failure('ERR_GINNEL_ANSWERED', 'it was answered already');
    this.#answered = true;
    if (!this.#cancelled) await this.#answer(failed, body, fds);
  }

  /** @internal */
  cancel(): void {
    this.#cancelled = true;
    this.#controller?.abort(failure('ERR_GINNEL_CANCELLED', 'nobody waits for the answer any more'));
  }
}
