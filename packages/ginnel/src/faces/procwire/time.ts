// Promises that know the time.

import { TimeoutError } from './errors';
import { after } from './numbers';

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => after(ms, resolve));
}

/** What the error of `withTimeout` says. */
export interface TimeoutOptions {
  message?: string | undefined;
  cause?: unknown;
}

/** What `promise` becomes, or a TimeoutError if that takes longer than `ms` milliseconds. */
export function withTimeout<T>(promise: Promise<T>, ms: number, options?: TimeoutOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = after(ms, () => {
      reject(new TimeoutError(options?.message ?? `Operation timed out after ${ms}ms`, options?.cause));
    });
    promise.then(resolve, reject).finally(stop);
  });
}

/** A promise that rejects with a TimeoutError after `ms` milliseconds, unless `cancel` is called before. */
export function createTimeoutSignal(ms: number): { promise: Promise<never>; cancel: () => void } {
  let cancel = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    cancel = after(ms, () => reject(new TimeoutError(`Timeout after ${ms}ms`)));
  });
  // Whoever has lost interest in it need not listen: that alone must not end the process.
  promise.catch(() => undefined);
  return { promise, cancel };
}
