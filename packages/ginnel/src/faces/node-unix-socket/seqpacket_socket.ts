import { EventEmitter } from 'node:events';

import { whole } from '../../check';
import { Waits } from '../../driver/watch';
import { misuse } from '../../errors';
import { Connecting, SEQPACKET, SeqPacket } from '../../native';
import { type Appointment, call, literally, whenServed } from '../shared';
import { Inbox } from './inbox';
import { type NotifyCb, Outbox } from './outbox';
import { type Arrival, arrivals, END, TOO_LONG } from './records';
import { backlogFull, callback, over, part, refusal, systemError } from './words';

/** The numbers that `_state` has always told. */
const NEW = 1;
const SHUTTING_DOWN = 2;
const SHUT_DOWN = 3;
const CLOSED = 5;
type State = typeof NEW | typeof SHUTTING_DOWN | typeof SHUT_DOWN | typeof CLOSED;

/** Records to and from one other side, as the socket of the package `node-unix-socket`. */
export class SeqpacketSocket extends EventEmitter {
  #native: SeqPacket | null = null;
  #waits: Waits | null = null;
  #state: State = NEW;
  #held = true;
  #largest = 256 << 10;
  #connected: Appointment | null = null;
  readonly #outbox = new Outbox();
  /** Who waits for the shutdown. */
  #ending: NotifyCb[] = [];
  readonly #inbox = new Inbox<Arrival>((arrival) => this.#tell(arrival));
  #cameToEnd = false;
  /** What went wrong, until it is told. */
  #broken: Error | null = null;

  /** With the number of a connected socket, owns that. */
  constructor(fd?: number | null) {
    super();
    if (fd === undefined || fd === null) return;
    const number = whole(fd, 'fd', -0x80000000, 0x7fffffff);
    try {
      this.#use(SeqPacket.adopt(number));
    } catch (error) {
      throw systemError(error, 'adopt');
    }
    this.#waits?.forRead(true);
  }

  /** Connects now, or throws; tells in a later turn. */
  connect(serverPath: string, connectCb?: NotifyCb | null): void {
    this.#checkDestroyed();
    if (typeof serverPath !== 'string') throw misuse('serverPath must be a string');
    const told = callback(connectCb, 'connectCb');
    const address = literally(serverPath, 'path to bind is too long');
    if (this.#native !== null) throw refusal('EISCONN', 'Transport endpoint is already connected', 'connect');
    try {
      const native = connected(address);
      if (this.#state === SHUT_DOWN) native.shutdown(1);
      this.#use(native);
    } catch (error) {
      this.destroy();
      throw systemError(error, 'connect', serverPath);
    }
    this.#connected = whenServed(() => {
      this.#connected = null;
      this.#waits?.forRead(true);
      this.emit('connect');
      told?.();
    });
  }

