import { Fd } from '../../native';

/**
 * Descriptors that came and that nobody has read yet, the first come first.
 *
 * Those that were told to listeners of 'fds' are theirs to close, though they can still be read. Under their number
 * another may be open by now, so they are never closed here, and a later one of the same number takes their place.
 */
export class Descriptors {
  /** Of each number: what owns it, if it is not the listeners'. */
  #waiting = new Map<number, Fd | null>();

  get count(): number {
    return this.#waiting.size;
  }

  /** They are closed if nobody reads them. */
  addOurs(fds: readonly Fd[]): void {
    for (const fd of fds) this.#put(fd.number, fd);
  }

  addTheirs(fds: readonly number[]): void {
    for (const fd of fds) this.#put(fd, null);
  }

  /** The first ones. The caller owns them from now on. */
  take(count: number): number[] {
    const taken: number[] = [];
    for (const fd of this.#waiting.keys()) {
      if (taken.length === count) break;
      taken.push(fd);
    }
    for (const fd of taken) {
      this.#waiting.get(fd)?.take();
      this.#waiting.delete(fd);
    }
    return taken;
  }

  /** Before all others. */
  putBack(fds: readonly Fd[]): void {
    const behind = this.#waiting;
    this.#waiting = new Map();
    this.addOurs(fds);
    for (const { number } of fds) {
      behind.get(number)?.take();
      behind.delete(number);
    }
    for (const [fd, owner] of behind) this.#waiting.set(fd, owner);
  }

  close(): void {
    for (const owner of this.#waiting.values()) owner?.close();
    this.#waiting.clear();
  }

  #put(fd: number, owner: Fd | null): void {
    // Whoever owned the number has lost it to somebody who closed what was not theirs.
    this.#waiting.get(fd)?.take();
    this.#waiting.delete(fd);
    this.#waiting.set(fd, owner);
  }
}
