// The life of a client's connection, as data:
//
// ```text
// disconnected --start--> connecting --opened--> connected
//                          ^     | failed          | lost
//                    timer |     v                 v
//                          +-- reconnecting <------+
// ```
//
// Too many attempts in a row, reconnecting switched off, and `stop` lead to `disconnected`, which says why.

import type { Program } from './program';
import { decide, DEFAULT_RECONNECT, type ReconnectOptions } from './reconnect';
import type { UnixSocket } from './unix-socket';

export type UnixSocketClientState =
  | { status: 'disconnected'; reason?: DisconnectReason }
  | { status: 'connecting'; attempt: number }
  | { status: 'connected' }
  | { status: 'reconnecting'; attempt: number; nextAttemptMs: number };

export type DisconnectReason =
  | { type: 'intentional' }
  | { type: 'error'; error: Error; errno?: string }
  | { type: 'closed' }
  | { type: 'max-retries-exceeded'; attempts: number };

export type UnixSocketClientMsg =
  | { type: 'start' }
  | { type: 'connection-opened'; socket?: UnixSocket }
  | { type: 'connection-closed' }
  | { type: 'connection-error'; error: Error; errno?: string }
  | { type: 'reconnect-timer-fired' }
  | { type: 'stop' };

export type UnixSocketClientEffect =
  | { type: 'connect'; path: string; attempt: number }
  | { type: 'abandon-connect' }
  | { type: 'discard-connection'; socket?: UnixSocket }
  | { type: 'close-connection' }
  | { type: 'add-channel-and-establish'; socket?: UnixSocket }
  | { type: 'remove-channel' }
  | { type: 'start-reconnect-timer'; delayMs: number }
  | { type: 'cancel-reconnect-timer' };

export interface UnixSocketClientProgramOptions {
  path: string;
  reconnect?: Partial<ReconnectOptions>;
  /** Numbers from 0 up to 1. `Math.random` */
  randomFn?: () => number;
}

type Step = [UnixSocketClientState, ...UnixSocketClientEffect[]];

export function createUnixSocketClientProgram(
  options: UnixSocketClientProgramOptions,
): Program<UnixSocketClientMsg, UnixSocketClientState, UnixSocketClientEffect> {
  const { path, randomFn = Math.random } = options;
  const reconnect = { ...DEFAULT_RECONNECT, ...options.reconnect };

  const attempt = (number: number): Step => [
    { status: 'connecting', attempt: number },
    { type: 'connect', path, attempt: number },
  ];
  const retry = (attempts: number, reason: DisconnectReason, ...effects: UnixSocketClientEffect[]): Step => {
    const decision = decide(reconnect, attempts, randomFn);
    switch (decision.next) {
      case 'disabled':
        return [{ status: 'disconnected', reason }, ...effects];
      case 'give-up':
        return [{ status: 'disconnected', reason: { type: 'max-retries-exceeded', attempts } }, ...effects];
      case 'retry': {
        const { attempt: number, delayMs } = decision;
        const next: UnixSocketClientState = { status: 'reconnecting', attempt: number, nextAttemptMs: delayMs };
        return [next, ...effects, { type: 'start-reconnect-timer', delayMs }];
      }
    }
  };

  return {
    init: [{ status: 'disconnected' }],
    update(message, state): Step {
      switch (message.type) {
        case 'start':
          return state.status === 'disconnected' ? attempt(1) : [state];
        case 'reconnect-timer-fired':
          return state.status === 'reconnecting' ? attempt(state.attempt) : [state];
        case 'connection-opened':
          return opened(state, message.socket);
        case 'connection-closed':
          return state.status === 'connected' ? retry(0, { type: 'closed' }, { type: 'remove-channel' }) : [state];
        case 'connection-error':
          if (state.status === 'connecting') return retry(state.attempt, failure(message));
          return state.status === 'connected' ? retry(0, failure(message), { type: 'remove-channel' }) : [state];
        case 'stop':
          return stop(state);
      }
    },
  };
}

/** A connection that opens when nobody waits for it any more is closed. */
function opened(state: UnixSocketClientState, socket: UnixSocket | undefined): Step {
  const carried = socket === undefined ? {} : { socket };
  return state.status === 'connecting'
    ? [{ status: 'connected' }, { type: 'add-channel-and-establish', ...carried }]
    : [state, { type: 'discard-connection', ...carried }];
}

function stop(state: UnixSocketClientState): Step {
  const stopped: UnixSocketClientState = { status: 'disconnected', reason: { type: 'intentional' } };
  switch (state.status) {
    case 'disconnected':
      return [state];
    case 'connecting':
      return [stopped, { type: 'cancel-reconnect-timer' }, { type: 'abandon-connect' }];
    case 'connected':
      return [stopped, { type: 'cancel-reconnect-timer' }, { type: 'close-connection' }, { type: 'remove-channel' }];
    case 'reconnecting':
      return [stopped, { type: 'cancel-reconnect-timer' }];
  }
}

function failure(message: { error: Error; errno?: string }): DisconnectReason {
  const { error, errno } = message;
  return { type: 'error', error, ...(errno === undefined ? {} : { errno }) };
}
