// Who waits for what, of what was sent and asked.

import { type GinnelError } from '../errors';
import { type Fd } from '../fd';

/** Whoever waits to be told how it ended. */
export interface Outcome<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** A message that was queued, until the kernel has it. */
interface Sent extends Outcome<void> {
  readonly id: number;
}

/** Messages on their way over one connection, in order. */
export class SentQueue {
  #sent: Sent[] = [];

  get isEmpty(): boolean {
    return this.#sent.length === 0;
  }

  push(id: number, outcome: Outcome<void>): void {
    this.#sent.push({ id, resolve: outcome.resolve, reject: outcome.reject });
  }

  /** The kernel has everything up to this one. */
  passed(upTo: number): void {
    let count = 0;
    while (count < this.#sent.length && (this.#sent[count]?.id ?? Infinity) <= upTo) count += 1;
    if (count > 0) for (const { resolve } of this.#sent.splice(0, count)) resolve();
  }

  /** This one could not be sent. */
  failed(id: number, error: Error): void {
    const at = this.#sent.findIndex((sent) => sent.id === id);
    if (at >= 0) this.#sent.splice(at, 1)[0]?.reject(error);
  }

  clear(error: Error): void {
    for (const { reject } of this.#sent.splice(0)) reject(error);
  }
}

/** Something that waits for room. Its descriptors are duplicates. */
export interface Blocked {
  readonly data: Buffer;
  readonly fds: readonly Fd[] | null;
  /** Tries it again. `false`: there is still no room. */
  attempt(): boolean;
  reject(error: Error): void;
}

/** Those that wait for room in one queue, within a bound. */
export class BlockedQueue {
  #blocked: Blocked[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#blocked.length === 0;
  }

  /** Why there is no place even to wait, or `null`. */
  refusal(bytes: number, refuse: (text: string) => GinnelError): GinnelError | null {
    if (this.#blocked.length < MOST && this.#bytes + bytes <= MOST_BYTES) return null;
    return refuse(`${this.#blocked.length} messages with ${this.#bytes} bytes wait for room, and no more do: await what is sent`);
  }

  push(blocked: Blocked): void {
    this.#bytes += blocked.data.length;
    this.#blocked.push(blocked);
  }

  remove(blocked: Blocked): void {
    const at = this.#blocked.indexOf(blocked);
    if (at >= 0) this.#forget(at);
  }

  /** Lets those go for which there is room. Did any go? */
  proceed(): boolean {
    const before = this.#blocked.length;
    for (let first = this.#blocked[0]; first !== undefined; first = this.#blocked[0]) {
      try {
        if (!first.attempt()) break;
      } catch (error) {
        first.reject(error instanceof Error ? error : new Error(String(error)));
      }
      this.#forget(0);
    }
    return this.#blocked.length < before;
  }

  #forget(at: number): void {
    const [gone] = this.#blocked.splice(at, 1);
    if (gone === undefined) return;
    this.#bytes -= gone.data.length;
    gone.fds?.forEach((fd) => fd.close());
  }

  clear(error: Error): void {
    while (this.#blocked.length > 0) {
      this.#blocked[0]?.reject(error);
      this.#forget(0);
    }
  }
}

const MOST = 1 << 16;
const MOST_BYTES = 64 << 20;
