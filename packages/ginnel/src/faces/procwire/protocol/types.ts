// What a protocol is: the messages that requests, responses and notifications are on the wire.

/** What a response names its request by. */
export type RequestId = string | number;

/** An error as the wire carries it. */
export interface ProtocolDataError {
  code: number;
  message: string;
  data?: unknown;
}

/** A message, and what kind it is. */
export type ParsedMessage<TReq = unknown, TRes = unknown, TNotif = unknown> =
  | { kind: 'request'; message: TReq }
  | { kind: 'response'; message: TRes }
  | { kind: 'notification'; message: TNotif }
  | Invalid;

/** No message of the protocol. */
export interface Invalid {
  kind: 'invalid';
  error: ProtocolDataError;
  raw: unknown;
}

/** Makes messages and tells them apart. */
export interface Protocol<TReq = unknown, TRes = unknown, TNotif = unknown> {
  readonly name: string;
  readonly version: string;
  createRequest(method: string, params?: unknown, id?: RequestId): TReq;
  createResponse(id: RequestId, result: unknown): TRes;
  createErrorResponse(id: RequestId, error: ProtocolDataError): TRes;
  createNotification(method: string, params?: unknown): TNotif;
  /** Never throws: what it does not understand is `invalid`. */
  parseMessage(data: unknown): ParsedMessage<TReq, TRes, TNotif>;
  isRequest(msg: ParsedMessage<TReq, TRes, TNotif>): msg is { kind: 'request'; message: TReq };
  isResponse(msg: ParsedMessage<TReq, TRes, TNotif>): msg is { kind: 'response'; message: TRes };
  isNotification(msg: ParsedMessage<TReq, TRes, TNotif>): msg is { kind: 'notification'; message: TNotif };
}
