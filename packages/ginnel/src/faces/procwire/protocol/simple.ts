// A protocol with nothing but what requests need: `type` says what a message is.

import { answerable, checkedMethod, invalid, isId, isMethod, isObject, type Unchecked } from './checks';
import type { ParsedMessage, Protocol, ProtocolDataError, RequestId } from './types';

export interface SimpleRequest {
  type: 'request';
  id: RequestId;
  method: string;
  params?: unknown;
}

export interface SimpleResponse {
  type: 'response';
  id: RequestId;
  result?: unknown;
}

export interface SimpleErrorResponse {
  type: 'response';
  id: RequestId;
  error: ProtocolDataError;
}

export interface SimpleNotification {
  type: 'notification';
  method: string;
  params?: unknown;
}

export type SimpleResponseMessage = SimpleResponse | SimpleErrorResponse;

type Message = ParsedMessage<SimpleRequest, SimpleResponseMessage, SimpleNotification>;

/** What `parseMessage` gives every invalid message. */
const INVALID = -1;

/** Ids count from 1 in each instance; `params` are left out if they are undefined. */
export class SimpleProtocol implements Protocol<SimpleRequest, SimpleResponseMessage, SimpleNotification> {
  readonly name = 'simple';
  readonly version = '1.0';
  #lastId = 0;

  createRequest(method: string, params?: unknown, id?: RequestId): SimpleRequest {
    const checked = checkedMethod(method);
    const request: SimpleRequest = { type: 'request', id: id ?? ++this.#lastId, method: checked };
    if (params !== undefined) request.params = params;
    return request;
  }

  /** `undefined` goes out as `null`. */
  createResponse(id: RequestId, result: unknown): SimpleResponse {
    return { type: 'response', id, result: answerable(result) };
  }

  createErrorResponse(id: RequestId, error: ProtocolDataError): SimpleErrorResponse {
    return { type: 'response', id, error };
  }

  createNotification(method: string, params?: unknown): SimpleNotification {
    const notification: SimpleNotification = { type: 'notification', method: checkedMethod(method) };
    if (params !== undefined) notification.params = params;
    return notification;
  }

  parseMessage(data: unknown): Message {
    if (!isObject(data)) return invalid(INVALID, 'Message must be an object', data);
    switch (data['type']) {
      case 'request':
        return parseRequest(data);
      case 'response':
        return parseResponse(data);
      case 'notification':
        return parseNotification(data);
    }
    if (typeof data['type'] !== 'string') return invalid(INVALID, 'Message must have type field', data);
    return invalid(INVALID, `Unknown message type: ${data['type']}`, data);
  }

  isRequest(msg: Message): msg is { kind: 'request'; message: SimpleRequest } {
    return msg.kind === 'request';
  }

  isResponse(msg: Message): msg is { kind: 'response'; message: SimpleResponseMessage } {
    return msg.kind === 'response';
  }

  isNotification(msg: Message): msg is { kind: 'notification'; message: SimpleNotification } {
    return msg.kind === 'notification';
  }
}

function parseRequest(data: Unchecked): Message {
  if (!('id' in data)) return invalid(INVALID, 'Request must have id', data);
  if (!isId(data['id'])) return invalid(INVALID, 'Request id must be string or number', data);
  if (!isRequest(data)) return invalid(INVALID, 'Request must have non-empty method string', data);
  return { kind: 'request', message: data };
}

/** A response with both a result and an error is an error. */
function parseResponse(data: Unchecked): Message {
  if (!('id' in data)) return invalid(INVALID, 'Response must have id', data);
  if (!isId(data['id'])) return invalid(INVALID, 'Response id must be string or number', data);
  if (!isResponse(data)) return invalid(INVALID, 'Response must have result or error', data);
  return { kind: 'response', message: data };
}

function parseNotification(data: Unchecked): Message {
  if (!isNotification(data)) return invalid(INVALID, 'Notification must have non-empty method string', data);
  if ('id' in data) return invalid(INVALID, 'Notification must not have id', data);
  return { kind: 'notification', message: data };
}

function isRequest(data: Unchecked): data is Unchecked & SimpleRequest {
  return data['type'] === 'request' && isId(data['id']) && isMethod(data['method']);
}

function isResponse(data: Unchecked): data is Unchecked & SimpleResponseMessage {
  return data['type'] === 'response' && isId(data['id']) && ('result' in data || 'error' in data);
}

function isNotification(data: Unchecked): data is Unchecked & SimpleNotification {
  return data['type'] === 'notification' && isMethod(data['method']);
}
