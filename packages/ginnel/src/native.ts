// The addon: tables of functions that look and never wait, as classes. "Not yet" is -1, null or false.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { type MessagesTable, type SpTable } from './engine/addon';

/** What a watch tells: something can be read, written, or the moment has come. */
export const READ = 1;
export const WRITE = 2;
export const TIMER = 4;

/** Kinds of sockets that connect. */
export const STREAM = 0;
export const SEQPACKET = 1;
export type Kind = typeof STREAM | typeof SEQPACKET;

/** Something of the addon's. It is kept in private fields and never reaches users. */
declare const brand: unique symbol;
export interface Handle<T extends string> { readonly [brand]: T }

/** Who is at the other end: by user and group on Unix, by session and security identifier on Windows. */
export interface Who {
  pid: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
  session?: number | undefined;
  sid?: string | undefined;
}

/** A connection that was accepted, until it is made into something: a descriptor, or, on Windows, something of the addon's. */
export type Came = number | Handle<'came'>;

/** What a watch calls, with what is ready. `ours`, beside it: nobody else relies on the flags of the descriptor. */
export type OnReady = (bits: number) => void;

interface Socket<T extends string> {
  pair(): [Handle<T>, Handle<T>];
  adopt(fd: number): Handle<T>;
  fd(of: Handle<T>): number;
  watch(of: Handle<T>, ready: OnReady, ours: boolean): Handle<'watch'>;
  takeFds(of: Handle<T>, numbers: Int32Array): Handle<'fds'> | null;
  credentials(of: Handle<T>): Who;
  detach(of: Handle<T>): number;
  close(of: Handle<T>): void;
}

interface Addon {
  watch: {
    want(of: Handle<'watch'>, bits: number): void;
    wakeAfter(of: Handle<'watch'>, ms: number): void;
    hold(of: Handle<'watch'>, hold: boolean): void;
    close(of: Handle<'watch'>): void;
  };
  fd: {
    adopt(fd: number): Handle<'fds'>;
    duplicate(fd: number): Handle<'fds'>;
    number(of: Handle<'fds'>, place: number): number;
    take(of: Handle<'fds'>, place: number): number;
    close(of: Handle<'fds'>, place: number): void;
  };
  connecting: {
    open(kind: Kind, address: string): Handle<'connecting'>;
    attempt(of: Handle<'connecting'>): boolean;
    pause(of: Handle<'connecting'>): number;
    finish(of: Handle<'connecting'>): Handle<'stream'> | Handle<'seqpacket'>;
    close(of: Handle<'connecting'>): void;
  };
  stream: Socket<'stream'> & {
    shutdown(of: Handle<'stream'>, how: number): void;
    made(came: Came): Handle<'stream'>;
    write(of: Handle<'stream'>, chunk: Uint8Array, from: number, fds: readonly number[] | null): number;
    takeFdNumbers(of: Handle<'stream'>): number[];
    writev(of: Handle<'stream'>, chunks: readonly Uint8Array[], from: number): number;
    readMany(of: Handle<'stream'>, into: Uint8Array, lengths: Int32Array): number;
  };
  seqpacket: Socket<'seqpacket'> & {
    shutdown(of: Handle<'seqpacket'>, how: number): void;
    made(came: Came): Handle<'seqpacket'>;
    send(of: Handle<'seqpacket'>, packet: Uint8Array, fds: readonly number[] | null): boolean;
    sendMany(of: Handle<'seqpacket'>, packets: readonly Uint8Array[], from: number): number;
    recvMany(of: Handle<'seqpacket'>, into: Uint8Array, lengths: Int32Array, largest: number): number;
  };
  datagram: Socket<'datagram'> & {
    bind(address: string | null, mode: number): Handle<'datagram'>;
    connect(of: Handle<'datagram'>, address: string): boolean;
    leave(of: Handle<'datagram'>): void;
    send(of: Handle<'datagram'>, packet: Uint8Array, to: string | null, fds: readonly number[] | null): boolean;
    recvMany(of: Handle<'datagram'>, into: Uint8Array, lengths: Int32Array, largest: number): number;
    takeFrom(of: Handle<'datagram'>): (string | null)[];
  };
  listener: {
    open(kind: Kind, address: string, numbers: readonly number[], allow: string | null): Handle<'listener'>;
    fd(of: Handle<'listener'>): number;
    watch(of: Handle<'listener'>, ready: OnReady, ours: boolean): Handle<'watch'>;
    accept(of: Handle<'listener'>): Came;
    detach(of: Handle<'listener'>): number;
    leave(of: Handle<'listener'>): void;
    close(of: Handle<'listener'>): void;
  };
  door: {
    adopt(fd: number, backlog: number): Handle<'door'>;
    fd(of: Handle<'door'>): number;
    watch(of: Handle<'door'>, ready: OnReady, ours: boolean): Handle<'watch'>;
    accept(of: Handle<'door'>): number;
    detach(of: Handle<'door'>): number;
    close(of: Handle<'door'>): void;
    reuseport(port: number, host: string): number;
    peerName(fd: number): string | null;
    bufferSize(fd: number, receiving: boolean): number;
    setBufferSize(fd: number, receiving: boolean, bytes: number): void;
  };
  messages: MessagesTable;
  sp: SpTable;
}

