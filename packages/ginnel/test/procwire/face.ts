// The face under test: ours, or the package it stands in for.

import { existsSync, linkSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type * as Original from '@procwire/transport' with { 'resolution-mode': 'import' };

type Failure = new (message: string, cause?: unknown) => Error & { code: string };

interface Builder {
  withTransport(transport: Original.Transport): Builder;
  withFraming(framing: Original.FramingCodec): Builder;
  withSerialization(serialization: Original.SerializationCodec): Builder;
  withProtocol(protocol: Original.Protocol): Builder;
  withTimeout(ms: number): Builder;
  withBufferEarlyNotifications(size: number): Builder;
  withMiddleware(middleware: Original.ChannelMiddleware): Builder;
  build(): Original.Channel;
}

/** What both offer, in the original's own types: that ours fits them is a part of the test. */
export interface Face {
  SocketTransport: new (options: Original.SocketTransportOptions) => Original.Transport;
  SocketServer: new (options?: Original.SocketServerOptions) => Original.TransportServer;
  TransportFactory: {
    createPipeClient(options: Original.SocketTransportOptions): Original.Transport;
    createPipeServer(options?: Original.SocketServerOptions): Original.TransportServer;
    createOptimal(options: { executablePath?: string; path: string }): Original.Transport;
    isValidPath(path: string): boolean;
  };
  PipePath: {
    forModule(namespace: string, moduleId: string, baseDir?: string): string;
    cleanup(path: string): Promise<void>;
  };
  LengthPrefixedFraming: new (options?: Original.LengthPrefixedFramingOptions) => Original.FramingCodec;
  LineDelimitedFraming: new (options?: Original.LineDelimitedFramingOptions) => Original.FramingCodec;
  JsonCodec: new (options?: Original.JsonCodecOptions) => Original.SerializationCodec;
  RawCodec: new () => Original.SerializationCodec<Buffer>;
  CodecRegistry: Pick<
    typeof Original.CodecRegistry,
    'register' | 'unregister' | 'get' | 'getByContentType' | 'list' | 'resetForTests'
  >;
  JsonRpcProtocol: new () => Original.Protocol;
  SimpleProtocol: new () => Original.Protocol;
  JsonRpcResponseAccessor: new () => Original.ResponseAccessor;
  SimpleResponseAccessor: new () => Original.ResponseAccessor;
  RequestChannel: new (options: Original.ChannelOptions) => Original.Channel;
  ChannelBuilder: new () => Builder;
  createPipeChannel(path: string, options?: Original.PipeChannelOptions): Promise<Original.Channel>;
  TransportError: Failure;
  ProtocolError: Failure;
  TimeoutError: Failure;
  SerializationError: Failure;
  FramingError: Failure;
  AspectIpcError: new (message: string, code: string, cause?: unknown) => Error & { code: string };
  toError(value: unknown): Error;
  EventEmitter: new () => Pick<
    Original.EventEmitter,
    'on' | 'once' | 'off' | 'emit' | 'removeAllListeners' | 'listenerCount'
  >;
  CompositeDisposable: new () => Pick<Original.CompositeDisposable, 'add' | 'dispose' | 'isDisposed'>;
  createUnsubscribe: typeof Original.createUnsubscribe;
  createTimeoutSignal: typeof Original.createTimeoutSignal;
  withTimeout: typeof Original.withTimeout;
  sleep: typeof Original.sleep;
  assertState: typeof Original.assertState;
  transitionState: typeof Original.transitionState;
  ReservedMethods: typeof Original.ReservedMethods;
  JsonRpcErrorCodes: typeof Original.JsonRpcErrorCodes;
  isReservedMethod: typeof Original.isReservedMethod;
  validateUserMethod: typeof Original.validateUserMethod;
  isWindows(): boolean;
  isUnix(): boolean;
  getPlatform(): NodeJS.Platform;
}

export type Which = 'ours' | 'original';

export async function load(which: Which): Promise<Face> {
  if (which === 'original') return import('@procwire/transport');
  return import('ginnel/procwire');
}

/** A new folder, and paths in it; `remove` it at the end. */
export class Place {
  readonly dir = mkdtempSync(join(tmpdir(), 'ginnel-pw-'));
  #next = 0;

  path(): string {
    this.#next += 1;
    if (process.platform === 'win32') return `\\\\.\\pipe\\ginnel-pw-${process.pid}-${this.#next}`;
    return join(this.dir, `${this.#next}.sock`);
  }

  /** A socket file at `path` that nobody listens at any more. */
  async deadSocket(path: string): Promise<void> {
    const plain = await Plain.at(`${path}.live`);
    linkSync(`${path}.live`, path);
    plain.close();
    await until(() => !existsSync(`${path}.live`), 'a dead socket');
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Something that a face should do; `run` throws if it does not. */
export interface Scenario {
  readonly name: string;
  readonly run: (face: Face, place: Place) => Promise<void>;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The same, for those that have a `sleep` of their own to look at. */
export const after = sleep;

/** Writes down the delays of all timers that are set, until `restore`. */
export function timersFrom(): { timers: number[]; restore: () => void } {
  const timers: number[] = [];
  const before = globalThis.setTimeout;
  const spy = new Proxy(before, {
    apply: (target, self, given: Parameters<typeof setTimeout>): unknown => {
      timers.push(given[1] ?? 0);
      return Reflect.apply(target, self, given);
    },
  });
  globalThis.setTimeout = spy;
  return { timers, restore: () => { globalThis.setTimeout = before; } };
}

/** What `promise` becomes; an error if that takes too long. */
export async function soon<T>(promise: Promise<T>, what: string, ms = 2000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `holds`. */
export async function until(holds: () => boolean, what: string, ms = 2000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`${what}: not after ${ms} ms`);
    await sleep(2);
  }
}

/** Why `promise` rejects. */
export async function failure(promise: Promise<unknown>, ms?: number): Promise<Error> {
  return soon(
    promise.then(
      () => { throw new Error('this should have failed'); },
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    ),
    'a failure',
    ms,
  );
}

/** Everything a transport tells, as lines. */
export function diary(transport: Original.Transport): string[] {
  const lines: string[] = [];
  transport.on('connect', () => lines.push(`connect (${transport.state})`));
  transport.on('disconnect', () => lines.push(`disconnect (${transport.state})`));
  transport.on('error', (error) => lines.push(`error: ${error.message} (${transport.state})`));
  return lines;
}

/** Reads, ends when the other side has ended, and cares for nothing else. */
function polite(socket: Socket): void {
  socket.resume().once('end', () => socket.end());
}

/** A server of Node's own, and the sockets it has accepted. */
export class Plain {
  readonly sockets: Socket[] = [];
  readonly server: Server;

  private constructor(onSocket: (socket: Socket) => void) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      this.sockets.push(socket);
      onSocket(socket);
    });
  }

  static async at(path: string, onSocket: (socket: Socket) => void = polite): Promise<Plain> {
    const plain = new Plain(onSocket);
    await new Promise<void>((resolve) => plain.server.listen(path, resolve));
    return plain;
  }

  async first(): Promise<Socket> {
    await until(() => this.sockets.length > 0, 'a connection');
    const socket = this.sockets[0];
    if (socket === undefined) throw new Error('no connection');
    return socket;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** A client of Node's own. */
export async function dial(path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.on('error', () => undefined);
  return socket;
}

/** A server of the face and its first client's transport. */
export async function serve(
  face: Face,
  path: string,
): Promise<{ server: Original.TransportServer; clients: Original.Transport[] }> {
  const server = new face.SocketServer();
  const clients: Original.Transport[] = [];
  server.onConnection((client) => clients.push(client));
  await server.listen(path);
  return { server, clients };
}

/** A frame with its length before it. */
export function framed(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(payload.length);
  return Buffer.concat([header, payload]);
}

/** A JSON-RPC channel over `transport`, started. */
export async function channelOver(
  face: Face,
  transport: Original.Transport,
  options: Partial<Original.ChannelOptions> = {},
): Promise<Original.Channel> {
  const channel = new face.RequestChannel({
    transport,
    framing: new face.LengthPrefixedFraming(),
    serialization: new face.JsonCodec(),
    protocol: new face.JsonRpcProtocol(),
    ...options,
  });
  await channel.start();
  return channel;
}

export function nth<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
}
