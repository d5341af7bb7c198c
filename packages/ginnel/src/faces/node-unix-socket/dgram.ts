import { EventEmitter } from 'node:events';

import { whole } from '../../check';
import { Waits } from '../../driver/watch';
import { misuse } from '../../errors';
import { bufferSize, Datagram, setBufferSize } from '../../native';
import { Backlog, call, literally, modeOfBind } from '../shared';
import { Destination, type SendCb } from './destination';
import { Inbox } from './inbox';
import { MOST_BACKLOG } from './outbox';
import { arrivals, TOO_LONG } from './records';
import { backlogFull, callback, over, part, refusal, systemError } from './words';

interface Came {
  readonly data: Buffer;
  readonly from: string | null;
}

/** Datagrams, as the socket of the package `node-unix-socket`. */
export class DgramSocket extends EventEmitter {
  #native = Datagram.bind(null, 0);
  #waits = this.#watch();
  #address = '';
  #closed = false;
  readonly #backlog = new Backlog(MOST_BACKLOG);
  /** Where something waits because a queue is full. */
  readonly #blocked = new Map<string, Destination>();
  /** Sizes of buffers that were asked for, for receiving and for sending. */
  readonly #sizes = new Map<boolean, number>();
  readonly #inbox = new Inbox<Came>(({ data, from }) => { this.emit('data', data, from ?? ''); });

  /** Receives at a path from now on, or throws. */
  bind(socketPath: string): void {
    this.#checkClosed();
    if (typeof socketPath !== 'string') throw misuse('socketPath must be a string');
    const address = literally(socketPath, 'path to bind is too long');
    if (this.#address !== '') throw refusal('EINVAL', 'Invalid argument', 'bind');
    let bound: Datagram;
    try {
      bound = Datagram.bind(address, modeOfBind());
    } catch (error) {
      throw systemError(error, 'bind', socketPath);
    }
    // Without a name nothing can have come: the one without is replaced.
    for (const [receiving, size] of this.#sizes) setBufferSize(bound.fd, receiving, size);
    this.#release();
    this.#native = bound;
    this.#waits = this.#watch();
    this.#address = socketPath;
  }

  /**
   * Sends `length` bytes of a buffer from `offset` on. The callback has no argument when they are in the queue of the
   * receiver, and an error when they will never be.
   */
  sendTo(buf: Uint8Array, offset: number, length: number, destPath: string, onWrite?: SendCb | null): void {
    this.#checkClosed();
    const datagram = part(buf, whole(offset, 'offset'), whole(length, 'length'));
    if (typeof destPath !== 'string') throw misuse('destPath must be a string');
    const address = literally(destPath, 'path to bind is too long');
    const sent = callback(onWrite, 'onWrite');
    try {
      if (this.#blocked.has(address) || !this.#send(datagram, address)) return this.#wait(address, datagram, sent);
    } catch (error) {
      const known = systemError(error, 'sendmsg', destPath);
      return call(() => sent?.(known));
    }
    if (sent !== null) call(() => sent());
  }

  getRecvBufferSize(): number {
    return this.#bufferSize(true);
  }

  setRecvBufferSize(size: number): void {
    this.#setBufferSize(true, size);
  }

  getSendBufferSize(): number {
    return this.#bufferSize(false);
  }

  setSendBufferSize(size: number): void {
    this.#setBufferSize(false, size);
  }

  /** The path where it receives, or ''. */
  address(): string {
    this.#checkClosed();
    return this.#address;
  }

  /** Closes it at once. What was not sent is given up, and its callbacks are told. The file at the path stays. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
    const error = over('DgramSocket has been closed');
    for (const destination of [...this.#blocked.values()]) destination.giveUp(error);
    this.#blocked.clear();
    this.emit('close');
  }

  #checkClosed(): void {
    if (this.#closed) throw over('DgramSocket has been closed');
  }

  #watch(): Waits {
    const waits = new Waits(this.#native, () => this.#receive());
    waits.forRead(true);
    return waits;
  }

  #release(): void {
    this.#waits.close();
    this.#native.leave();
    this.#inbox.clear();
  }

  #send(datagram: Uint8Array, address: string): boolean {
    return this.#native.send(datagram, address, null);
  }

  /** The queue of the receiver is full. */
  #wait(address: string, datagram: Uint8Array, sent: SendCb | null): void {
    if (!this.#backlog.hasRoomFor(datagram.length)) throw backlogFull(this.#backlog);
    const destination = this.#blocked.get(address) ?? this.#blockedAt(address);
    destination.push(datagram, sent);
  }

  #blockedAt(address: string): Destination {
    const send = (datagram: Uint8Array, to: string): boolean => this.#send(datagram, to);
    const destination = new Destination(address, send, this.#backlog, () => this.#blocked.delete(address));
    this.#blocked.set(address, destination);
    return destination;
  }

  #receive(): void {
    if (!this.#inbox.isEmpty) return;
    const came: Came[] = [];
    try {
      const datagrams = arrivals(this.#native, LARGEST);
      const senders = this.#native.takeFrom();
      datagrams.forEach((data, index) => {
        if (Buffer.isBuffer(data)) came.push({ data, from: senders[index] ?? null });
        else if (data === TOO_LONG) process.emitWarning(TOO_LONG_WARNING, { code: 'GINNEL_DATAGRAM_LOST' });
      });
    } catch (error) {
      this.close();
      this.emit('error', systemError(error, 'recvmsg'));
      return;
    }
    this.#inbox.handOn(came);
  }

  #bufferSize(receiving: boolean): number {
    this.#checkClosed();
    return bufferSize(this.#native.fd, receiving);
  }

  #setBufferSize(receiving: boolean, size: number): void {
    this.#checkClosed();
    const bytes = whole(size, 'size', 0, 0x3fffffff);
    try {
      setBufferSize(this.#native.fd, receiving, bytes);
    } catch (error) {
      throw systemError(error, 'setsockopt');
    }
    this.#sizes.set(receiving, bytes);
  }
}

/**
 * The longest datagram that is received. A sender needs a far larger buffer than the system gives by default to send one
 * that is longer. It is dropped with a warning: an error would let anybody who may send close the socket.
 */
const LARGEST = 1 << 20;
const TOO_LONG_WARNING = `a datagram of more than ${LARGEST} bytes came, and is lost`;
