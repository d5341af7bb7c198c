// When a client tries again, and when it gives up.

export interface ReconnectOptions {
  enabled: boolean;
  maxAttempts: number;
  baseDelay: number;
  maxDelay: number;
}

/** After the attempt of this number failed (0: a connection was lost), what next? */
export type Decision =
  | { readonly next: 'retry'; readonly attempt: number; readonly delayMs: number }
  | { readonly next: 'give-up' }
  | { readonly next: 'disabled' };

export function decide(options: ReconnectOptions, attempts: number, random: () => number): Decision {
  if (!options.enabled) return { next: 'disabled' };
  if (attempts >= options.maxAttempts) return { next: 'give-up' };
  const attempt = attempts + 1;
  const grown = options.baseDelay * 2 ** (attempt - 1) * (1 + random() * JITTER);
  return { next: 'retry', attempt, delayMs: Math.min(grown, options.maxDelay) };
}

export const DEFAULT_RECONNECT: ReconnectOptions = {
  enabled: true,
  maxAttempts: 10,
  baseDelay: 1000,
  maxDelay: 30_000,
};

/** The share of a pause that chance adds at most, so that clients that lost the same server do not return in step. */
const JITTER = 0.2;
