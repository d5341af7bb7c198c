// A child of fork() or a worker of a cluster: talks to its parent's server, and passes on what it is given.

import { Client, Stream } from 'ginnel';

const path = process.env['GINNEL_TEST_PATH'] ?? '';

async function run(): Promise<void> {
  const client = Client.connect(path);
  const { data } = await client.call('hello');
  const [a, b] = Stream.pair();
  a.write(data);
  const [chunk] = await new Promise<[Buffer]>((resolve) => b.once('data', (bytes: Buffer) => resolve([bytes])));
  await client.call(chunk);
  a.destroy();
  b.destroy();
  await client.close();
  if (process.connected) process.disconnect();
}

run().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