/** The addon for this machine: the one that was built here, or that of a platform package. */
function load(): Addon {
  const machine = `${process.platform}-${process.arch}`;
  const causes: unknown[] = [];
  // What fits one C library does not load with the other, which costs less to find out than which one is there.
  const names = process.platform === 'linux' ? [`${machine}-gnu`, `${machine}-musl`] : [machine];
  for (const name of names) {
    const built = join(__dirname, '..', `ginnel.${name}.node`);
    try {
      return require(existsSync(built) ? built : `ginnel-${name}`) as Addon;
    } catch (cause) {
      causes.push(cause);
    }
  }
  const advice = `no addon for ${machine}: run "npm run build" in the package, which needs cargo`;
  throw Object.assign(new AggregateError(causes, advice), { code: 'ERR_GINNEL_NO_ADDON' });
}

export const addon: Addon = load();

/** What can be watched. `ours`: nobody else relies on the flags of the descriptor. */
export interface Watched {
  watch(ready: OnReady, ours: boolean): Watch;
}

/**
 * What waits on this thread's loop: for something that is watched, and for a moment. What it watches stays open until the
 * watch is closed, and what it calls may do anything with it.
 */
export class Watch {
  readonly #handle: Handle<'watch'>;

  constructor(handle: Handle<'watch'>) { this.#handle = handle; }

  want(bits: number): void { addon.watch.want(this.#handle, bits); }
  /** -1: not. */
  wakeAfter(ms: number): void { addon.watch.wakeAfter(this.#handle, ms); }
  ref(): void { addon.watch.hold(this.#handle, true); }
  unref(): void { addon.watch.hold(this.#handle, false); }
  close(): void { addon.watch.close(this.#handle); }
}

/** A socket on its way to an address. */
export class Connecting {
  readonly #handle: Handle<'connecting'>;

  constructor(kind: Kind, address: string) {
    this.#handle = addon.connecting.open(kind, address);
  }

  attempt(): boolean { return addon.connecting.attempt(this.#handle); }
  /** Milliseconds before the next attempt. */
  pause(): number { return addon.connecting.pause(this.#handle); }
  stream(): Stream { return new Stream(addon.connecting.finish(this.#handle) as Handle<'stream'>); }
  seqpacket(): SeqPacket { return new SeqPacket(addon.connecting.finish(this.#handle) as Handle<'seqpacket'>); }
  close(): void { addon.connecting.close(this.#handle); }
}

/** Bytes in order. */
export class Stream {
  readonly #handle: Handle<'stream'>;

  constructor(handle: Handle<'stream'>) { this.#handle = handle; }

  static pair(): [Stream, Stream] {
    const [a, b] = addon.stream.pair();
    return [new Stream(a), new Stream(b)];
  }
  /** Takes it over once it is known to be a connected stream socket of the local family. */
  static adopt(fd: number): Stream { return new Stream(addon.stream.adopt(fd)); }
  /** As `adopt`, for one that was accepted just now. */
  static made(came: Came): Stream { return new Stream(addon.stream.made(came)); }

  get handle(): Handle<'stream'> { return this.#handle; }
  get fd(): number { return addon.stream.fd(this.#handle); }
  watch(ready: OnReady, ours: boolean): Watch { return new Watch(addon.stream.watch(this.#handle, ready, ours)); }
  /** How many bytes the kernel took; -1: none now. */
  write(chunk: Uint8Array, from: number, fds: readonly number[] | null): number {
    return addon.stream.write(this.#handle, chunk, from, fds);
  }
  /** As `write`; `from` bytes are gone already. */
  writev(chunks: readonly Uint8Array[], from: number): number { return addon.stream.writev(this.#handle, chunks, from); }
  /**
   * How many reads there were until the kernel had no more or the room was full; 0: not yet. Their bytes stand one behind
   * the other; of each, `lengths` has two numbers: its bytes (0: the end, -1: the next call throws) and its descriptors.
   */
  readMany(into: Uint8Array, lengths: Int32Array): number { return addon.stream.readMany(this.#handle, into, lengths); }
  /** The descriptors that came with the last call. Those that nobody takes are closed by the next. */
  takeFds(): Fd[] { return owned(addon.stream.takeFds, this.#handle); }
  /** As `takeFds`, as numbers that the caller closes. */
  takeFdNumbers(): number[] { return addon.stream.takeFdNumbers(this.#handle); }
  /** As shutdown(2): 0 reading, 1 writing, 2 both. */
  shutdown(how: 0 | 1 | 2): void { addon.stream.shutdown(this.#handle, how); }
  credentials(): Who { return addon.stream.credentials(this.#handle); }
  detach(): number { return addon.stream.detach(this.#handle); }
  close(): void { addon.stream.close(this.#handle); }
}

/** Packets in order. */
export class SeqPacket {
  readonly #handle: Handle<'seqpacket'>;

  constructor(handle: Handle<'seqpacket'>) { this.#handle = handle; }

  static pair(): [SeqPacket, SeqPacket] {
    const [a, b] = addon.seqpacket.pair();
    return [new SeqPacket(a), new SeqPacket(b)];
  }
  static adopt(fd: number): SeqPacket { return new SeqPacket(addon.seqpacket.adopt(fd)); }
  static made(came: Came): SeqPacket { return new SeqPacket(addon.seqpacket.made(came)); }

  get fd(): number { return addon.seqpacket.fd(this.#handle); }
  watch(ready: OnReady, ours: boolean): Watch { return new Watch(addon.seqpacket.watch(this.#handle, ready, ours)); }
  send(packet: Uint8Array, fds: readonly number[] | null): boolean { return addon.seqpacket.send(this.#handle, packet, fds); }
  /** How many went, from the one with this number on. */
  sendMany(packets: readonly Uint8Array[], from: number): number { return addon.seqpacket.sendMany(this.#handle, packets, from); }
  /**
   * How many came. Their bytes stand one behind the other; of each, `lengths` has two numbers: its bytes (-1: the end,
   * -2: it was larger than `largest` and is lost, -3: the next call throws) and its descriptors. `into` has room for `largest` bytes at least.
   */
  recvMany(into: Uint8Array, lengths: Int32Array, largest: number): number {
    return addon.seqpacket.recvMany(this.#handle, into, lengths, largest);
  }
  takeFds(): Fd[] { return owned(addon.seqpacket.takeFds, this.#handle); }
  shutdown(how: 0 | 1 | 2): void { addon.seqpacket.shutdown(this.#handle, how); }
  credentials(): Who { return addon.seqpacket.credentials(this.#handle); }
  detach(): number { return addon.seqpacket.detach(this.#handle); }
  close(): void { addon.seqpacket.close(this.#handle); }
}

/** Packets without a connection. */
export class Datagram {
  readonly #handle: Handle<'datagram'>;

  constructor(handle: Handle<'datagram'>) { this.#handle = handle; }

  static bind(address: string | null, mode: number): Datagram { return new Datagram(addon.datagram.bind(address, mode)); }
  static pair(): [Datagram, Datagram] {
    const [a, b] = addon.datagram.pair();
    return [new Datagram(a), new Datagram(b)];
  }
  static adopt(fd: number): Datagram { return new Datagram(addon.datagram.adopt(fd)); }

  get fd(): number { return addon.datagram.fd(this.#handle); }
  watch(ready: OnReady, ours: boolean): Watch { return new Watch(addon.datagram.watch(this.#handle, ready, ours)); }
  send(packet: Uint8Array, to: string | null, fds: readonly number[] | null): boolean {
    return addon.datagram.send(this.#handle, packet, to, fds);
  }
  /** Sends to this address where no other is given. `false`: not now. */
  connect(address: string): boolean { return addon.datagram.connect(this.#handle, address); }
  /** As that of `SeqPacket`; a datagram socket has no end. */
  recvMany(into: Uint8Array, lengths: Int32Array, largest: number): number {
    return addon.datagram.recvMany(this.#handle, into, lengths, largest);
  }
  /** Who sent the packets that came last. */
  takeFrom(): (string | null)[] { return addon.datagram.takeFrom(this.#handle); }
  takeFds(): Fd[] { return owned(addon.datagram.takeFds, this.#handle); }
  credentials(): Who { return addon.datagram.credentials(this.#handle); }
  detach(): number { return addon.datagram.detach(this.#handle); }
  /** As `close`, but the socket file stays. */
  leave(): void { addon.datagram.leave(this.#handle); }
  close(): void { addon.datagram.close(this.#handle); }
}

/** How a listener is published: mode, backlog, owner and group, -1 where nothing is said; and who is allowed. */
export interface Published { numbers: readonly number[]; allow: string | null }

/** A name that others connect to. */
export class Listener {
  readonly #handle: Handle<'listener'>;

  constructor(handle: Handle<'listener'>) { this.#handle = handle; }

  static open(kind: Kind, address: string, { numbers, allow }: Published): Listener {
    return new Listener(addon.listener.open(kind, address, numbers, allow));
  }

  get handle(): Handle<'listener'> { return this.#handle; }
  get fd(): number { return addon.listener.fd(this.#handle); }
  watch(ready: OnReady, ours: boolean): Watch { return new Watch(addon.listener.watch(this.#handle, ready, ours)); }
  /** A connection; -1: not yet; less: pause for as many milliseconds as it is less than -2. */
  accept(): Came { return addon.listener.accept(this.#handle); }
  detach(): number { return addon.listener.detach(this.#handle); }
  /** As `close`, but the socket file stays, and nobody answers there. */
  leave(): void { addon.listener.leave(this.#handle); }
  close(): void { addon.listener.close(this.#handle); }
}

/** A socket that listens, of whatever family. */
export class Door {
  readonly #handle: Handle<'door'>;

  constructor(fd: number, backlog: number) { this.#handle = addon.door.adopt(fd, backlog); }

  get fd(): number { return addon.door.fd(this.#handle); }
  watch(ready: OnReady, ours: boolean): Watch { return new Watch(addon.door.watch(this.#handle, ready, ours)); }
  /** As that of `Listener`. */
  accept(): number { return addon.door.accept(this.#handle); }
  detach(): number { return addon.door.detach(this.#handle); }
  close(): void { addon.door.close(this.#handle); }
}

/** What can be asked of any socket by its number. */
export const { reuseport, peerName, bufferSize, setBufferSize } = addon.door;

/**
 * A descriptor that is owned. If nobody takes or closes it, it is closed when this object is collected, together with
 * those that came beside it, and at the end of its thread at the latest.
 */
export class Fd {
  #number: number;
  /** The addon owns it, together with others, each in its place. */
  readonly #owner: Handle<'fds'>;
  readonly #place: number;

  private constructor(owner: Handle<'fds'>, place: number, number: number) {
    this.#owner = owner;
    this.#place = place;
    this.#number = number;
  }

  /**
   * Takes over a descriptor that is open.
   *
   * @throws EBADF if nothing is open under this number.
   */
  static adopt(fd: number): Fd { return new Fd(addon.fd.adopt(fd), 0, fd); }
  /** A further descriptor of the same open file, close-on-exec. */
  static duplicate(fd: number): Fd {
    const owner = addon.fd.duplicate(fd);
    return new Fd(owner, 0, addon.fd.number(owner, 0));
  }
  /** @internal */
  static of(owner: Handle<'fds'>, place: number, number: number): Fd { return new Fd(owner, place, number); }

  /** Its number, -1 once it was taken or closed. It stays owned by this object. */
  get number(): number { return this.#number; }
  get closed(): boolean { return this.#number < 0; }
  /** Gives it to the caller, who closes it. -1 if that was done before. */
  take(): number {
    const number = this.#number;
    if (number >= 0) addon.fd.take(this.#owner, this.#place);
    this.#number = -1;
    return number;
  }
  close(): void {
    if (this.#number < 0) return;
    this.#number = -1;
    addon.fd.close(this.#owner, this.#place);
  }
  [Symbol.dispose](): void { this.close(); }
}

/** Descriptors that have come to a socket. As many as there is room for have one owner: it is collected with the last. */
export function owned<T extends string>(take: (of: Handle<T>, numbers: Int32Array) => Handle<'fds'> | null, of: Handle<T>): Fd[] {
  const fds: Fd[] = [];
  for (;;) {
    const owner = take(of, taken.fill(-1));
    if (owner === null) return fds;
    for (let place = 0; place < taken.length; place++) {
      const number = taken[place] ?? -1;
      if (number < 0) break;
      fds.push(Fd.of(owner, place, number));
    }
  }
}

const taken = new Int32Array(16);
