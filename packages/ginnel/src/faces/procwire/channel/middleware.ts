// Runs the hooks that watch a channel.

import { toError } from '../errors';
import type { ChannelMiddleware } from './types';

/** The name of a hook. */
export type Hook = keyof ChannelMiddleware;

/** Hooks of all middleware, in order. One that throws stops nobody. */
export class Hooks {
  readonly #all: readonly ChannelMiddleware[];
  readonly #failed: ((hook: string, error: Error) => void) | undefined;

  constructor(all: readonly ChannelMiddleware[], failed: ((hook: string, error: Error) => void) | undefined) {
    this.#all = all;
    this.#failed = failed;
  }

  /** Whether anybody watches. If not, nothing needs to wait. */
  has(hook: Hook): boolean {
    return this.#all.some((one) => one[hook] !== undefined);
  }

  /** Runs `hook` of each with a message. */
  async run(hook: Exclude<Hook, 'onError'>, message: unknown): Promise<void> {
    for (const one of this.#all) await this.#guard(hook, () => one[hook]?.(message));
  }

  async runOnError(error: Error): Promise<void> {
    for (const one of this.#all) await this.#guard('onError', () => one.onError?.(error));
  }

  async #guard(hook: Hook, call: () => void | Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      try {
        this.#failed?.(hook, toError(error));
      } catch (again) {
        console.error(`Error in onMiddlewareError for '${hook}':`, again);
      }
    }
  }
}
