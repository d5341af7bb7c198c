import type { SeqPacket } from '../../native';
import { copy } from '../../slab';
import { Backlog, call } from '../shared';

/** Called without an argument when it was done, or with why it never will be. */
export type NotifyCb = (error?: Error) => void;

/** Records that the system has not taken yet, in order. */
export class Outbox {
  readonly backlog: Backlog;
  #records: Uint8Array[] = [];
  #callbacks: (NotifyCb | null)[] = [];

  /** `most`: how many bytes may wait. */
  constructor(most = MOST_BACKLOG) {
    this.backlog = new Backlog(most);
  }

  get isEmpty(): boolean {
    return this.#records.length === 0;
  }

  /** Keeps what the record is now, whatever becomes of the buffer. */
  push(record: Uint8Array, sent: NotifyCb | null): void {
    this.backlog.add(record.length);
    this.#records.push(copy(record, 0, record.length));
    this.#callbacks.push(sent);
  }

  /**
   * Sends what can be sent. Is nothing left?
   *
   * @throws What the system says of the record that is the first by then.
   */
  flush(socket: SeqPacket): boolean {
    let gone = 0;
    try {
      while (gone < this.#records.length) {
        const went = socket.sendMany(this.#records.slice(gone, gone + MOST), 0);
        if (went === 0) break;
        gone += went;
      }
    } finally {
      this.#forget(gone);
    }
    return this.isEmpty;
  }

  /** Nothing of it will be sent. */
  giveUp(error: Error): void {
    const callbacks = this.#callbacks;
    this.#records = [];
    this.#callbacks = [];
    for (const sent of callbacks) if (sent !== null) call(() => sent(error));
  }

  #forget(count: number): void {
    if (count === 0) return;
    for (const { length } of this.#records.splice(0, count)) this.backlog.remove(length);
    for (const sent of this.#callbacks.splice(0, count)) if (sent !== null) call(() => sent());
  }
}

/** Bytes that may wait to be sent from one socket: far more than who counts the callbacks lets wait. */
export const MOST_BACKLOG = 1 << 30;
/** Records of one system call. */
const MOST = 128;
