// A peer among others, until it is killed: says when it takes part.

import { Peer } from 'ginnel';

async function run(): Promise<void> {
  const peer = await Peer.join(process.argv[2] ?? '');
  process.stdout.write('joined\n');
  for await (const event of peer) {
    if (event.type === 'joined') await peer.send(event.from, 'hello').catch(() => {});
  }
}

void run();
