// What can be said to a stream, and what it tells.

import { type Readable } from 'node:stream';

import * as check from './check';
import { type Fd, type FdLike } from './fd';

export interface StreamOptions {
  /** Bytes that wait on either side before `write` says so and reading pauses. 64 KiB unless told otherwise. */
  highWaterMark?: number;
  /** Does our side stay open once the other has ended? Not, unless told otherwise, as a socket of Node's. */
  allowHalfOpen?: boolean;
}

export interface ConnectOptions extends StreamOptions {
  /** Gives up. */
  signal?: AbortSignal;
}

export interface SendOptions {
  /** Descriptors that go with the first byte, 253 at most. They stay the caller's. */
  fds?: readonly FdLike[];
  /** Takes back what has not begun to go. */
  signal?: AbortSignal;
}

/** What a stream tells: as every `Duplex`, and one thing more. */
export interface StreamEvents {
  /**
   * Descriptors have arrived, in the order in which they were sent: right before the 'data' that holds the bytes that they were
   * sent with. `at` counts the bytes before that 'data'; `starts` says of each from which byte of it on it can have come: its
   * own byte stands there or behind, and before the next one's. Whatever nobody listens for is closed.
   */
  fds: [fds: Fd[], at: number, starts: readonly number[]];
  data: [chunk: Buffer];
  error: [error: NodeJS.ErrnoException];
  close: [];
  drain: [];
  end: [];
  finish: [];
  pause: [];
  readable: [];
  resume: [];
  pipe: [from: Readable];
  unpipe: [from: Readable];
}

/** Options of a stream, looked at. */
export function streamOptions(options: Partial<StreamOptions>): StreamOptions {
  const highWaterMark = check.optional(options.highWaterMark, 'highWaterMark');
  return {
    ...(highWaterMark === undefined ? {} : { highWaterMark }),
    allowHalfOpen: options.allowHalfOpen === true,
  };
}

export const HIGH_WATER = 64 << 10;
