// Ours and the original at the two ends of one socket, both ways round.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createPipeChannel, SocketTransport } from 'ginnel/procwire';

import { channelOver, failure, load, nth, Place, Plain, serve, until, type Which } from './procwire/face';

test('procwire: the module and the script load the same classes', async () => {
  const face = await import('ginnel/procwire');
  assert.equal(face.SocketTransport, SocketTransport);
  assert.equal(face.default.SocketTransport, SocketTransport);
});

test("procwire: the original's HeartbeatManager works with a channel of ours", async () => {
  const place = new Place();
  const { HeartbeatManager } = await import('@procwire/transport');
  const path = place.path();
  let said = '';
  const plain = await Plain.at(path, (socket) => {
    socket.on('data', (data: Buffer) => { said += data.toString(); }).once('end', () => socket.end());
  });
  const channel = await createPipeChannel(path);
  const heartbeat = new HeartbeatManager(channel, { interval: 5 });
  heartbeat.start();
  await until(() => said.includes('"method":"__heartbeat_ping__"'), 'a ping');
  heartbeat.stop();
  await channel.close();
  plain.close();
  place.remove();
});

const ways: readonly (readonly [Which, Which])[] = [['ours', 'original'], ['original', 'ours']];

for (const [asker, answerer] of ways) {
  describe(`procwire: a client that is ${asker}, a server that is ${answerer}`, () => {
    test('bytes', async () => {
      const place = new Place();
      const [mine, theirs] = [await load(asker), await load(answerer)];
      const { server, clients } = await serve(theirs, place.path());
      const transport = new mine.SocketTransport({ path: String(server.address?.value) });
      await transport.connect();
      await until(() => clients.length === 1, 'a client');
      nth(clients, 0).onData((data) => { void nth(clients, 0).write(data); });
      const sent = Buffer.alloc(5 << 20, 'interop ');
      let got = Buffer.alloc(0);
      transport.onData((data) => { got = Buffer.concat([got, data]); });
      await transport.write(sent);
      await until(() => got.length === sent.length, 'the echo', 5000);
      assert.ok(got.equals(sent));
      await transport.disconnect();
      await until(() => nth(clients, 0).state === 'disconnected', 'the end');
      await server.close();
      place.remove();
    });

    for (const kind of ['jsonrpc', 'simple', 'lines'] as const) {
      test(`requests both ways at once, ${kind}`, async () => {
        const place = new Place();
        const [mine, theirs] = [await load(asker), await load(answerer)];
        const parts = (face: typeof mine): object => ({
          framing: kind === 'lines' ? new face.LineDelimitedFraming() : new face.LengthPrefixedFraming(),
          protocol: kind === 'simple' ? new face.SimpleProtocol() : new face.JsonRpcProtocol(),
        });
        const { server, clients } = await serve(theirs, place.path());
        const transport = new mine.SocketTransport({ path: String(server.address?.value) });
        const one = await channelOver(mine, transport, parts(mine));
        await until(() => clients.length === 1, 'a client');
        const two = await channelOver(theirs, nth(clients, 0), parts(theirs));
        const notified: unknown[] = [];
        for (const channel of [one, two]) {
          channel.onRequest(async (request) => {
            await new Promise((resolve) => setTimeout(resolve, 1));
            return request;
          });
          channel.onNotification((message) => notified.push(message));
        }
        const text = 'ü'.repeat(100_000);
        const answers = await Promise.all(
          Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? one : two).request(`m${i}`, i % 20 === 0 ? text : [i])),
        );
        answers.forEach((answer, i) => {
          assert.ok(typeof answer === 'object' && answer !== null && 'method' in answer && 'params' in answer);
          assert.equal(answer.method, `m${i}`);
          assert.deepEqual(answer.params, i % 20 === 0 ? text : [i]);
        });
        await one.notify('n', { a: null });
        await two.notify('n');
        await until(() => notified.length === 2, 'notifications');
        two.onRequest(() => 'second');
        await one.close();
        await until(() => nth(clients, 0).state === 'disconnected', 'the end');
        await server.close();
        place.remove();
      });
    }

    test('errors and answers that say nothing', async () => {
      const place = new Place();
      const [mine, theirs] = [await load(asker), await load(answerer)];
      const { server, clients } = await serve(theirs, place.path());
      const one = await mine.createPipeChannel(String(server.address?.value), { timeout: 300 });
      await until(() => clients.length === 1, 'a client');
      const two = await channelOver(theirs, nth(clients, 0));
      const missing = await failure(one.request('any'));
      assert.deepEqual(missing.cause, { code: -32601, message: 'No request handler registered' });
      let fails = true;
      two.onRequest(() => {
        if (fails) throw new TypeError('not so');
        return undefined;
      });
      const error = await failure(one.request('any'));
      assert.ok(error instanceof mine.ProtocolError);
      assert.deepEqual(error.cause, { code: -32603, message: 'not so', data: {} });
      fails = false;
      // The original sends an answer without a result, which only ours takes for one; ours sends null.
      assert.equal(await one.request('any'), answerer === 'original' ? undefined : null);
      await one.close();
      await server.close();
      place.remove();
    });

    test('the server goes and comes back', async () => {
      const place = new Place();
      const [mine, theirs] = [await load(asker), await load(answerer)];
      const { server, clients } = await serve(theirs, place.path());
      const path = String(server.address?.value);
      const transport = new mine.SocketTransport({ path, autoReconnect: true, reconnectDelay: 10 });
      await transport.connect();
      await until(() => clients.length === 1, 'a client');
      await server.close();
      await until(() => transport.state === 'disconnected', 'the end');
      await server.listen(path);
      await until(() => transport.state === 'connected' && clients.length === 2, 'a second connection');
      await transport.disconnect();
      await server.close();
      place.remove();
    });
  });
}
