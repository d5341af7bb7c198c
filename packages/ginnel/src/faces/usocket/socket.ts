import { Duplex } from 'node:stream';

import { whole } from '../../check';
import { explained, failure, tried } from '../../errors';
import { Stream } from '../../native';
import { call } from '../shared';
import { Descriptors } from './descriptors';
import { Dial } from './dial';
import { Link, type Sink } from './link';
import { type Done, Outgoing } from './outgoing';
import { type Chunk, descriptorsOf, isPlain, joined, lacksBytes, type Parcel, plain, understood } from './parcel';
import { type Came, numbersOf, owned } from './reads';

export interface USocketOptions {
  /** Where to connect. */
  path?: string | undefined;
  /** A connected socket, which this object owns from then on. */
  fd?: number | undefined;
  /** As of every Duplex: with `false`, this side ends when the other one has. */
  allowHalfOpen?: boolean | undefined;
}

/** What a read of bytes and descriptors answers. */
export interface Read {
  data: Buffer | string | null;
  fds: number[];
}

/** The life of a socket: both sides have ended in order, or it is gone, with what nobody has read. */
type Life = 'new' | 'dialing' | 'open' | 'ended' | 'gone';

/** Descriptors that were written alone, and wait for a byte that carries them. */
interface Stranded {
  readonly parcel: Parcel;
  readonly done: Done | undefined;
}

/** What waits until the socket is connected. */
interface Parked {
  readonly go: () => void;
  readonly stop: Done;
}

/** A stream socket that sends and receives descriptors, as that of the package `usocket`. */
export class USocket extends Duplex {
  /** The number of the socket, also after it was closed. */
  fd: number | undefined;

  readonly #descriptors = new Descriptors();
  #life: Life = 'new';
  #dial: Dial | null = null;
  #link: Link | null = null;
  #outgoing: Outgoing | null = null;
  #stranded: Stranded[] = [];
  #parked: Parked | null = null;
  #reads = false;
  #cameToEnd = false;
  #endedWriting = false;
  /** 'close' waits for 'end', and that for whoever reads. */
  #owesClose = false;
  /** A read found too few descriptors. */
  #starves = false;

  constructor(options?: USocketOptions | string | null, connected?: () => void) {
    const given = typeof options === 'object' && options !== null ? options : { path: options ?? undefined };
    super({ writableObjectMode: true, allowHalfOpen: given.allowHalfOpen ?? true });
    if (given.fd || given.path) this.connect(given, connected);
  }

