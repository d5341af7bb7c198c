// What the responses of the two protocols hold.

import { isId } from '../protocol/checks';
import type { RequestId } from '../protocol/types';
import type { ResponseAccessor } from './types';

/** The id of a message, if it has one. */
export function idOf(message: unknown): RequestId | undefined {
  const id = member(message, 'id');
  return isId(id) ? id : undefined;
}

/** Reads responses of `JsonRpcProtocol`. */
export class JsonRpcResponseAccessor implements ResponseAccessor {
  getResponseId(message: unknown): RequestId | undefined {
    return idOf(message);
  }

  isErrorResponse(message: unknown): boolean {
    return typeof message === 'object' && message !== null && 'error' in message;
  }

  getResult(message: unknown): unknown {
    return member(message, 'result');
  }

  getError(message: unknown): unknown {
    return member(message, 'error');
  }
}

/** Reads responses of `SimpleProtocol`. */
export class SimpleResponseAccessor extends JsonRpcResponseAccessor {
  override getResponseId(message: unknown): RequestId | undefined {
    return member(message, 'type') === 'response' ? idOf(message) : undefined;
  }
}

/** What reads the responses of the protocol with this name. */
export function accessorFor(protocolName: string): ResponseAccessor {
  switch (protocolName.toLowerCase()) {
    case 'jsonrpc':
      return new JsonRpcResponseAccessor();
    case 'simple':
      return new SimpleResponseAccessor();
    default:
      throw new Error(`Unknown protocol '${protocolName}'. Please provide a custom responseAccessor.`);
  }
}

function member(message: unknown, name: 'id' | 'type' | 'result' | 'error'): unknown {
  if (typeof message !== 'object' || message === null || !(name in message)) return undefined;
  const members: Partial<Record<typeof name, unknown>> = message;
  return members[name];
}
