import { EventEmitter } from 'node:events';

import { Waits } from '../../driver/watch';
import { misuse } from '../../errors';
import { Listener, peerName, SEQPACKET } from '../../native';
import { acceptWaiting, literally, modeOfBind, MOST_WAITING } from '../shared';
import { SeqpacketSocket } from './seqpacket_socket';
import { over, refusal, systemError } from './words';

/** Accepts sockets of records, as that of the package `node-unix-socket`. */
export class SeqpacketServer extends EventEmitter {
  #listener: Listener | null = null;
  #waits: Waits | null = null;
  #address = '';
  #held = true;
  #closed = false;

  /** The path where it listens, or ''. */
  address(): string {
    this.#checkClosed();
    return this.#address;
  }

  /** Listens from now on, or throws. */
  listen(bindpath: string, backlog = 511): void {
    this.#checkClosed();
    if (typeof bindpath !== 'string') throw misuse('bindpath must be a string');
    if (typeof backlog !== 'number' || !Number.isInteger(backlog)) throw misuse('backlog must be a whole number');
    if (this.#listener !== null) throw refusal('EINVAL', 'Invalid argument', 'bind');
    const address = literally(bindpath, 'path to bind is too long');
    // To listen(2), a negative length of the queue is the longest.
    const waiting = backlog < 0 ? MOST_WAITING : Math.min(backlog, MOST_WAITING);
    try {
      this.#listener = Listener.open(SEQPACKET, address, { numbers: [modeOfBind(), waiting], allow: null });
    } catch (error) {
      throw systemError(error, 'bind', bindpath);
    }
    this.#address = bindpath;
    this.#waits = new Waits(this.#listener, (read, _write, time) => this.#ready(read, time));
    this.#waits.forRead(true);
    if (!this.#held) this.#waits.unref();
  }

  /** Accepts nobody any more. Accepted sockets and the file at the path stay. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waits?.close();
    this.#listener?.leave();
    this.emit('close');
  }

  ref(): void {
    this.#held = true;
    this.#waits?.ref();
  }

  unref(): void {
    this.#held = false;
    this.#waits?.unref();
  }

  #checkClosed(): void {
    if (this.#closed) throw over('SeqpacketServer has been closed');
  }

  #ready(read: boolean, time: boolean): void {
    if (time) this.#waits?.forRead(true);
    const [listener, waits] = [this.#listener, this.#waits];
    if (!read || listener === null || waits === null) return;
    acceptWaiting(listener, waits, {
      goesOn: () => !this.#closed,
      accepted: (fd) => {
        const name = peerName(fd) ?? '';
        this.emit('connection', new SeqpacketSocket(fd), name);
      },
      failed: (error) => this.emit('error', systemError(error, 'accept')),
    });
  }
}
