// The states of a transport.

import { TransportError } from './errors';

/** Where a transport stands. */
export type TransportState = 'disconnected' | 'connecting' | 'connected' | 'error';

/** Which state may follow which. After an error, `connect()` may be called at once. */
export const TRANSPORT_STATE_TRANSITIONS: Record<TransportState, TransportState[]> = {
  disconnected: ['connecting'],
  connecting: ['connected', 'error', 'disconnected'],
  connected: ['disconnected', 'error'],
  error: ['disconnected', 'connecting'],
};

/** TransportError unless `current` is one of `allowed`. */
export function assertState(current: TransportState, allowed: TransportState[]): void {
  if (allowed.includes(current)) return;
  throw new TransportError(`Invalid state: expected one of [${allowed.join(', ')}], got '${current}'`);
}

/** `next`, or a TransportError if it cannot follow `current`. */
export function transitionState(current: TransportState, next: TransportState): TransportState {
  const allowed = TRANSPORT_STATE_TRANSITIONS[current];
  if (allowed.includes(next)) return next;
  throw new TransportError(`Invalid state transition: '${current}' -> '${next}'. Allowed: [${allowed.join(', ')}]`);
}
