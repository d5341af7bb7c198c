// The errors of this face: each has a `code`, as all errors of Ginnel have.

export type FaultCode =
  | 'ERR_GINNEL_KYNETA_LAYER'
  | 'ERR_GINNEL_KYNETA_TOO_LONG'
  | 'ERR_GINNEL_KYNETA_MALFORMED'
  | 'ERR_GINNEL_KYNETA_QUEUE'
  | 'ERR_GINNEL_KYNETA_SILENT';

export class KynetaError extends Error {
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KynetaError';
    this.code = code;
  }
}

/** The `code` of an error of any origin. */
export function codeOf(error: unknown): string | undefined {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
