// The messages of every scenario: 64 bytes, no two alike among 1,024, and how a receiver knows them again.

import assert from 'node:assert/strict';

export const BYTES = 64;
const MESSAGES = 1024;

const pattern = Buffer.alloc(MESSAGES * BYTES);
const messages = Array.from({ length: MESSAGES }, (_, number) => {
  const message = pattern.subarray(number * BYTES, (number + 1) * BYTES);
  for (let at = 0; at < BYTES; at++) message[at] = number * 37 + at * (number >> 8) + at;
  message.writeUInt32LE(number);
  return message;
});

/**
 * The message of this number, counted from 0.
 * @param {number} number
 * @returns {Buffer}
 */
export function nth(number) {
  return /** @type {Buffer} */ (messages[number % MESSAGES]);
}

/** Looks at each byte that arrives, in whatever pieces. */
export class Checker {
  /** How many bytes were right. */
  bytes = 0;

  /** @param {Buffer} chunk */
  check(chunk) {
    const at = this.bytes % pattern.length;
    if (chunk.length === BYTES && at % BYTES === 0) {
      if (!nth(at / BYTES).equals(chunk)) this.#wrong();
      this.bytes += BYTES;
      return;
    }
    for (let from = 0; from < chunk.length; ) {
      const start = this.bytes % pattern.length;
      const length = Math.min(chunk.length - from, pattern.length - start);
      if (pattern.compare(chunk, from, from + length, start, start + length) !== 0) this.#wrong();
      from += length;
      this.bytes += length;
    }
  }

  /**
   * The same for a system that keeps messages apart.
   * @param {Buffer} message
   */
  checkWhole(message) {
    assert.equal(message.length, BYTES, 'a message has another length');
    this.check(message);
  }

  #wrong() {
    throw new Error(`what arrived differs from what was sent, after ${this.bytes} bytes`);
  }
}
