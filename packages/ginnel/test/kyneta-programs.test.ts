// Both lifecycles as data: what each state makes of each message.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  createPeerProgram,
  createUnixSocketClientProgram,
  type PeerEffect,
  type PeerModel,
  type PeerMsg,
  type UnixSocket,
  type UnixSocketClientEffect,
  type UnixSocketClientMsg,
  type UnixSocketClientState,
} from 'ginnel/kyneta';

const path = '/run/p';
const error = new Error('no');
const socket: UnixSocket = {
  write: () => true, end: () => {}, onData: () => {}, onClose: () => {}, onError: () => {}, onDrain: () => {},
};

describe('the client program', () => {
  const program = createUnixSocketClientProgram({ path, randomFn: () => 0 });
  const disconnected: UnixSocketClientState = { status: 'disconnected' };
  const connecting: UnixSocketClientState = { status: 'connecting', attempt: 3 };
  const connected: UnixSocketClientState = { status: 'connected' };
  const reconnecting: UnixSocketClientState = { status: 'reconnecting', attempt: 4, nextAttemptMs: 8000 };
  const stopped: UnixSocketClientState = { status: 'disconnected', reason: { type: 'intentional' } };
  const opened: UnixSocketClientMsg = { type: 'connection-opened', socket };
  const failed: UnixSocketClientMsg = { type: 'connection-error', error, errno: 'ENOENT' };
  const retry = (attempt: number, nextAttemptMs: number): UnixSocketClientState => ({ status: 'reconnecting', attempt, nextAttemptMs });
  const timer = (delayMs: number): UnixSocketClientEffect => ({ type: 'start-reconnect-timer', delayMs });
  const cancel: UnixSocketClientEffect = { type: 'cancel-reconnect-timer' };
  const remove: UnixSocketClientEffect = { type: 'remove-channel' };
  const discard: UnixSocketClientEffect = { type: 'discard-connection', socket };

  type Row = [UnixSocketClientState, UnixSocketClientMsg, UnixSocketClientState, ...UnixSocketClientEffect[]];
  const rows: Row[] = [
    [disconnected, { type: 'start' }, { status: 'connecting', attempt: 1 }, { type: 'connect', path, attempt: 1 }],
    [disconnected, opened, disconnected, discard],
    [disconnected, failed, disconnected],
    [disconnected, { type: 'connection-closed' }, disconnected],
    [disconnected, { type: 'reconnect-timer-fired' }, disconnected],
    [disconnected, { type: 'stop' }, disconnected],

    [connecting, { type: 'start' }, connecting],
    [connecting, opened, connected, { type: 'add-channel-and-establish', socket }],
    [connecting, failed, retry(4, 8000), timer(8000)],
    [connecting, { type: 'connection-closed' }, connecting],
    [connecting, { type: 'reconnect-timer-fired' }, connecting],
    [connecting, { type: 'stop' }, stopped, cancel, { type: 'abandon-connect' }],

    [connected, { type: 'start' }, connected],
    [connected, opened, connected, discard],
    [connected, failed, retry(1, 1000), remove, timer(1000)],
    [connected, { type: 'connection-closed' }, retry(1, 1000), remove, timer(1000)],
    [connected, { type: 'reconnect-timer-fired' }, connected],
    [connected, { type: 'stop' }, stopped, cancel, { type: 'close-connection' }, remove],

    [reconnecting, { type: 'start' }, reconnecting],
    [reconnecting, opened, reconnecting, discard],
    [reconnecting, failed, reconnecting],
    [reconnecting, { type: 'connection-closed' }, reconnecting],
    [reconnecting, { type: 'reconnect-timer-fired' }, { status: 'connecting', attempt: 4 }, { type: 'connect', path, attempt: 4 }],
    [reconnecting, { type: 'stop' }, stopped, cancel],
  ];
  for (const [from, message, ...expected] of rows) {
    test(`${from.status}, ${message.type}`, () => assert.deepEqual(program.update(message, from), expected));
  }

  test('it begins disconnected', () => assert.deepEqual(program.init, [disconnected]));

  test('it gives up after the last attempt', () => {
    const given = createUnixSocketClientProgram({ path, reconnect: { maxAttempts: 3 } });
    const reason = { type: 'max-retries-exceeded', attempts: 3 };
    assert.deepEqual(given.update(failed, connecting), [{ status: 'disconnected', reason }]);
  });

  test('without reconnecting it says why it stopped', () => {
    const given = createUnixSocketClientProgram({ path, reconnect: { enabled: false } });
    const why = { type: 'error', error, errno: 'ENOENT' };
    assert.deepEqual(given.update(failed, connecting), [{ status: 'disconnected', reason: why }]);
    const closed = { status: 'disconnected', reason: { type: 'closed' } };
    assert.deepEqual(given.update({ type: 'connection-closed' }, connected), [closed, remove]);
  });

  test('pauses double, with up to a fifth of chance, up to a limit', () => {
    const given = createUnixSocketClientProgram({ path, reconnect: { baseDelay: 100, maxDelay: 1000 }, randomFn: () => 0.5 });
    const delays = [0, 1, 2, 3, 4, 5].map((attempt) => {
      const [state] = given.update(failed, { status: 'connecting', attempt });
      return state.status === 'reconnecting' ? state.nextAttemptMs : -1;
    });
    assert.deepEqual(delays.map(Math.round), [110, 220, 440, 880, 1000, 1000]);
  });
});

