// What a framing is, and how one says that it has lost the frames' boundaries.

import type { FramingError } from '../errors';

/** Puts messages into a byte stream and finds them again. */
export interface FramingCodec {
  /** `payload` as it goes over the wire. */
  encode(payload: Buffer): Buffer;
  /** The messages that `chunk` completes; what is left over is kept. */
  decode(chunk: Buffer): Buffer[];
  /** Forgets what is kept: for a new connection. */
  reset(): void;
  /** Whether a message has begun and not ended. */
  hasBufferedData(): boolean;
  /** How many bytes are kept. */
  getBufferSize(): number;
}

/**
 * A framing that cannot go on after a frame that is too long: nobody knows where the next one begins. `decode`
 * still returns the messages before it; every later `decode` throws `failure`, until `reset`.
 */
export interface FailableFraming extends FramingCodec {
  readonly failure: FramingError | null;
}

/** Why `framing` cannot go on; null if it can, or does not tell. */
export function failureOf(framing: FramingCodec | FailableFraming): FramingError | null {
  return 'failure' in framing ? framing.failure : null;
}
