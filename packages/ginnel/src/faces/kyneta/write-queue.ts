// What waits for a socket. `write` takes all that it is given, also when it says no: only the *next* piece has to wait
// until the socket has drained. So every piece is written once, in order.

export class WriteQueue {
  readonly #write: (piece: Uint8Array) => boolean;
  #pieces: Uint8Array[] = [];
  #next = 0;
  #length = 0;
  #full = false;

  constructor(write: (piece: Uint8Array) => boolean) {
    this.#write = write;
  }

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  get isEmpty(): boolean {
    return this.#next === this.#pieces.length;
  }

  /** Long frames go in pieces, so that a slow reader can be told from one that does not read. */
  push(frame: Uint8Array): void {
    for (let at = 0; at === 0 || at < frame.length; at += PIECE) {
      const piece = frame.length <= PIECE ? frame : frame.subarray(at, at + PIECE);
      if (this.#full) {
        this.#pieces.push(piece);
        this.#length += piece.length;
      } else {
        this.#full = !this.#write(piece);
      }
    }
  }

  /** The socket has drained. */
  resume(): void {
    this.#full = false;
    while (!this.#full && !this.isEmpty) {
      const piece = this.#pieces[this.#next++];
      if (piece !== undefined) {
        this.#length -= piece.length;
        this.#full = !this.#write(piece);
      }
    }
    this.#forget();
  }

  clear(): void {
    this.#pieces = [];
    this.#next = 0;
    this.#length = 0;
  }

  /** Lets go of pieces that are written, a few at a time: `shift` on a long array moves all of it. */
  #forget(): void {
    if (this.isEmpty) {
      this.#pieces = [];
      this.#next = 0;
    } else if (this.#next >= 1024) {
      this.#pieces = this.#pieces.slice(this.#next);
      this.#next = 0;
    }
  }
}

const PIECE = 1024 * 1024;
