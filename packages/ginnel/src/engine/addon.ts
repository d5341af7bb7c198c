// What the addon has for engines.

import { type Handle, type OnReady, type Who } from '../native';

/** How many items crossed; or that, and the values that belong to them. */
export type Crossed = number | [number, ...unknown[]];

export interface Greeting {
  /** Largest message that the other side takes, in bytes. */
  largestMessage: number;
  /** Most descriptors of one message that it takes. */
  mostFds: number;
  /** Who it is: another one after each start. */
  incarnation: string;
}

/** What can be turned. */
export interface TurnTable<T extends string> {
  watch(of: Handle<T>, ready: OnReady): Handle<'watch'>;
  /** Bits of `Turn`. */
  turn(of: Handle<T>, look: boolean): number;
  due(of: Handle<T>): number;
  drain(of: Handle<T>, ms: number): void;
  /** Takes leave, as far as that can be done now. `true`: it is over. */
  windDown(of: Handle<T>): boolean;
  close(of: Handle<T>): void;
}

type M = Handle<'messages'>;

export interface MessagesTable extends TurnTable<'messages'> {
  client(address: string, options: readonly number[]): M;
  adopt(stream: Handle<'stream'>, options: readonly number[]): M;
  server(listener: Handle<'listener'>, options: readonly number[]): M;
  peer(address: string, options: readonly number[], name: string, data: Uint8Array, allow: string | null): M;
  feed(of: M, to: number, body: Uint8Array, fds: readonly number[] | null): number;
  ask(of: M, to: number, body: Uint8Array, fds: readonly number[] | null): number;
  answer(of: M, to: number, id: number, failed: boolean, body: Uint8Array, fds: readonly number[] | null): boolean;
  forget(of: M, to: number, id: number): void;
  broadcast(of: M, body: Uint8Array): number[];
  sentUpTo(of: M, to: number): number;
  arrivals(of: M, numbers: Float64Array, room: Uint8Array, carrier: Handle<'carrier'>): Crossed | null;
  answers(of: M, numbers: Float64Array, room: Uint8Array, carrier: Handle<'carrier'>): Crossed;
  /** Three values each: connection, number, error. */
  failures(of: M): unknown[];
  carrier(): Handle<'carrier'>;
  takeFds(carrier: Handle<'carrier'>, numbers: Int32Array): Handle<'fds'> | null;
  connections(of: M): number[];
  credentials(of: M, connection: number): Who;
  greeting(of: M, connection: number): Greeting | null;
  disconnect(of: M, connection: number): boolean;
  order(of: M, what: string): void;
  look(of: M, at: string): unknown;
}

type S = Handle<'sp'>;
type L = Handle<'listeners'>;

export interface SpTable extends TurnTable<'sp'> {
  open(end: string, options: readonly number[]): [S, L];
  listen(of: S, listeners: L, url: string): number;
  unlisten(of: S, listeners: L, listener: number): boolean;
  port(of: S, listeners: L, listener: number): number;
  dial(of: S, url: string): number;
  dialled(of: S, dialer: number): boolean;
  hangUp(of: S, dialer: number): void;
  adopt(of: S, fd: number): number;
  adoptStream(of: S, stream: Handle<'stream'>): number;
  feed(of: S, body: Uint8Array): boolean;
  arrivals(of: S, numbers: Float64Array, room: Uint8Array): Crossed;
  ask(of: S, body: Uint8Array): number;
  ripe(of: S): number[];
  answered(of: S, id: number): Buffer | boolean | null;
  forget(of: S, id: number): void;
  reply(of: S, request: Handle<'request'>, body: Uint8Array): boolean;
  subscribe(of: S, prefix: Uint8Array): void;
  unsubscribe(of: S, prefix: Uint8Array): boolean;
  event(of: S): unknown;
  pipes(of: S): number[];
  credentials(of: S, pipe: number): Who;
  closePipe(of: S, pipe: number): boolean;
  dropped(of: S): unknown;
  flushed(of: S): boolean;
}