  /** Connects to a path, or adopts a socket. `connected` is called once, with the event of that name. */
  connect(options: USocketOptions | string, connected?: () => void): void {
    if (this.#life === 'dialing' || this.#life === 'open') throw new Error('connect on already connected USocket');
    if (this.#life === 'ended') throw new Error('connect on ended USocket');
    const { fd, path } = typeof options === 'string' ? { fd: undefined, path: options } : options;
    if (typeof fd !== 'number' && typeof path !== 'string') throw new Error('USocket#connect expects string path');
    if (typeof connected === 'function') this.once('connected', connected);
    if (typeof fd === 'number') return this.#adopt(fd);
    this.#life = 'dialing';
    this.#dial = new Dial(path ?? '', (error, stream) => this.#told(error, stream));
  }

  override read(size?: number | null): Buffer | string | null;
  override read(size: number | null | undefined, count: number | null): Read | null;
  /** Bytes; with a count also that many descriptors, with `null` all that are there. Nothing is taken if either lacks. */
  override read(size?: number | null, count?: number | null): Buffer | string | Read | null {
    if (this.#life === 'gone') return null;
    if (count === undefined) {
      if (size !== 0) this.#starves = false;
      return super.read(size ?? undefined);
    }
    const wanted = count === null ? this.#descriptors.count : whole(count, 'count');
    if (this.#descriptors.count < wanted) {
      this.#starve();
      return null;
    }
    const data: Buffer | string | null = super.read(size ?? undefined);
    if (size && data === null) return null;
    this.#starves = false;
    return { data, fds: this.#descriptors.take(wanted) };
  }

  /** Puts bytes and descriptors back, before those that wait to be read. */
  override unshift(chunk: unknown, back?: readonly number[] | BufferEncoding): void {
    const fds = Array.isArray(back) && this.#life !== 'gone' ? owned(descriptorsOf(back) ?? []) : [];
    this.#descriptors.putBack(fds);
    if (chunk) super.unshift(chunk, typeof back === 'string' ? back : undefined);
  }

  override write(chunk: Chunk, done?: Done): boolean;
  override write(chunk: Chunk, encoding?: BufferEncoding | null, done?: Done): boolean;
  override write(chunk: Chunk, encoding?: BufferEncoding | Done | null, callback?: Done): boolean {
    const done = typeof encoding === 'function' ? encoding : callback;
    if (chunk === null) return super.write(chunk, done);
    if (this.#life === 'gone' || this.errored !== null) return this.#refuse(done);
    const given = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (this.#stranded.length === 0 && isPlain(given)) return super.write(given, done);
    return this.#writeParcel(understood(given), done);
  }

  override end(done?: () => void): this;
  override end(chunk: Chunk, done?: () => void): this;
  override end(chunk: Chunk, encoding?: BufferEncoding | null, done?: () => void): this;
  /** Everything that was written is sent before the end. */
  override end(chunk?: Chunk | (() => void), encoding?: BufferEncoding | (() => void) | null, callback?: () => void): this {
    if (typeof chunk !== 'function' && chunk !== undefined && chunk !== null) this.write(chunk);
    this.#giveUpStranded();
    super.end([chunk, encoding, callback].find((given) => typeof given === 'function'));
    // So that the end of the other side is seen, though nobody reads.
    if (this.#life !== 'gone') this.read(0);
    return this;
  }

  /** Closes the socket. Without an error no event follows. */
  override destroy(error?: Error | null): this {
    if (this.#life === 'gone' || (this.#life === 'ended' && this.readableEnded)) return this;
    const tells = this.#life !== 'ended';
    this.#drop(error ?? failure('ERR_STREAM_DESTROYED', 'USocket was destroyed'));
    if (error && tells) process.nextTick(() => this.#tell(error));
    return this;
  }

  override _read(): void {
    this.#reads = true;
    this.#link?.read(true);
  }

  override _write(chunk: Uint8Array | Parcel | Error, _encoding: string, done: Done): void {
    if (this.#life === 'dialing') {
      this.#parked = { go: () => this._write(chunk, _encoding, done), stop: done };
    } else if (chunk instanceof Error) {
      done(chunk);
    } else if (this.#outgoing === null) {
      done(new Error('USocket not connected'));
    } else if (chunk instanceof Uint8Array) {
      this.#outgoing.sendBytes(chunk, done);
    } else {
      this.#outgoing.send([chunk], done);
    }
  }

  override _writev(chunks: { chunk: Uint8Array | Parcel | Error }[], done: Done): void {
    if (this.#life === 'dialing') {
      this.#parked = { go: () => this._writev(chunks, done), stop: done };
      return;
    }
    if (this.#outgoing === null) return done(new Error('USocket not connected'));
    const parcels: Parcel[] = [];
    let wrong: Error | null = null;
    for (const { chunk } of chunks) {
      wrong = chunk instanceof Error ? chunk : null;
      if (chunk instanceof Error) break;
      parcels.push(chunk instanceof Uint8Array ? plain(chunk) : chunk);
    }
    // What stands before a wrong one is sent.
    this.#outgoing.send(parcels, (error) => done(error ?? wrong));
  }

  override _final(done: Done): void {
    if (this.#life === 'dialing') {
      this.#parked = { go: () => this._final(done), stop: done };
      return;
    }
    try {
      this.#link?.endWriting();
    } catch (error) {
      return done(explained(error, 'shutdown'));
    }
    this.#endedWriting = true;
    done();
    this.#settle();
  }

  #adopt(fd: number): void {
    let stream: Stream;
    try {
      stream = tried('adopt', undefined, () => Stream.adopt(fd));
    } catch (error) {
      this.#life = 'open';
      this.#fail(explained(error, 'adopt'));
      this.fd = fd;
      return;
    }
    this.#open(stream);
  }

  #told(error: Error | null, stream: Stream | null): void {
    this.#dial = null;
    if (stream === null) return this.#fail(error ?? failure('ENOTCONN', 'USocket not connected'));
    this.#open(stream);
    const parked = this.#parked;
    this.#parked = null;
    parked?.go();
    this.emit('connected');
  }

  #open(stream: Stream): void {
    const link: Link = new Link(stream, this.#sinkOf(() => this.#link === link));
    this.#link = link;
    this.#outgoing = new Outgoing(link);
    this.#life = 'open';
    this.fd = link.fd;
    // Who flowed before went on flowing while there was nothing to read.
    if (this.#reads || this.readableFlowing === true) link.read(true);
  }

  /** What a link tells, as long as it is the one of this socket. */
  #sinkOf(isMine: () => boolean): Sink {
    return {
      came: (data, fds) => {
        if (fds !== null) this.#announce(fds);
        if (isMine()) this.#take(data, fds !== null);
      },
      hearsOfDescriptors: () => this.listenerCount('fds') > 0,
      ended: () => {
        this.#cameToEnd = true;
        this.push(null);
        this.#settle();
      },
      writable: () => this.#outgoing?.go(),
      broke: (error) => this.#fail(explained(error, 'recvmsg')),
    };
  }

  #announce(fds: Came): void {
    if (this.listenerCount('fds') === 0) return this.#descriptors.addOurs(owned(fds));
    const numbers = numbersOf(fds);
    this.#descriptors.addTheirs(numbers);
    call(() => this.emit('fds', numbers));
  }

  #take(data: Buffer, withDescriptors: boolean): void {
    // Beyond the high-water mark a stream is silent and reads no more, but somebody waits for descriptors.
    const silent = this.#starves && withDescriptors && this.readableLength > this.readableHighWaterMark;
    const enough = !this.push(data);
    if (enough && (!this.#starves || this.readableLength > MOST_AHEAD)) {
      this.#reads = false;
      this.#link?.read(false);
    }
    if (!silent) return;
    this.#starves = false;
    process.nextTick(() => this.emit('readable'));
  }

  /** Too few descriptors are there: they may stand behind bytes that nobody reads before they have come. */
  #starve(): void {
    this.#starves = true;
    if (!this.#cameToEnd) this._read();
    else if (this.#owesClose) this.#close();
  }

  #refuse(done: Done | undefined): boolean {
    const error = this.errored ?? new Error('USocket not connected');
    if (typeof done === 'function') process.nextTick(done, error);
    return false;
  }

  #writeParcel(given: Parcel | Error, done: Done | undefined): boolean {
    if (given instanceof Error) return super.write(given, done);
    if (lacksBytes(given)) {
      this.#stranded.push({ parcel: given, done });
      return !this.writableNeedDrain;
    }
    if (this.#stranded.length === 0 || given.size === 0) return super.write(given, done);
    const waiting = this.#stranded;
    this.#stranded = [];
    const both = joined(waiting.map((one) => one.parcel), given);
    return super.write(both, (error) => {
      for (const one of [...waiting, { done }]) if (one.done !== undefined) call(() => one.done?.(error));
    });
  }

  #giveUpStranded(): void {
    const waiting = this.#stranded;
    if (waiting.length === 0) return;
    this.#stranded = [];
    const error = failure('ERR_GINNEL_FDS_WITHOUT_BYTES', 'USocket fds travel with a byte of data, and none followed');
    super.write(error, () => {
      for (const { done } of waiting) if (done !== undefined) call(() => done(error));
    });
  }

  /** Closes the socket once both sides have ended. */
  #settle(): void {
    if (!this.#cameToEnd || !this.#endedWriting || this.#life !== 'open') return;
    this.#link?.close();
    this.#link = null;
    this.#outgoing = null;
    this.#life = 'ended';
    this.#owesClose = true;
    const nobodyReads = this.readableFlowing === null && this.listenerCount('readable') === 0;
    if (nobodyReads || this.readableEnded) process.nextTick(() => this.#close());
    else if (this.#starves) process.nextTick(() => { if (this.#starves) this.#close(); });
    if (!this.readableEnded) this.once('end', () => process.nextTick(() => this.#close()));
  }

  #close(): void {
    if (this.#owesClose) {
      this.#owesClose = false;
      this.emit('close');
    }
    if (this.readableEnded) this.#descriptors.close();
  }

  #fail(error: Error): void {
    if (this.#life === 'gone' || this.#life === 'ended') return;
    this.#drop(error);
    this.#tell(error);
  }

  #tell(error: Error): void {
    try {
      this.emit('error', error);
    } finally {
      this.emit('close', error);
    }
  }

  /** Everything is closed, and whoever waits for a write hears why. */
  #drop(error: Error): void {
    const { outgoing, parked, stranded } = { outgoing: this.#outgoing, parked: this.#parked, stranded: this.#stranded };
    this.#life = 'gone';
    this.#dial?.giveUp();
    this.#link?.close();
    this.#dial = this.#link = this.#outgoing = this.#parked = null;
    this.#stranded = [];
    this.#owesClose = false;
    this.#descriptors.close();
    outgoing?.stop(error);
    parked?.stop(error);
    for (const { done } of stranded) if (typeof done === 'function') process.nextTick(done, error);
  }
}

/** Bytes that are read ahead for whoever waits for the descriptors behind them. */
const MOST_AHEAD = 64 << 20;
