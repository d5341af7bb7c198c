// The errors of this face: one class for each layer, all with a `code` of their own.

/** What all errors of this face have in common. */
export class AspectIpcError extends Error {
  readonly code: string;

  constructor(message: string, code: string, cause?: unknown) {
    super(message, { cause });
    this.name = new.target.name;
    this.code = code;
  }
}

/** The connection, or what was done with it, failed. `cause` is the system's error, if there is one. */
export class TransportError extends AspectIpcError {
  constructor(message: string, cause?: unknown) {
    super(message, 'TRANSPORT_ERROR', cause);
  }
}

/** A message broke the protocol, or the peer answered with an error (`cause` is then what it answered). */
export class ProtocolError extends AspectIpcError {
  constructor(message: string, cause?: unknown) {
    super(message, 'PROTOCOL_ERROR', cause);
  }
}

/** Something took too long. */
export class TimeoutError extends AspectIpcError {
  constructor(message: string, cause?: unknown) {
    super(message, 'TIMEOUT_ERROR', cause);
  }
}

/** A value could not be turned into bytes, or bytes into a value. */
export class SerializationError extends AspectIpcError {
  constructor(message: string, cause?: unknown) {
    super(message, 'SERIALIZATION_ERROR', cause);
  }
}

/** The byte stream does not hold frames that we may take. */
export class FramingError extends AspectIpcError {
  constructor(message: string, cause?: unknown) {
    super(message, 'FRAMING_ERROR', cause);
  }
}

/** Whatever was thrown, as an `Error`. */
export function toError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
