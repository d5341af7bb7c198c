import { Waits } from '../../driver/watch';
import { Datagram } from '../../native';
import { copy } from '../../slab';
import { type Backlog, call } from '../shared';

/** Called without an argument when the receiver's queue has it, or with why it never will. */
export type SendCb = (error?: Error) => void;

/** Sends a datagram now. `false`: not now. Throws what the system says. */
export type Send = (datagram: Uint8Array, address: string) => boolean;

interface Waiting {
  readonly datagram: Uint8Array;
  readonly sent: SendCb | null;
}

/**
 * Datagrams that wait for one receiver whose queue is full. Nobody else waits for it.
 *
 * The system calls the sending socket writable whatever stands in that queue, so a second one is connected to the receiver
 * and watched. If it is the sending socket that is full, or nothing could be connected, the next attempt is made after a
 * pause.
 */
export class Destination {
  readonly #address: string;
  readonly #send: Send;
  readonly #backlog: Backlog;
  readonly #emptied: () => void;
  readonly #waiting: Waiting[] = [];
  #scout: Datagram | null = null;
  #waits: Waits | null = null;
  #timer: NodeJS.Timeout | undefined;
  #pause = SHORTEST;

  /** `backlog`: what waits for this receiver and all others of the socket. */
  constructor(address: string, send: Send, backlog: Backlog, emptied: () => void) {
    this.#address = address;
    this.#send = send;
    this.#backlog = backlog;
    this.#emptied = emptied;
    this.#watch();
  }

  /** Keeps what the datagram is now, whatever becomes of the buffer. */
  push(datagram: Uint8Array, sent: SendCb | null): void {
    this.#backlog.add(datagram.length);
    this.#waiting.push({ datagram: copy(datagram, 0, datagram.length), sent });
  }

  giveUp(error: Error): void {
    this.#close();
    for (const { datagram, sent } of this.#waiting.splice(0)) {
      this.#backlog.remove(datagram.length);
      if (sent !== null) call(() => sent(error));
    }
  }

  #watch(): void {
    try {
      this.#scout = Datagram.bind(null, 0);
      this.#scout.connect(this.#address);
      this.#waits = new Waits(this.#scout, () => this.#go());
      this.#waits.forWrite(true);
    } catch {
      this.#rest();
    }
  }

  #go(): void {
    const before = this.#waiting.length;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#offer(next)) break;
    }
    if (this.#waiting.length === 0) return this.#finish();
    if (this.#waiting.length < before) this.#pause = SHORTEST;
    else this.#rest();
  }

  /** Is it done with? */
  #offer({ datagram, sent }: Waiting): boolean {
    let error: unknown;
    try {
      if (!this.#send(datagram, this.#address)) return false;
    } catch (caught) {
      error = caught;
    }
    this.#waiting.shift();
    this.#backlog.remove(datagram.length);
    if (sent !== null) call(() => (error instanceof Error ? sent(error) : sent()));
    return true;
  }

  /** Tries again after a while, longer each time. */
  #rest(): void {
    this.#waits?.forWrite(false);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#waits?.forWrite(true);
      this.#go();
    }, this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST);
  }

  #finish(): void {
    this.#close();
    this.#emptied();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#waits?.close();
    this.#scout?.close();
    this.#waits = this.#scout = null;
  }
}

/** Pauses, in milliseconds. */
const SHORTEST = 1;
const LONGEST = 50;
