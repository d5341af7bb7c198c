// Byte streams that carry descriptors: a Duplex of Node's, and two things more.

import { Duplex } from 'node:stream';

import * as check from './check';
import { connect } from './driver/connect';
import { Waits } from './driver/watch';
import { aborted, closed, explained, failure, misuse, tried } from './errors';
import { duplicates, Fd, type FdLike, numbers, refuseWithout, takeOver } from './fd';
import { Listener, type ListenOptions } from './listener';
import { STREAM, Stream as Native, type Who } from './native';
import { type Arrival, Arrivals } from './sockets/arrivals';
import { concernsOne, Outgoing } from './sockets/outgoing';
import { type ConnectOptions, HIGH_WATER, type SendOptions, type StreamEvents, streamOptions, type StreamOptions } from './stream-options';

export { type ConnectOptions, type SendOptions, type StreamEvents, type StreamOptions };

export interface Stream {
  on<E extends keyof StreamEvents>(event: E, listener: (...args: StreamEvents[E]) => void): this;
  on(event: 'data', listener: (chunk: Buffer) => void): this;
  /** Text, after `setEncoding`. */
  on(event: 'data', listener: (chunk: string) => void): this;
  on(event: string | symbol, listener: (...args: unknown[]) => void): this;
  once<E extends keyof StreamEvents>(event: E, listener: (...args: StreamEvents[E]) => void): this;
  once(event: 'data', listener: (chunk: Buffer) => void): this;
  once(event: 'data', listener: (chunk: string) => void): this;
  once(event: string | symbol, listener: (...args: unknown[]) => void): this;
}

export class Stream extends Duplex {
  readonly #native: Native;
  readonly #waits: Waits;
  readonly #in = new Arrivals();
  readonly #out = new Outgoing();
  #read = 0;
  #gone = false;
  /** Of a chunk that the kernel has, and whose end is told on the next tick. */
  #told = 0;

  private constructor(native: Native, options: StreamOptions = {}) {
    super({
      allowHalfOpen: options.allowHalfOpen ?? false,
      highWaterMark: options.highWaterMark ?? HIGH_WATER,
      decodeStrings: true,
    });
    this.#native = native;
    this.#waits = new Waits(native, (read, write, time) => this.#ready(read, write, time));
  }

  /** Connects to whoever listens at `address`; pauses up to 50 ms at a time while its queue is full. */
  static async connect(address: string, options?: ConnectOptions): Promise<Stream> {
    const { signal, ...rest } = check.options(options);
    const given = streamOptions(rest);
    const native = await connect(STREAM, check.text(address, 'address'), check.signal(signal), (it) => it.stream());
    return new Stream(native, given);
  }

  /** Two streams that are connected to each other. */
  static pair(options?: StreamOptions): [Stream, Stream] {
    const given = streamOptions(check.options(options));
    const [a, b] = tried('socketpair', undefined, () => Native.pair());
    return [new Stream(a, given), new Stream(b, given)];
  }

  /** Takes over a descriptor, if it is a connected stream socket of the local family. Its flags stay as they are. */
  static adopt(fd: FdLike, options?: StreamOptions): Stream {
    const given = streamOptions(check.options(options));
    return new Stream(takeOver(fd, (number) => tried('adopt', undefined, () => Native.adopt(number))), given);
  }

  /** Listens at `address`. A live listener there is never displaced, what a dead one has left is replaced. */
  static listen(address: string, options?: ListenOptions & StreamOptions): Listener<Stream> {
    const given = streamOptions(check.options(options));
    return Listener.open(STREAM, address, options, (came) => new Stream(Native.made(came), given));
  }

  /** The number of its descriptor, -1 once it is closed. */
  get fd(): number {
    return this.#gone ? -1 : this.#native.fd;
  }

  /** Bytes that were read so far. */
  get bytesRead(): number {
    return this.#read;
  }

