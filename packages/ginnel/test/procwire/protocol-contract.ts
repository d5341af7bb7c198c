// What both protocols do alike in both: the messages, and what is none.

import assert from 'node:assert/strict';

import type { Face, Scenario } from './face';

type Row = [message: unknown, kind: string, error?: string];

function assertRows(protocol: InstanceType<Face['JsonRpcProtocol']>, code: number, rows: Row[]): void {
  for (const [message, kind, error] of rows) {
    const parsed = protocol.parseMessage(message);
    assert.equal(parsed.kind, kind, JSON.stringify(message));
    if (parsed.kind === 'invalid') assert.deepEqual(parsed, { kind, error: { code, message: error }, raw: message });
    else assert.equal(parsed.message, message);
    const asked = [protocol.isRequest(parsed), protocol.isResponse(parsed), protocol.isNotification(parsed)];
    assert.deepEqual(asked, ['request', 'response', 'notification'].map((one) => one === kind));
  }
}

export const protocolContract: readonly Scenario[] = [
  {
    name: 'JSON-RPC messages as they are made',
    run: async (face) => {
      const protocol = new face.JsonRpcProtocol();
      assert.deepEqual([protocol.name, protocol.version], ['jsonrpc', '2.0']);
      const text = JSON.stringify;
      assert.equal(text(protocol.createRequest('a')), '{"jsonrpc":"2.0","id":1,"method":"a"}');
      assert.equal(text(protocol.createRequest('a', [1], 'x')), '{"jsonrpc":"2.0","id":"x","method":"a","params":[1]}');
      assert.equal(text(protocol.createRequest('a', null)), '{"jsonrpc":"2.0","id":2,"method":"a","params":null}');
      assert.equal(text(protocol.createNotification('n', 0)), '{"jsonrpc":"2.0","method":"n","params":0}');
      assert.equal(text(protocol.createResponse(3, { ok: true })), '{"jsonrpc":"2.0","id":3,"result":{"ok":true}}');
      const error = { code: -1, message: 'm' };
      assert.equal(
        text(protocol.createErrorResponse('x', error)),
        '{"jsonrpc":"2.0","id":"x","error":{"code":-1,"message":"m"}}',
      );
      assert.throws(() => protocol.createRequest(''), { name: 'ProtocolError', message: 'Method must be a non-empty string' });
      assert.throws(() => protocol.createNotification(''), { name: 'ProtocolError' });
    },
  },
  {
    name: 'JSON-RPC messages as they are understood',
    run: async (face) => {
      const v = { jsonrpc: '2.0' };
      assertRows(new face.JsonRpcProtocol(), -32600, [
        [{ ...v, id: 1, method: 'a' }, 'request'],
        [{ ...v, id: '', method: 'a', params: {} }, 'request'],
        [{ ...v, method: 'a' }, 'notification'],
        [{ ...v, id: 1, result: null }, 'response'],
        [{ ...v, id: 'x', error: { code: 1, message: '' } }, 'response'],
        [null, 'invalid', 'Message must be an object'],
        ['text', 'invalid', 'Message must be an object'],
        [[], 'invalid', 'Message must be an object'],
        [{ id: 1, method: 'a' }, 'invalid', 'Message must have jsonrpc: "2.0"'],
        [{ ...v, id: 1 }, 'invalid', 'Message must have method, result, or error'],
        [{ ...v, result: 1 }, 'invalid', 'Response must have id'],
        [{ ...v, id: null, result: 1 }, 'invalid', 'Response id must be string or number'],
        [{ ...v, id: 1, result: 1, error: 1 }, 'invalid', 'Response must have either result or error, not both'],
        [{ ...v, id: 1, method: '' }, 'invalid', 'Method must be a non-empty string'],
        [{ ...v, method: 5 }, 'invalid', 'Method must be a non-empty string'],
        [{ ...v, id: {}, method: 'a' }, 'invalid', 'Request id must be string or number'],
      ]);
    },
  },
  {
    name: 'simple messages as they are made',
    run: async (face) => {
      const protocol = new face.SimpleProtocol();
      assert.deepEqual([protocol.name, protocol.version], ['simple', '1.0']);
      const text = JSON.stringify;
      assert.equal(text(protocol.createRequest('a', 1)), '{"type":"request","id":1,"method":"a","params":1}');
      assert.equal(text(protocol.createNotification('n')), '{"type":"notification","method":"n"}');
      assert.equal(text(protocol.createResponse(1, 2)), '{"type":"response","id":1,"result":2}');
      const error = { code: 1, message: 'm' };
      assert.equal(
        text(protocol.createErrorResponse(1, error)),
        '{"type":"response","id":1,"error":{"code":1,"message":"m"}}',
      );
    },
  },
  {
    name: 'simple messages as they are understood',
    run: async (face) => {
      assertRows(new face.SimpleProtocol(), -1, [
        [{ type: 'request', id: 1, method: 'a' }, 'request'],
        [{ type: 'response', id: 1, result: 1 }, 'response'],
        [{ type: 'response', id: 1, result: 1, error: 1 }, 'response'],
        [{ type: 'notification', method: 'a' }, 'notification'],
        [5, 'invalid', 'Message must be an object'],
        [{ id: 1 }, 'invalid', 'Message must have type field'],
        [{ type: 1 }, 'invalid', 'Message must have type field'],
        [{ type: 'other' }, 'invalid', 'Unknown message type: other'],
        [{ type: 'request', method: 'a' }, 'invalid', 'Request must have id'],
        [{ type: 'request', id: null, method: 'a' }, 'invalid', 'Request id must be string or number'],
        [{ type: 'request', id: 1 }, 'invalid', 'Request must have non-empty method string'],
        [{ type: 'response' }, 'invalid', 'Response must have id'],
        [{ type: 'response', id: true }, 'invalid', 'Response id must be string or number'],
        [{ type: 'response', id: 1 }, 'invalid', 'Response must have result or error'],
        [{ type: 'notification' }, 'invalid', 'Notification must have non-empty method string'],
        [{ type: 'notification', id: 1, method: 'a' }, 'invalid', 'Notification must not have id'],
      ]);
    },
  },
  {
    name: 'what is read from responses',
    run: async (face) => {
      const accessors = [new face.JsonRpcResponseAccessor(), new face.SimpleResponseAccessor()];
      for (const accessor of accessors) {
        assert.equal(accessor.getResponseId({ type: 'response', id: 'x' }), 'x');
        assert.equal(accessor.getResponseId({ type: 'response', id: null }), undefined);
        assert.equal(accessor.getResponseId(null), undefined);
        assert.deepEqual([accessor.isErrorResponse({ error: null }), accessor.isErrorResponse({})], [true, false]);
        assert.deepEqual([accessor.getResult({ result: 1 }), accessor.getResult('x')], [1, undefined]);
        assert.deepEqual([accessor.getError({ error: 1 }), accessor.getError(undefined)], [1, undefined]);
      }
      assert.deepEqual(accessors.map((accessor) => accessor.getResponseId({ id: 4 })), [4, undefined]);
    },
  },
];
