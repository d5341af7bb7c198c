// What sockets of packets have in common: packets that wait to be taken, and whoever waits for them.

import * as check from '../check';
import { Waiters } from '../driver/waiters';
import { Waits } from '../driver/watch';
import { aborted, closed, explained, failure, type GinnelError, tried } from '../errors';
import { type Fd } from '../fd';
import { type Watched, type Who } from '../native';
import { copy } from '../slab';

export interface Packet {
  data: Buffer;
  /** Descriptors that came with it. What nobody takes is closed once it is collected. */
  fds: Fd[];
}

export interface PacketOptions {
  /** Bytes of the largest packet that is taken in: 1 MiB unless told otherwise. Of a larger one the kernel keeps nothing. */
  largestPacket?: number;
}

export interface WaitOptions {
  signal?: AbortSignal;
}

/** What the addon's sockets of packets have in common. */
export interface NativePackets extends Watched {
  readonly fd: number;
  recvMany(into: Uint8Array, lengths: Int32Array, largest: number): number;
  takeFds(): Fd[];
  credentials(): Who;
  close(): void;
}

/** `null`: nothing more comes. */
type Arrival<P extends Packet> = P | GinnelError | null;

export abstract class Packets<P extends Packet> {
  protected readonly waits: Waits;
  readonly #native: NativePackets;
  readonly #largest: number;
  readonly #arrived: Arrival<P>[] = [];
  readonly #waiters = new Waiters<P | null>(() => this.#readIfWanted());
  #gone = false;

  protected constructor(native: NativePackets, options: PacketOptions) {
    this.#native = native;
    this.#largest = options.largestPacket ?? LARGEST;
    this.waits = new Waits(native, (read, write, time) => this.#ready(read, write, time));
  }

  /** The number of its descriptor, -1 once it is closed. */
  get fd(): number {
    return this.#gone ? -1 : this.#native.fd;
  }

  get closed(): boolean {
    return this.#gone;
  }

  /** Who is at the other end, as recorded when the connection was made. Of a pair, who has made it. */
  get peerCredentials(): Who {
    if (this.#gone) throw closed('socket');
    return tried('getsockopt', undefined, () => this.#native.credentials());
  }

  /** A packet as users see it. @internal */
  protected abstract packet(data: Buffer, fds: Fd[]): P;
  /** The kernel may take more now, or the moment has come. @internal */
  protected abstract proceed(): void;
  /** Gives up what waits to be sent. @internal */
  protected abstract giveUp(error: Error): void;

  /** Before the packets of one batch are made. @internal */
  protected begin(): void {}

  protected receive(options: WaitOptions | undefined): Promise<P | null> {
    const next = options === undefined ? this.#arrived[0] : undefined;
    if (next === undefined || next === null || next instanceof Error) return this.#receiveLater(options);
    // The short way, for whoever takes many.
    this.#arrived.shift();
    return Promise.resolve(next);
  }

  async #receiveLater(options: WaitOptions | undefined): Promise<P | null> {
    const signal = check.signal(check.options(options).signal);
    if (signal?.aborted) throw aborted(signal);
    const next = this.#take();
    if (next instanceof Error) throw next;
    if (next !== undefined) return next;
    if (this.#gone) return null;
    this.waits.forRead(true);
    return this.#waiters.wait(signal);
  }

  /** What came first; the end stays. */
  #take(): Arrival<P> | undefined {
    const next = this.#arrived[0];
    if (next !== null) this.#arrived.shift();
    return next;
  }

  #ready(read: boolean, write: boolean, time: boolean): void {
    if (write || time) this.proceed();
    if (read && !this.#gone && this.#waiters.length > 0) this.#fill();
  }

  #fill(): void {
    this.#read();
    this.#handOut();
  }

  #read(): void {
    const room = roomFor(this.#largest);
    try {
      const count = this.#native.recvMany(room, lengths, this.#largest);
      this.#sort(room, count);
    } catch (error) {
      this.#arrived.push(explained(error, 'recvmsg'));
    }
  }

  #sort(room: Buffer, count: number): void {
    this.begin();
    let at = 0;
    let fds: Fd[] | null = null;
    let given = 0;
    for (let index = 0; index < count; index++) {
      const bytes = lengths[2 * index] ?? END;
      const carried = lengths[2 * index + 1] ?? 0;
      if (bytes === END) {
        this.#arrived.push(null);
      } else if (bytes === CUT) {
        this.packet(NOTHING, []);
        this.#arrived.push(failure('ERR_GINNEL_PACKET_CUT', `a packet had more than ${this.#largest} bytes, and is lost`));
      } else if (bytes === FAILED) {
        // The last of a batch. Nothing may become readable before somebody asks for the reason.
        this.#read();
      } else {
        if (carried > 0) fds ??= this.#native.takeFds();
        const own = carried === 0 ? [] : fds?.slice(given, given + carried) ?? [];
        this.#arrived.push(this.packet(copy(room, at, at + bytes), own));
        at += bytes;
        given += carried;
      }
    }
  }

  #handOut(): void {
    while (this.#waiters.length > 0) {
      const next = this.#take();
      if (next === undefined) break;
      if (next instanceof Error) this.#waiters.fail(next);
      else this.#waiters.settle(next);
    }
    this.#readIfWanted();
  }

  #readIfWanted(): void {
    if (this.#waiters.length > 0) this.waits.forRead(true);
    else this.waits.pauseRead();
  }

  /** Closes it at once. What waits to be sent is given up, and whoever waits for a packet gets `null`. */
  destroy(): void {
    this.release(() => this.#native.close());
  }

  /** Ends everything here, by closing the socket or by giving it away. */
  protected release<T>(end: () => T): T | undefined {
    if (this.#gone) return undefined;
    this.#gone = true;
    this.waits.close();
    const ended = end();
    this.giveUp(closed('socket'));
    for (const arrival of this.#arrived) {
      if (arrival !== null && !(arrival instanceof Error)) arrival.fds.forEach((fd) => fd.close());
    }
    this.#arrived.length = 0;
    this.#waiters.settleAll(null);
    return ended;
  }

  /** It keeps the process alive while it waits for something, as it does unless told otherwise. */
  ref(): this {
    this.waits.ref();
    return this;
  }

  unref(): this {
    this.waits.unref();
    return this;
  }
}

/** One room for all sockets of the thread: what arrives is copied out of it at once. */
let room = Buffer.alloc(0);

function roomFor(largest: number): Buffer {
  if (room.length < largest) room = Buffer.allocUnsafeSlow(largest + SLACK);
  return room;
}

/** Most packets that are taken at once, two numbers for each. */
const lengths = new Int32Array(2 * 64);

const END = -1;
const CUT = -2;
const FAILED = -3;
const NOTHING = Buffer.alloc(0);
const LARGEST = 1 << 20;

/** Room for many small packets beside the largest. */
const SLACK = 64 << 10;

/** Options of a socket of packets, looked at. */
export function packetOptions(options: PacketOptions | undefined): PacketOptions {
  const largestPacket = check.optional(check.options(options).largestPacket, 'largestPacket', 1, 0x3fffffff);
  return largestPacket === undefined ? {} : { largestPacket };
}
