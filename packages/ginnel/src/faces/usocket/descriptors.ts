import { Fd } from '../../native';

/**
 * Descriptors that came and that nobody has read yet, the first come first.
 *
 * Those that were told to listeners of 'fds' are theirs to close, though they can still be read. Under their number
 * another may be open by now, so they are never closed here, and a later one of the same number takes their place.
 */
export class Descriptors {
  /** Of each number: is it ours to close? */
  #waiting = new Map<number, boolean>();

  get count(): number {
    return this.#waiting.size;
  }

  add(fds: readonly number[], ours: boolean): void {
    for (const fd of fds) {
      this.#waiting.delete(fd);
      this.#waiting.set(fd, ours);
    }
  }

  /** The first ones. The caller owns them from now on. */
  take(count: number): number[] {
    const taken: number[] = [];
    for (const fd of this.#waiting.keys()) {
      if (taken.length === count) break;
      taken.push(fd);
    }
    for (const fd of taken) this.#waiting.delete(fd);
    return taken;
  }

  /** Before all others. */
  putBack(fds: readonly number[]): void {
    const behind = this.#waiting;
    this.#waiting = new Map();
    this.add(fds, true);
    for (const [fd, ours] of behind) {
      if (!this.#waiting.has(fd)) this.#waiting.set(fd, ours);
    }
  }

  close(): void {
    for (const [fd, ours] of this.#waiting) {
      if (ours) release(fd);
    }
    this.#waiting.clear();
  }
}

/** Closes a descriptor that nobody has taken. */
export function release(fd: number): void {
  try {
    Fd.adopt(fd).close();
  } catch {
    // Somebody closed it, who should not have.
  }
}
