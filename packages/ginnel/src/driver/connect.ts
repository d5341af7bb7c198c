// Connecting: at once, or with pauses while the other side's queue is full.

import { aborted, explained, tried } from '../errors';
import { Connecting, type Kind } from '../native';

/** A socket that is connected, or why there is none. */
export function connect<T>(
  kind: Kind,
  address: string,
  signal: AbortSignal | undefined,
  finish: (connecting: Connecting) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) throw aborted(signal);
    const connecting = tried('connect', address, () => new Connecting(kind, address));
    let timer: NodeJS.Timeout | undefined;
    const settle = (how: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      how();
    };
    const fail = (error: Error): void => settle(() => {
      connecting.close();
      reject(error);
    });
    const abort = (): void => {
      if (signal !== undefined) fail(aborted(signal));
    };
    const attempt = (): void => {
      try {
        if (!connecting.attempt()) {
          timer = setTimeout(attempt, connecting.pause());
          return;
        }
        const socket = finish(connecting);
        settle(() => resolve(socket));
      } catch (error) {
        fail(explained(error, 'connect', address));
      }
    };
    signal?.addEventListener('abort', abort, { once: true });
    attempt();
  });
}
