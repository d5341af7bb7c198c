import { EventEmitter } from 'node:events';

import { Waits } from '../../driver/watch';
import { explained } from '../../errors';
import { Listener, STREAM } from '../../native';
import { acceptWaiting, type Appointment, literally, modeOfBind, MOST_WAITING, whenServed } from '../shared';
import { USocket } from './socket';

export interface UServerOptions {
  path: string;
  /** Connections that may wait to be accepted: 16 unless told otherwise. */
  backlog?: number | undefined;
}

/** Accepts sockets, as that of the package `usocket`. */
export class UServer extends EventEmitter {
  paused = false;
  listening = false;
  /** The number of the socket that listens. */
  fd: number | undefined;

  #listener: Listener | null = null;
  #waits: Waits | null = null;
  #next: Appointment | null = null;

  listen(path: string, listening?: () => void): void;
  listen(path: string, backlog?: number | null, listening?: () => void): void;
  listen(options: UServerOptions, listening?: () => void): void;
  /** Listens at a path. A live listener keeps it, and so does a file that is no socket: then 'error' says so. */
  listen(where: string | UServerOptions, second?: number | null | (() => void), third?: () => void): void {
    if (this.#next !== null || this.listening) throw new Error('listen on already listened UServer');
    const options = typeof where === 'object' && where !== null ? where : { path: where, backlog: numberOf(second) };
    const { path } = options;
    const backlog = options.backlog || 16;
    if (typeof path !== 'string' || typeof backlog !== 'number') throw new Error('UServer expects valid path');
    const heard = [second, third].find((given) => typeof given === 'function');
    if (typeof heard === 'function') this.once('listening', heard);
    try {
      this.#open(path, Math.min(Math.max(1, Math.trunc(backlog)), MOST_WAITING));
      this.#next = whenServed(() => this.#begin());
    } catch (error) {
      this.#next = whenServed(() => this.#fail(explained(error, 'bind', path)));
    }
  }

  /** No 'connection' until `resume`. Who connects meanwhile waits. */
  pause(): void {
    this.paused = true;
    this.#waits?.forRead(false);
  }

  resume(): void {
    this.paused = false;
    if (this.listening) this.#waits?.forRead(true);
  }

  /** Accepts nobody any more. Accepted sockets and the file at the path stay. */
  close(): void {
    this.#next?.cancel();
    this.#waits?.close();
    this.#listener?.leave();
    this.#waits = this.#listener = this.#next = null;
  }

  #open(path: string, backlog: number): void {
    const address = literally(path, 'UServer socket path is too long');
    this.#listener = Listener.open(STREAM, address, { numbers: [modeOfBind(), backlog], allow: null });
    this.fd = this.#listener.fd;
    this.#waits = new Waits(this.#listener, (read, _write, time) => this.#ready(read, time));
  }

  #begin(): void {
    this.listening = true;
    try {
      this.emit('listening');
    } finally {
      if (!this.paused) this.#waits?.forRead(true);
    }
  }

  #ready(read: boolean, time: boolean): void {
    if (time) this.#waits?.forRead(!this.paused);
    const [listener, waits] = [this.#listener, this.#waits];
    if (!read || listener === null || waits === null) return;
    acceptWaiting(listener, waits, {
      goesOn: () => !this.paused && this.#listener === listener,
      accepted: (fd) => {
        const socket = new USocket();
        socket.connect({ fd });
        this.emit('connection', socket);
      },
      failed: (error) => this.#fail(explained(error, 'accept')),
    });
  }

  #fail(error: Error): void {
    this.close();
    this.emit('error', error);
  }
}

function numberOf(given: number | null | undefined | (() => void)): number | undefined {
  return typeof given === 'function' || given === null ? undefined : given;
}
