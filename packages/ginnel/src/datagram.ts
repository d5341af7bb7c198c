// Packets without a connection.

import * as check from './check';
import { each } from './driver/iterate';
import { aborted, closed, explained, tried } from './errors';
import { duplicates, Fd, type FdLike, numbers, takeOver } from './fd';
import { Datagram as Native } from './native';
import { type Packet, type PacketOptions, packetOptions, Packets, type WaitOptions } from './sockets/packets';
import { type Parcel, Parcels } from './sockets/parcels';
import { type SendOptions } from './stream';

export interface BindOptions extends PacketOptions {
  /** Permission bits of the socket file: who may send here. 0o600 unless told otherwise. */
  mode?: number;
}

export interface ReceivedFrom extends Packet {
  /** The address of who sent it, if that has one. */
  from: string | null;
}

export interface SendToOptions extends SendOptions {
  /** Where to, if the socket is not connected. */
  to?: string;
}

/** Whole packets to whoever has a name. They are not lost on the way: who is too fast for a reader waits for it. */
export class Datagram extends Packets<ReceivedFrom> {
  readonly #native: Native;
  /** What waits, by where it goes: one who reads slowly keeps nobody else waiting. */
  readonly #out = new Map<string | null, Parcels>();
  #from: (string | null)[] = [];
  #pauses = 0;
  #emptied: (() => void) | null = null;

  private constructor(native: Native, options: PacketOptions) {
    super(native, options);
    this.#native = native;
  }

  /** A socket that others reach at `address`; without one it can send. An address is owned as a listener's is. */
  static override bind(address?: string, options?: BindOptions): Datagram {
    const path = address === undefined ? null : check.text(address, 'address');
    const given = packetOptions(options);
    const mode = check.optional(check.options(options).mode, 'mode', 0, 0o7777) ?? 0o600;
    return new Datagram(tried('bind', address, () => Native.bind(path, mode)), given);
  }

  /** Two sockets that are connected to each other. */
  static pair(options?: PacketOptions): [Datagram, Datagram] {
    const given = packetOptions(options);
    const [a, b] = tried('socketpair', undefined, () => Native.pair());
    return [new Datagram(a, given), new Datagram(b, given)];
  }

  /** Takes over a descriptor, if it is a socket of this kind. Its flags stay as they are. */
  static adopt(fd: FdLike, options?: PacketOptions): Datagram {
    const given = packetOptions(options);
    return new Datagram(takeOver(fd, (number) => tried('adopt', undefined, () => Native.adopt(number))), given);
  }

  /** Sends a packet. Resolves once the kernel has it: whoever awaits each is slowed down by a slow reader. */
  async send(data: Uint8Array | string, options?: SendToOptions): Promise<void> {
    const { fds, signal, to } = check.options(options);
    const packet = check.bytes(data);
    const carried = numbers(fds);
    const target = to === undefined ? null : check.text(to, 'to');
    const stop = check.signal(signal);
    if (stop?.aborted) throw aborted(stop);
    if (this.#trySend(packet, target, carried)) return;
    const parcels = this.#out.get(target) ?? new Parcels();
    this.#out.set(target, parcels);
    const sent = parcels.push(packet, duplicates(carried), { to: target, signal: stop });
    this.#wait();
    await sent;
  }

  /** Sends a packet now or not at all. `false`: whom it is for takes none now, or others wait. */
  trySend(data: Uint8Array | string, options?: { to?: string; fds?: readonly FdLike[] }): boolean {
    const { fds, to } = check.options(options);
    const target = to === undefined ? null : check.text(to, 'to');
    return this.#trySend(check.bytes(data), target, numbers(fds));
  }

  #trySend(packet: Buffer, to: string | null, fds: readonly number[] | null): boolean {
    if (this.closed) throw closed('socket');
    if (this.#out.has(to)) return false;
    try {
      return this.#native.send(packet, to, fds);
    } catch (error) {
      const known = explained(error, 'sendmsg', to ?? undefined);
      if (known.code === 'ETOOMANYREFS') return false;
      throw known;
    }
  }

  /** What is connected tells when it takes more; of other sockets the kernel does not say, and is asked again. */
  #wait(): void {
    this.waits.forWrite(this.#out.has(null));
    if (this.#out.size > (this.#out.has(null) ? 1 : 0)) this.waits.forTime(Math.min(2 ** this.#pauses, 50));
  }

  /** @internal */
  protected override proceed(): void {
    let sent = false;
    for (const [to, parcels] of this.#out) {
      while (parcels.first !== undefined && this.#sendFirst(parcels, parcels.first)) sent = true;
      if (parcels.length === 0) this.#out.delete(to);
    }
    this.#pauses = sent ? 0 : this.#pauses + 1;
    this.#wait();
    if (this.#out.size === 0) this.#emptied?.();
  }

  #sendFirst(parcels: Parcels, { data, to, fds, cancelled }: Parcel): boolean {
    try {
      const gone = cancelled || this.#native.send(data, to, fds?.map((fd) => fd.number) ?? null);
      if (gone) parcels.shift(1);
      return gone;
    } catch (error) {
      const known = explained(error, 'sendmsg', to ?? undefined);
      if (known.code === 'ETOOMANYREFS') return false;
      parcels.shift(1, known);
      return true;
    }
  }

  /** @internal */
  protected override giveUp(error: Error): void {
    const all = [...this.#out.values()];
    this.#out.clear();
    all.forEach((parcels) => parcels.clear(error));
    this.#emptied?.();
  }

  /** @internal */
  protected override begin(): void {
    this.#from = this.#native.takeFrom();
  }

  /** @internal */
  protected override packet(data: Buffer, fds: Fd[]): ReceivedFrom {
    return { data, fds, from: this.#from.shift() ?? null };
  }

  /** Waits for the next packet. `null`: it was closed. */
  recv(options?: WaitOptions): Promise<ReceivedFrom | null> {
    return this.receive(options);
  }

  /** Sends what is queued, and closes it. */
  async close(): Promise<void> {
    if (!this.closed && this.#out.size > 0) {
      await new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
    }
    this.destroy();
  }

  /** Gives the descriptor away. What has not been sent yet is given up; its name, if it has one, is removed. */
  detach(): Fd {
    const fd = this.release(() => Fd.adopt(this.#native.detach()));
    if (fd === undefined) throw closed('socket');
    return fd;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<ReceivedFrom> {
    return each(() => this.recv());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
