// `ginnel/kyneta`: what `@kyneta/unix-socket-transport` 1.8 exports, over Ginnel's sockets. The messages are the
// business of the user's own `@kyneta/transport`. What differs from the original is in docs/node/kyneta.md.

import * as client from './client-transport';
import * as peer from './peer';
import type * as types from './public-types';
import * as server from './server-transport';

export type UnixSocketClientTransport = types.UnixSocketClientTransport;
export const UnixSocketClientTransport: types.UnixSocketClientTransportConstructor = installed(client.UnixSocketClientTransport);

export type UnixSocketServerTransport = types.UnixSocketServerTransport;
export const UnixSocketServerTransport: types.UnixSocketServerTransportConstructor = installed(server.UnixSocketServerTransport);

/** Gives back a factory, as an exchange's list of transports takes it. */
export const createUnixSocketClient: types.CreateUnixSocketClient = installed(client.createUnixSocketClient);

/** Takes part at `options.path`: the first peer listens, the others connect, and they heal. */
export const createUnixSocketPeer: types.CreateUnixSocketPeer = installed(peer.createUnixSocketPeer);

export { UnixSocketConnection, type UnixSocketConnectionOptions } from './connection';
export { connect, listen, type OnConnectionCallback, type UnixSocketListener } from './sockets';
export { useTransport } from './message-layer';
export { KynetaError, type FaultCode } from './faults';
export {
  createUnixSocketClientProgram,
  type DisconnectReason,
  type UnixSocketClientEffect,
  type UnixSocketClientMsg,
  type UnixSocketClientProgramOptions,
  type UnixSocketClientState,
} from './client-program';
export {
  createPeerProgram,
  type PeerEffect,
  type PeerModel,
  type PeerMsg,
  type PeerProgramOptions,
  type PeerRole,
  type ProbeResult,
} from './peer-program';
export type { Program, StateTransition, TransitionListener } from './program';
export type { ReconnectOptions } from './reconnect';
export type { UnixSocketClientOptions, UnixSocketClientStateTransition } from './client-transport';
export type { UnixSocketServerOptions } from './server-transport';
export type { ExchangeLike, UnixSocketPeer, UnixSocketPeerOptions } from './peer';
export {
  wrapBunUnixSocket,
  wrapNodeUnixSocket,
  type BunSocketHandlers,
  type BunUnixSocketLike,
  type NodeUnixSocketLike,
  type UnixSocket,
} from './unix-socket';

/** Our classes extend the message layer's own when they run, which is what these types say and the compiler cannot see. */
function installed<T>(value: unknown): T {
  return value as T;
}