  /** Who is at the other end, as recorded when the connection was made. Of a pair, who has made it. */
  get peerCredentials(): Who {
    if (this.#gone) throw closed('stream');
    return tried('getsockopt', undefined, () => this.#native.credentials());
  }

  /**
   * Sends bytes, behind what was written before, and descriptors with the first of them. Resolves once the kernel has all
   * of it: whoever awaits each is slowed down by a slow reader. What fails for the descriptors alone ends nothing else.
   */
  async send(data: Uint8Array | string, options?: SendOptions): Promise<void> {
    const { fds, signal } = check.options(options);
    const chunk = check.bytes(data);
    const carried = numbers(fds);
    const stop = check.signal(signal);
    if (stop?.aborted) throw aborted(stop);
    if (this.destroyed || this.writableEnded) throw closed('stream');
    if (chunk.length === 0) {
      if (carried !== null) throw misuse('descriptors travel with a byte, and none was given');
      return;
    }
    const sent = carried !== null && this.#isIdle() ? this.#sendNow(chunk, carried) : 0;
    if (sent === chunk.length) return;
    await this.#sendLater(chunk.subarray(sent), sent === 0 ? duplicates(carried) : null, stop);
  }

  /** Has the kernel everything, whether that was told or not? */
  #isIdle(): boolean {
    return this.#out.isEmpty && this.writableLength === this.#told;
  }

  #sendNow(chunk: Buffer, fds: readonly number[]): number {
    try {
      return Math.max(this.#native.write(chunk, 0, fds), 0);
    } catch (error) {
      const known = explained(error, 'sendmsg');
      if (known.code === 'ETOOMANYREFS') return 0;
      if (!concernsOne(known)) this.destroy(known);
      throw known;
    }
  }

  #sendLater(chunk: Buffer, fds: Fd[] | null, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      // A view of its own: the same bytes may be sent twice.
      const key = chunk.subarray();
      const beside: Beside = { fds, cancelled: false, failed: null };
      this.#beside.set(key, beside);
      const abort = (): void => {
        beside.cancelled = true;
        if (signal !== undefined) reject(aborted(signal));
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.write(key, (error) => {
        signal?.removeEventListener('abort', abort);
        // If they were sent they are closed; if the stream has ended before their turn, nobody else closes them.
        fds?.forEach((fd) => fd.close());
        const why = error ?? beside.failed;
        if (why === null || why === undefined) resolve();
        else reject(explained(why, 'sendmsg'));
      });
    });
  }

  /** What belongs to chunks that are under way in the Duplex. */
  readonly #beside = new WeakMap<Uint8Array, Beside>();

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    let sent = 0;
    if (this.#out.isEmpty && !this.#beside.has(chunk)) {
      try {
        sent = Math.max(this.#native.write(chunk, 0, null), 0);
      } catch (error) {
        callback(explained(error, 'write'));
        return;
      }
    }
    // Most of what is written goes at once and as a whole: the queue is for the rest.
    if (sent === chunk.length) return this.#tell(sent, callback);
    this.#push(sent > 0 ? chunk.subarray(sent) : chunk);
    this.#flush(chunk.length, callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    let length = 0;
    for (const { chunk } of chunks) {
      length += chunk.length;
      this.#push(chunk);
    }
    this.#flush(length, callback);
  }

  #push(data: Buffer): void {
    const beside = this.#beside.get(data);
    if (beside === undefined) {
      this.#out.push({ data, fds: null, cancelled: false, done: nothing });
      return;
    }
    this.#out.push({
      data,
      fds: beside.fds,
      get cancelled() { return beside.cancelled; },
      done: (error) => { beside.failed = error; },
    });
  }

  /** The Duplex gives one batch at a time; this is called once the kernel has it. */
  #written: ((error?: Error | null) => void) | null = null;
  #length = 0;

  #flush(length: number, callback: (error?: Error | null) => void): void {
    this.#written = callback;
    this.#length = length;
    this.#continue();
  }

  #continue(): void {
    const written = this.#written;
    if (written === null || this.#gone) return;
    try {
      const progress = this.#out.flush(this.#native);
      this.#waits.forWrite(progress === 'full');
      if (progress === 'crowded') this.#waits.forTime(this.#pause());
      if (progress !== 'all') return;
    } catch (error) {
      this.#written = null;
      written(explained(error, 'write'));
      return;
    }
    this.#crowded = 0;
    this.#written = null;
    this.#tell(this.#length, written);
  }

  /** The kernel has it. What is written in the same tick leaves together with the next, so it is told behind that. */
  #tell(length: number, written: () => void): void {
    this.#told = length;
    process.nextTick(Stream.#tellNow, this, written);
  }

  static #tellNow(stream: Stream, written: () => void): void {
    stream.#told = 0;
    written();
  }

  #crowded = 0;

  #pause(): number {
    this.#crowded += 1;
    return Math.min(2 ** (this.#crowded - 1), 50);
  }

  override _final(callback: (error?: Error | null) => void): void {
    try {
      this.#native.shutdown(1);
      // From now on only the other side's end keeps it open, also if nobody reads.
      this.#waits.forRead(!this.#ended);
      callback();
    } catch (error) {
      const known = explained(error, 'shutdown');
      // Nobody is there to be told of the end.
      callback(known.code === 'ENOTCONN' || known.code === 'EPIPE' ? null : known);
    }
  }

  /** Does the Duplex want to be given more? */
  #asked = false;
  /** Was it told of the end? */
  #ended = false;

  override _read(): void {
    if (this.#gone) return;
    this.#asked = true;
    this.#waits.forRead(true);
    if (this.#in.first !== undefined) process.nextTick(() => this.#resume());
  }

  #resume(): void {
    if (!this.#gone && this.#in.first !== undefined) this.#fill();
  }

  #ready(read: boolean, write: boolean, time: boolean): void {
    if (write || time) this.#continue();
    if (read && !this.#gone) this.#fill();
  }

  #fill(): void {
    for (let reads = 0; reads < READS; reads++) {
      if (this.#in.first === undefined && (reads > 0 && this.#in.drained || !this.#in.read(this.#native))) return;
      if (!this.#asked) {
        this.#lookForEnd();
        return;
      }
      if (!this.#handOn()) return;
    }
  }

  /** Nobody reads. Of what has come only the end is told; the rest waits. */
  #lookForEnd(): void {
    this.#waits.forRead(false);
    const first = this.#in.first;
    if (first === undefined || first.data instanceof Buffer || first.fds !== null) return;
    this.#handOnOne(first);
    // Lets the Duplex see that nothing is in front of the end.
    this.read(0);
  }

  /** Hands on what was read. `false`: no more of it is wanted now. */
  #handOn(): boolean {
    let thrown = true;
    try {
      let wanted = true;
      for (let next = this.#in.first; next !== undefined && wanted; next = this.#in.first) wanted = this.#handOnOne(next);
      thrown = false;
      return wanted;
    } finally {
      // A listener has thrown. If the process survives that, it is told of the rest.
      if (thrown) process.nextTick(() => this.#resume());
    }
  }

  #handOnOne(arrival: Arrival): boolean {
    const { data, fds, starts } = arrival;
    if (fds !== null) {
      arrival.fds = null;
      if (!this.emit('fds', fds, this.#read, starts)) fds.forEach((fd) => fd.close());
      if (this.#gone) return false;
    }
    this.#in.shift();
    if (data instanceof Error) {
      this.destroy(data);
      return false;
    }
    this.#read += data?.length ?? 0;
    this.#ended = data === null;
    const wanted = this.push(data) && !this.#gone;
    this.#asked = wanted;
    if (!wanted) this.#waits.forRead(false);
    return wanted;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#gone) {
      this.#gone = true;
      this.#waits.close();
      this.#native.close();
      this.#in.clear();
      this.#out.clear(error ?? closed('stream'));
    }
    const written = this.#written;
    this.#written = null;
    written?.(error ?? closed('stream'));
    callback(error);
  }

  /**
   * Gives the descriptor away, with the connection as it is. What was read ahead and what still has to be written would be
   * lost: then it refuses.
   */
  detach(): Fd {
    refuseWithout();
    return this.handOver((native) => Fd.adopt(native.detach()));
  }

  /** As `detach`, to something else of ours. @internal */
  handOver<T>(take: (native: Native) => T): T {
    if (this.#gone) throw closed('stream');
    if (this.readableLength > 0 || this.#in.first !== undefined || !this.#isIdle()) {
      throw failure('ERR_GINNEL_BUSY', `${this.readableLength} bytes were read ahead and ${this.writableLength} wait to be written`);
    }
    this.#waits.close();
    this.#gone = true;
    const taken = take(this.#native);
    this.destroy();
    return taken;
  }

  /** Writes what is queued, ends, and resolves once it is closed. */
  async close(): Promise<void> {
    if (this.closed) return;
    await new Promise<void>((resolve) => {
      this.once('close', resolve);
      if (this.destroyed) return;
      // What went wrong is told by 'error'; here it only ends the wait.
      this.end(() => this.destroy());
    });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** It keeps the process alive while it waits for something, as it does unless told otherwise. */
  ref(): this {
    this.#waits.ref();
    return this;
  }

  unref(): this {
    this.#waits.unref();
    return this;
  }
}

interface Beside {
  readonly fds: Fd[] | null;
  cancelled: boolean;
  failed: Error | null;
}

function nothing(): void {}

/** Most reads before others have their turn. */
const READS = 16;