describe('the peer program', () => {
  const program = createPeerProgram({ path, randomFn: () => 1 });
  const negotiating: PeerModel = { role: 'negotiating', transportId: undefined, failures: 2 };
  const listener: PeerModel = { role: 'listener', transportId: 'L', failures: 0 };
  const connector: PeerModel = { role: 'connector', transportId: 'C', failures: 2 };
  const disposed: PeerModel = { role: 'disposed', transportId: undefined, failures: 0 };
  const probed = (result: 'connected' | 'enoent' | 'econnrefused' | 'eaddrinuse' | 'failed'): PeerMsg => ({ type: 'probe-result', result });
  const reached: PeerMsg = { type: 'probe-result', result: 'connected', socket };
  const added = (role: 'listener' | 'connector'): PeerMsg => ({ type: 'transport-added', transportId: 'N', role });
  const discard: PeerEffect = { type: 'discard-connection', socket };
  const remove = (transportId: string): PeerEffect => ({ type: 'remove-transport', transportId });
  const thrice: PeerModel = { ...negotiating, failures: 3 };
  const wait: PeerEffect = { type: 'delay-then-probe', ms: 8, path };
  const anew: PeerModel = { role: 'negotiating', transportId: undefined, failures: 0 };
  const abandon: PeerEffect = { type: 'abandon' };
  const lost: PeerMsg = { type: 'transport-disconnected' };
  const unheard: PeerMsg = { type: 'transport-disconnected', unheard: true };

  type Row = [PeerModel, PeerMsg, PeerModel, ...PeerEffect[]];
  const rows: Row[] = [
    [negotiating, reached, negotiating, { type: 'start-connector', path, socket }],
    [negotiating, probed('enoent'), negotiating, { type: 'start-listener', path }],
    [negotiating, probed('econnrefused'), negotiating, { type: 'start-listener', path }],
    [negotiating, probed('eaddrinuse'), thrice, wait],
    [negotiating, probed('failed'), thrice, wait],
    [negotiating, added('listener'), { role: 'listener', transportId: 'N', failures: 0 }],
    [negotiating, added('connector'), { role: 'connector', transportId: 'N', failures: 2 }],
    [negotiating, { type: 'listen-failed' }, thrice, wait],
    [negotiating, lost, negotiating],
    [negotiating, { type: 'dispose' }, disposed, abandon],

    [listener, reached, listener, discard],
    [listener, probed('enoent'), listener],
    [listener, added('connector'), listener, remove('N')],
    [listener, { type: 'listen-failed' }, listener],
    [listener, lost, anew, remove('L'), { type: 'probe', path }],
    [listener, { type: 'dispose' }, disposed, abandon, remove('L')],

    [connector, reached, connector, discard],
    [connector, probed('failed'), connector],
    [connector, added('listener'), connector, remove('N')],
    [connector, { type: 'listen-failed' }, connector],
    [connector, lost, anew, remove('C'), { type: 'probe', path }],
    [connector, unheard, thrice, remove('C'), wait],
    [connector, { type: 'dispose' }, disposed, abandon, remove('C')],

    [disposed, reached, disposed, discard],
    [disposed, probed('enoent'), disposed],
    [disposed, added('listener'), disposed, remove('N')],
    [disposed, { type: 'listen-failed' }, disposed],
    [disposed, lost, disposed],
    [disposed, { type: 'dispose' }, disposed],
  ];
  for (const [from, message, ...expected] of rows) {
    const detail = 'result' in message ? ` ${message.result}` : '';
    test(`${from.role}, ${message.type}${detail}`, () => assert.deepEqual(program.update(message, from), expected));
  }

  test('it begins by looking whether somebody listens', () => {
    assert.deepEqual(program.init, [anew, { type: 'probe', path }]);
  });

  test('pauses grow up to a limit, and at least half of one is waited', () => {
    const pauses = [0, 1, 2, 5, 6, 7, 500].map((failures) => {
      const [, effect] = createPeerProgram({ path, randomFn: () => 0 }).update(probed('failed'), { ...anew, failures });
      return effect?.type === 'delay-then-probe' ? effect.ms : -1;
    });
    assert.deepEqual(pauses, [1, 2, 4, 32, 64, 100, 100]);
  });
});
