// What a transport and a transport server are: the interfaces that channels are built on.

import type { Unsubscribe } from './disposables';
import type { EventMap } from './events';
import type { TransportState } from './states';

export type { TransportState } from './states';

/** Events of a transport. */
export interface TransportEvents extends EventMap {
  connect: void;
  /** The connection is gone, whoever ended it. */
  disconnect: void;
  error: Error;
  data: Buffer;
}

/** A byte stream in both directions. */
export interface Transport {
  readonly state: TransportState;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  write(data: Buffer): Promise<void>;
  onData(handler: (data: Buffer) => void): Unsubscribe;
  on<K extends keyof TransportEvents>(event: K, handler: (data: TransportEvents[K]) => void): Unsubscribe;
}

/** Where a server listens. */
export interface ServerAddress {
  type: 'pipe' | 'unix' | 'tcp';
  value: string | number;
}

/** Events of a transport server. */
export interface TransportServerEvents extends EventMap {
  listening: ServerAddress;
  connection: Transport;
  close: void;
  error: Error;
}

/** Accepts connections and makes a transport of each. */
export interface TransportServer {
  readonly isListening: boolean;
  readonly address: ServerAddress | null;
  listen(address: string | number): Promise<ServerAddress>;
  close(): Promise<void>;
  onConnection(handler: (transport: Transport) => void): Unsubscribe;
  on<K extends keyof TransportServerEvents>(event: K, handler: (data: TransportServerEvents[K]) => void): Unsubscribe;
}
