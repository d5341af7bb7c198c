// Who listens, among peers of which none is special, as data:
//
// ```text
//            somebody listens          +-----------+  lost
// negotiating ------------------------>| connector |--------> negotiating
//      |  ^                            +-----------+
//      |  | somebody was faster, or an attempt failed: a pause
//      v  |
//   nobody listens: try to ---------->  listener
// ```
//
// `dispose` ends it from every state. What comes too late is given back: a socket is discarded, a transport removed.
// That there is never more than one listener is not decided here. Whoever takes the path (`start-listener`) either has
// it, or is told that somebody else has.

import type { Program } from './program';
import type { ReconnectOptions } from './reconnect';
import type { UnixSocket } from './unix-socket';

export type PeerRole = 'negotiating' | 'listener' | 'connector' | 'disposed';

/** `failed`: it could not be found out whether anybody listens. Then the path is left alone. */
export type ProbeResult = 'connected' | 'enoent' | 'econnrefused' | 'eaddrinuse' | 'failed';

export interface PeerModel {
  role: PeerRole;
  transportId: string | undefined;
  /** Attempts that failed in a row. Pauses grow with it. */
  failures: number;
}

export type PeerMsg =
  | { type: 'probe-result'; result: ProbeResult; socket?: UnixSocket }
  | { type: 'transport-added'; transportId: string; role: 'listener' | 'connector' }
  | { type: 'listen-failed' }
  /** `unheard`: the listener had not said a word. To return at once would be to turn in circles. */
  | { type: 'transport-disconnected'; unheard?: boolean }
  | { type: 'dispose' };

export type PeerEffect =
  | { type: 'probe'; path: string }
  | { type: 'start-listener'; path: string }
  | { type: 'start-connector'; path: string; reconnect?: Partial<ReconnectOptions>; socket?: UnixSocket }
  | { type: 'remove-transport'; transportId: string }
  | { type: 'delay-then-probe'; ms: number; path: string }
  | { type: 'discard-connection'; socket: UnixSocket }
  | { type: 'abandon' };

export interface PeerProgramOptions {
  path: string;
  reconnect?: Partial<ReconnectOptions>;
  /** The longest pause between attempts, in milliseconds. 200 */
  retryDelayMs?: number;
  /** Numbers from 0 up to 1. `Math.random` */
  randomFn?: () => number;
}

type Step = [PeerModel, ...PeerEffect[]];

export function createPeerProgram(options: PeerProgramOptions): Program<PeerMsg, PeerModel, PeerEffect> {
  const { path, retryDelayMs = 200, randomFn = Math.random } = options;
  const reconnect = options.reconnect === undefined ? {} : { reconnect: options.reconnect };

  const again = (failures: number, ...effects: PeerEffect[]): Step => {
    const model: PeerModel = { role: 'negotiating', transportId: undefined, failures };
    if (failures === 0) return [model, ...effects, { type: 'probe', path }];
    const ms = pause(failures, retryDelayMs, randomFn());
    return [model, ...effects, { type: 'delay-then-probe', ms, path }];
  };
  const probed = (model: PeerModel, result: ProbeResult, socket: UnixSocket | undefined): Step => {
    switch (result) {
      case 'connected':
        return [model, { type: 'start-connector', path, ...reconnect, ...(socket === undefined ? {} : { socket }) }];
      case 'enoent':
      case 'econnrefused':
        return [model, { type: 'start-listener', path }];
      case 'eaddrinuse':
      case 'failed':
        return again(model.failures + 1);
    }
  };

  return {
    init: [{ role: 'negotiating', transportId: undefined, failures: 0 }, { type: 'probe', path }],
    update(message, model): Step {
      switch (message.type) {
        case 'probe-result':
          return model.role === 'negotiating'
            ? probed(model, message.result, message.socket)
            : [model, ...(message.socket === undefined ? [] : [discard(message.socket)])];
        case 'transport-added':
          return added(model, message);
        case 'listen-failed':
          return model.role === 'negotiating' ? again(model.failures + 1) : [model];
        case 'transport-disconnected':
          return model.transportId === undefined
            ? [model]
            : again(message.unheard === true ? model.failures + 1 : 0, remove(model.transportId));
        case 'dispose':
          return dispose(model);
      }
    },
  };
}

/** A pause doubles from 2 ms on, and half of it is chance, so that those who failed together do not return together. */
export function pause(failures: number, longest: number, random: number): number {
  return Math.min(longest, 2 ** Math.min(failures, 30)) * (0.5 + random / 2);
}

function added(model: PeerModel, { role, transportId }: PeerMsg & { type: 'transport-added' }): Step {
  if (model.role !== 'negotiating') return [model, remove(transportId)];
  return [{ role, transportId, failures: role === 'listener' ? 0 : model.failures }];
}

function dispose(model: PeerModel): Step {
  if (model.role === 'disposed') return [model];
  const gone: PeerModel = { role: 'disposed', transportId: undefined, failures: 0 };
  return [gone, { type: 'abandon' }, ...(model.transportId === undefined ? [] : [remove(model.transportId)])];
}

function remove(transportId: string): PeerEffect {
  return { type: 'remove-transport', transportId };
}

function discard(socket: UnixSocket): PeerEffect {
  return { type: 'discard-connection', socket };
}
