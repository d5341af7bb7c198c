// Packets in order, over a connection.

import * as check from './check';
import { each } from './driver/iterate';
import { connect } from './driver/connect';
import { aborted, closed, explained, tried } from './errors';
import { duplicates, Fd, type FdLike, numbers, refuseWithout, takeOver } from './fd';
import { Listener, type ListenOptions } from './listener';
import { SEQPACKET, SeqPacket as Native } from './native';
import { type Packet, type PacketOptions, packetOptions, Packets, type WaitOptions } from './sockets/packets';
import { Parcels } from './sockets/parcels';
import { type SendOptions } from './stream';

/** Whole packets, empty ones too, each with descriptors of its own. */
export class SeqPacket extends Packets<Packet> {
  readonly #native: Native;
  readonly #out = new Parcels();
  /** Something was sent in this tick already: what follows leaves together. */
  #ticking = false;
  #crowded = 0;

  private constructor(native: Native, options: PacketOptions = {}) {
    super(native, options);
    this.#native = native;
  }

  /** Connects to whoever listens at `address`; pauses up to 50 ms at a time while its queue is full. */
  static async connect(address: string, options?: PacketOptions & WaitOptions): Promise<SeqPacket> {
    const given = packetOptions(options);
    const signal = check.signal(check.options(options).signal);
    return new SeqPacket(await connect(SEQPACKET, check.text(address, 'address'), signal, (it) => it.seqpacket()), given);
  }

  /** Two sockets that are connected to each other. */
  static pair(options?: PacketOptions): [SeqPacket, SeqPacket] {
    const given = packetOptions(options);
    const [a, b] = tried('socketpair', undefined, () => Native.pair());
    return [new SeqPacket(a, given), new SeqPacket(b, given)];
  }

  /** Takes over a descriptor, if it is a connected socket of this kind. Its flags stay as they are. */
  static adopt(fd: FdLike, options?: PacketOptions): SeqPacket {
    const given = packetOptions(options);
    return new SeqPacket(takeOver(fd, (number) => tried('adopt', undefined, () => Native.adopt(number))), given);
  }

  /** Listens at `address`. A live listener there is never displaced, what a dead one has left is replaced. */
  static listen(address: string, options?: ListenOptions & PacketOptions): Listener<SeqPacket> {
    const given = packetOptions(options);
    return Listener.open(SEQPACKET, address, options, (came) => new SeqPacket(Native.made(came), given));
  }

  /**
   * Sends a packet, behind those before it. Resolves once the kernel has it: whoever awaits each is slowed down by a slow
   * reader. One that cannot be sent, as it is too large, costs those behind it nothing.
   */
  async send(data: Uint8Array | string, options?: SendOptions): Promise<void> {
    const { fds, signal } = check.options(options);
    const packet = check.bytes(data);
    const carried = numbers(fds);
    const stop = check.signal(signal);
    if (stop?.aborted) throw aborted(stop);
    this.#check();
    if (this.#out.length === 0 && (carried !== null || !this.#ticking) && this.#now(packet, carried)) return;
    await this.#later(packet, carried, stop);
  }

  /** Sends a packet now or not at all. `false`: the kernel takes none now, or others wait. */
  trySend(data: Uint8Array | string, options?: { fds?: readonly FdLike[] }): boolean {
    const packet = check.bytes(data);
    const carried = numbers(check.options(options).fds);
    this.#check();
    return this.#out.length === 0 && this.#now(packet, carried);
  }

  #check(): void {
    if (this.closed || this.#ending !== null) throw closed('socket');
  }

  #now(packet: Buffer, fds: readonly number[] | null): boolean {
    try {
      const sent = this.#native.send(packet, fds);
      if (sent) this.#tick();
      return sent;
    } catch (error) {
      const known = explained(error, 'sendmsg');
      if (known.code === 'ETOOMANYREFS') return false;
      throw known;
    }
  }

  /** Whatever is sent from now on waits for the end of this tick. */
  #tick(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    process.nextTick(() => {
      this.#ticking = false;
      this.proceed();
    });
  }

  #later(packet: Buffer, fds: readonly number[] | null, signal: AbortSignal | undefined): Promise<void> {
    const sent = this.#out.push(packet, duplicates(fds), { signal });
    if (!this.#ticking) this.proceed();
    return sent;
  }

  /** @internal */
  protected override packet(data: Buffer, fds: Fd[]): Packet {
    return { data, fds };
  }

  /** @internal */
  protected override proceed(): void {
    while (this.#out.length > 0 && !this.closed) {
      try {
        if (!this.#sendSome()) {
          this.waits.forWrite(true);
          return;
        }
        this.#crowded = 0;
      } catch (error) {
        const known = explained(error, 'sendmsg');
        if (known.code === 'ETOOMANYREFS') {
          this.waits.forTime(Math.min(2 ** this.#crowded++, 50));
          return;
        }
        this.#out.shift(1, known);
      }
    }
    this.waits.forWrite(false);
    this.#emptied?.();
  }

  /** `false`: the kernel takes none now. */
  #sendSome(): boolean {
    const first = this.#out.first;
    if (first === undefined) return true;
    const { data, fds, cancelled } = first;
    if (cancelled || fds !== null) {
      const sent = cancelled || this.#native.send(data, fds?.map((fd) => fd.number) ?? null);
      if (sent) this.#out.shift(1);
      return sent;
    }
    const sent = this.#native.sendMany(this.#out.plain(BATCH), 0);
    this.#out.shift(sent);
    return sent > 0;
  }

  /** @internal */
  protected override giveUp(error: Error): void {
    this.#out.clear(error);
    this.#emptied?.();
  }

  /** Waits for the next packet. `null`: the other side has ended, or this one was closed. */
  recv(options?: WaitOptions): Promise<Packet | null> {
    return this.receive(options);
  }

  /** Called when nothing waits to be sent any more, if somebody wants to know. */
  #emptied: (() => void) | null = null;
  #ending: Promise<void> | null = null;

  /** Ends our direction behind what is queued: the other side gets the end, and can still send. */
  async end(): Promise<void> {
    this.#check();
    this.#ending = this.#end();
    await this.#ending;
  }

  async #end(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
      if (!this.#ticking) this.proceed();
    });
    if (!this.closed) tried('shutdown', undefined, () => this.#native.shutdown(1));
  }

  /** Sends what is queued, and closes it. */
  async close(): Promise<void> {
    if (this.closed) return;
    // What went wrong is told to those who have sent it.
    await (this.#ending ?? this.end()).catch(nothing);
    this.destroy();
  }

  /** Gives the descriptor away, with the connection as it is. What has not been sent yet is given up. */
  detach(): Fd {
    refuseWithout();
    const fd = this.release(() => Fd.adopt(this.#native.detach()));
    if (fd === undefined) throw closed('socket');
    return fd;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Packet> {
    return each(() => this.recv());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function nothing(): void {}

/** Most packets of one system call. */
const BATCH = 64;
