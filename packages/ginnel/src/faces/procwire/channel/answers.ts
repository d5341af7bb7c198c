// Answers the peer's requests.

import { createUnsubscribe, type Unsubscribe } from '../disposables';
import { ProtocolError, toError } from '../errors';
import type { Protocol, RequestId } from '../protocol/types';
import { idOf } from './accessors';
import type { Hooks } from './middleware';
import type { RequestHandler } from './types';

/** What a request without a handler is answered with. */
const NO_HANDLER = { code: -32601, message: 'No request handler registered' };
const HANDLER_FAILED = -32603;

/** What answering needs of the channel. */
export interface AnswersInto<TRes> {
  /** The response as it goes over the wire. */
  frame(response: TRes): Buffer;
  write(frame: Buffer): Promise<void>;
  failed(error: Error): void;
}

/** The handlers of requests, and the way from what they return to the wire. */
export class Answers<TReq, TRes, TNotif> {
  readonly #handlers: RequestHandler<TReq, TRes>[] = [];
  readonly #protocol: Protocol<TReq, TRes, TNotif>;
  readonly #hooks: Hooks;
  readonly #into: AnswersInto<TRes>;

  constructor(protocol: Protocol<TReq, TRes, TNotif>, hooks: Hooks, into: AnswersInto<TRes>) {
    this.#protocol = protocol;
    this.#hooks = hooks;
    this.#into = into;
  }

  /** With several, the first answers. */
  add(handler: RequestHandler<TReq, TRes>): Unsubscribe {
    if (typeof handler !== 'function') throw new TypeError('a request handler must be a function');
    this.#handlers.push(handler);
    return createUnsubscribe(() => {
      this.#handlers.splice(this.#handlers.indexOf(handler), 1);
    });
  }

  /** Answers `request`, unless its connection is gone by then. Never rejects. */
  async answer(request: TReq, isGone: () => boolean): Promise<void> {
    const id = idOf(request);
    if (id === undefined) return this.#into.failed(new ProtocolError('Request missing id'));
    try {
      const frame = await this.#answerTo(id, request);
      if (!isGone()) await this.#into.write(frame);
    } catch (error) {
      // Nobody waits for an answer any more, so that nobody misses it.
      if (!isGone()) this.#into.failed(toError(error));
    }
  }

  async #answerTo(id: RequestId, request: TReq): Promise<Buffer> {
    const handler = this.#handlers[0];
    if (handler === undefined) return this.#frame(this.#protocol.createErrorResponse(id, NO_HANDLER));
    try {
      return await this.#frame(this.#protocol.createResponse(id, await handler(request)));
    } catch (error) {
      return this.#failureOf(id, toError(error));
    }
  }

  async #failureOf(id: RequestId, error: Error): Promise<Buffer> {
    const failure = { code: HANDLER_FAILED, message: error.message };
    try {
      return await this.#frame(this.#protocol.createErrorResponse(id, { ...failure, data: error }));
    } catch {
      // What the error carries has no form on the wire (a circle, a BigInt): its message has.
      return this.#frame(this.#protocol.createErrorResponse(id, failure));
    }
  }

  async #frame(response: TRes): Promise<Buffer> {
    if (this.#hooks.has('onOutgoingResponse')) await this.#hooks.run('onOutgoingResponse', response);
    return this.#into.frame(response);
  }
}