  /** Sends a record: the buffer from `offset` on, to its end or for `length` bytes. */
  write(buf: Uint8Array, offset?: number | null, length?: number | null, cb?: NotifyCb | null): void {
    this.#checkDestroyed();
    if (this.#state !== NEW) throw over('socket has been shutdown');
    const record = part(buf, offset, length);
    const sent = callback(cb, 'cb');
    if (this.#outbox.isEmpty && this.#broken === null) {
      try {
        if (this.#peer().send(record, null)) return call(() => sent?.());
      } catch (error) {
        this.#break(systemError(error, 'sendmsg'));
      }
    }
    if (!this.#outbox.backlog.hasRoomFor(record.length)) this.#break(backlogFull(this.#outbox.backlog));
    // Of what will never be sent only the callback is kept.
    this.#outbox.push(this.#broken === null ? record : NOTHING, sent);
    this.#waits?.forWrite(this.#broken === null);
  }

  /** Ends this side, behind what was written. */
  end(cb?: NotifyCb | null): void {
    this.#checkDestroyed();
    const told = callback(cb, 'cb');
    if (told !== null) this.#ending.push(told);
    if (this.#state === NEW) this.#state = SHUTTING_DOWN;
    if (this.#outbox.isEmpty) this.#shutDown();
  }

  /** How long a record may be that comes. If one is longer, that is an error. */
  getInternalReadBufferSize(): number {
    return this.#largest;
  }

  setInternalReadBufferSize(size: number): void {
    this.#largest = whole(size, 'size', 1, 0x3fffffff);
  }

  ref(): void {
    this.#held = true;
    this.#waits?.ref();
  }

  unref(): void {
    this.#held = false;
    this.#waits?.unref();
  }

  /** Closes it at once. What was not sent is given up, and whoever waits for it is told. */
  destroy(): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#connected?.cancel();
    this.#waits?.close();
    this.#native?.close();
    this.#inbox.clear();
    this.#giveUp(over('SeqpacketSocket has been destroyed'));
    this.emit('close');
  }

  close(): void {
    this.destroy();
  }

  /** For tests. */
  _state(): number {
    return this.#state;
  }

  #checkDestroyed(): void {
    if (this.#state === CLOSED) throw over('SeqpacketSocket has been destroyed');
  }

  #use(native: SeqPacket): void {
    this.#native = native;
    this.#waits = new Waits(native, (read, write) => this.#ready(read, write));
    if (!this.#held) this.#waits.unref();
  }

  #peer(): SeqPacket {
    if (this.#native === null) throw refusal('ENOTCONN', 'Transport endpoint is not connected', 'sendmsg');
    return this.#native;
  }

  #ready(read: boolean, write: boolean): void {
    if (write) this.#flush();
    if (read) this.#receive();
  }

  #flush(): void {
    if (this.#native === null || this.#broken !== null) return;
    try {
      if (!this.#outbox.flush(this.#native)) return;
    } catch (error) {
      return this.#break(systemError(error, 'sendmsg'));
    }
    this.#waits?.forWrite(false);
    if (this.#state === SHUTTING_DOWN) this.#shutDown();
  }

  #receive(): void {
    if (this.#native === null || this.#state === CLOSED || this.#broken !== null || !this.#inbox.isEmpty) return;
    let came: Arrival[];
    try {
      came = arrivals(this.#native, this.#largest);
    } catch (error) {
      return this.#break(systemError(error, 'recvmsg'));
    }
    this.#inbox.handOn(came);
  }

  #tell(arrival: Arrival): void {
    if (arrival === END) this.#end();
    else if (arrival === TOO_LONG) this.#break(refusal('EMSGSIZE', 'Message too long', 'recvmsg'));
    else this.emit('data', arrival);
  }

  /** The other side has ended. */
  #end(): void {
    this.#cameToEnd = true;
    this.#waits?.forRead(false);
    this.#settle();
    this.emit('end');
  }

  #shutDown(): void {
    try {
      this.#native?.shutdown(1);
    } catch (error) {
      return this.#break(systemError(error, 'shutdown'));
    }
    this.#state = SHUT_DOWN;
    const told = this.#ending;
    this.#ending = [];
    this.#settle();
    for (const cb of told) call(() => cb());
  }

  /** Closes it when nothing more goes or comes. */
  #settle(): void {
    if (this.#cameToEnd && this.#state === SHUT_DOWN) this.destroy();
  }

  /** Tells what went wrong once whoever calls has returned, and closes. */
  #break(error: Error): void {
    if (this.#broken !== null || this.#state === CLOSED) return;
    this.#broken = error;
    this.#inbox.clear();
    this.#waits?.forRead(false);
    this.#waits?.forWrite(false);
    process.nextTick(() => {
      if (this.#state === CLOSED) return;
      this.#giveUp(error);
      try {
        this.emit('error', error);
      } finally {
        this.destroy();
      }
    });
  }

  #giveUp(error: Error): void {
    const told = this.#ending;
    this.#ending = [];
    this.#outbox.giveUp(error);
    for (const cb of told) call(() => cb(error));
  }
}

const NOTHING = new Uint8Array(0);

/** Connected at once, or not at all. That a queue is full is for the caller to know. */
function connected(address: string): SeqPacket {
  const connecting = new Connecting(SEQPACKET, address);
  try {
    if (connecting.attempt()) return connecting.seqpacket();
    throw refusal('EAGAIN', 'Resource temporarily unavailable', 'connect');
  } finally {
    connecting.close();
  }
}
