// JSON-RPC 2.0 (jsonrpc.org/specification), one message at a time: no batches.

import { answerable, checkedMethod, invalid, isId, isMethod, isObject, type Unchecked } from './checks';
import type { ParsedMessage, Protocol, ProtocolDataError, RequestId } from './types';

/** Codes that the specification reserves. */
export const JsonRpcErrorCodes = {
  PARSE_ERROR: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL_ERROR: -32603,
} as const;

export interface JsonRpcRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: string;
  params?: unknown;
}

export interface JsonRpcResponse {
  jsonrpc: '2.0';
  id: RequestId;
  result: unknown;
}

export interface JsonRpcErrorResponse {
  jsonrpc: '2.0';
  id: RequestId;
  error: ProtocolDataError;
}

export interface JsonRpcNotification {
  jsonrpc: '2.0';
  method: string;
  params?: unknown;
}

export type JsonRpcResponseMessage = JsonRpcResponse | JsonRpcErrorResponse;

type Message = ParsedMessage<JsonRpcRequest, JsonRpcResponseMessage, JsonRpcNotification>;

/** Ids count from 1 in each instance; `params` are left out if they are undefined. */
export class JsonRpcProtocol implements Protocol<JsonRpcRequest, JsonRpcResponseMessage, JsonRpcNotification> {
  readonly name = 'jsonrpc';
  readonly version = '2.0';
  #lastId = 0;

  createRequest(method: string, params?: unknown, id?: RequestId): JsonRpcRequest {
    const checked = checkedMethod(method);
    const request: JsonRpcRequest = { jsonrpc: '2.0', id: id ?? ++this.#lastId, method: checked };
    if (params !== undefined) request.params = params;
    return request;
  }

  /** `undefined` goes out as `null`. */
  createResponse(id: RequestId, result: unknown): JsonRpcResponse {
    return { jsonrpc: '2.0', id, result: answerable(result) };
  }

  createErrorResponse(id: RequestId, error: ProtocolDataError): JsonRpcErrorResponse {
    return { jsonrpc: '2.0', id, error };
  }

  createNotification(method: string, params?: unknown): JsonRpcNotification {
    const notification: JsonRpcNotification = { jsonrpc: '2.0', method: checkedMethod(method) };
    if (params !== undefined) notification.params = params;
    return notification;
  }

  parseMessage(data: unknown): Message {
    if (!isObject(data)) return refused('Message must be an object', data);
    if (data['jsonrpc'] !== '2.0') return refused('Message must have jsonrpc: "2.0"', data);
    if ('result' in data || 'error' in data) return parseResponse(data);
    if ('method' in data) return parseCall(data);
    return refused('Message must have method, result, or error', data);
  }

  isRequest(msg: Message): msg is { kind: 'request'; message: JsonRpcRequest } {
    return msg.kind === 'request';
  }

  isResponse(msg: Message): msg is { kind: 'response'; message: JsonRpcResponseMessage } {
    return msg.kind === 'response';
  }

  isNotification(msg: Message): msg is { kind: 'notification'; message: JsonRpcNotification } {
    return msg.kind === 'notification';
  }
}

function parseResponse(data: Unchecked): Message {
  if (!('id' in data)) return refused('Response must have id', data);
  if (!hasId(data)) return refused('Response id must be string or number', data);
  if ('result' in data && 'error' in data) {
    return refused('Response must have either result or error, not both', data);
  }
  return isAnswer(data) ? { kind: 'response', message: data } : refused('Response must have either result or error', data);
}

function parseCall(data: Unchecked): Message {
  if (!isNotification(data)) return refused('Method must be a non-empty string', data);
  if (!('id' in data)) return { kind: 'notification', message: data };
  return hasId(data) ? { kind: 'request', message: data } : refused('Request id must be string or number', data);
}

function refused(message: string, raw: unknown): Message {
  return invalid(JsonRpcErrorCodes.INVALID_REQUEST, message, raw);
}

function hasId<T extends object>(data: T): data is T & { id: RequestId } {
  return 'id' in data && isId(data.id);
}

/** Its `error` is whatever the peer takes for one. */
function isAnswer(data: Unchecked): data is Unchecked & JsonRpcResponseMessage {
  return data['jsonrpc'] === '2.0' && isId(data['id']) && ('result' in data || 'error' in data);
}

function isNotification(data: Unchecked): data is Unchecked & JsonRpcNotification {
  return data['jsonrpc'] === '2.0' && isMethod(data['method']);
}
