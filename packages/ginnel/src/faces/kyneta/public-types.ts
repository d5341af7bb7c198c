// The types that users see. Where `@kyneta/transport` is installed our transports are of its class, so that an exchange
// takes them; where it is not, of the class that ./contract.ts declares.

/** @ts-ignore: the module is the user's, and need not be there. */
import type { Transport as Installed } from '@kyneta/transport';
import type { UnixSocketClientOptions, UnixSocketClientTransport as Client } from './client-transport';
import type { Transport } from './contract';
import type { ExchangeLike, UnixSocketPeer, UnixSocketPeerOptions } from './peer';
import type { UnixSocketServerOptions, UnixSocketServerTransport as Server } from './server-transport';

/** What could not be found is of every type at once. */
type IsMissing = { it: Installed<unknown> } extends { it: 'missing' } ? true : false;

type Base<Context> =
  IsMissing extends true ? Pick<Transport<Context>, keyof Transport<Context>> : Installed<Context>;

type Own<T> = Omit<T, keyof Transport<unknown> | '_heard'>;

export type UnixSocketClientTransport = Base<void> & Own<Client>;

export type UnixSocketServerTransport = Base<string> & Own<Server>;

export interface UnixSocketClientTransportConstructor {
  new (options: UnixSocketClientOptions): UnixSocketClientTransport;
  readonly prototype: UnixSocketClientTransport;
}

export interface UnixSocketServerTransportConstructor {
  new (options: UnixSocketServerOptions): UnixSocketServerTransport;
  readonly prototype: UnixSocketServerTransport;
}

export type CreateUnixSocketClient = (options: UnixSocketClientOptions) => () => UnixSocketClientTransport;

export type CreateUnixSocketPeer = (
  exchange: ExchangeLike<UnixSocketClientTransport | UnixSocketServerTransport>,
  options: UnixSocketPeerOptions,
) => UnixSocketPeer;
