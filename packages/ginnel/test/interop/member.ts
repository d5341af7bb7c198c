// A peer in a process of its own, as that of the Rust library's counterpart: takes part, and tells what happens.

import { createInterface } from 'node:readline';

import { Peer } from 'ginnel';

async function run(at: string): Promise<void> {
  const peer = await Peer.join(at);
  const say = (line: string): void => { process.stdout.write(`${line}\n`); };
  const orders = createInterface(process.stdin);
  orders.on('line', () => {
    void peer.callListener('who').then(({ data }) => say(`listener ${data.toString()}`));
  });
  orders.on('close', () => process.exit());
  for await (const event of peer) {
    if (event.type === 'role' && event.role !== 'negotiating') say(`role ${event.role}`);
    if (event.type === 'joined' && !event.neighbour.listens) say(`joined ${event.neighbour.pid ?? 0}`);
    if (event.type === 'request') await event.request.reply(String(process.pid));
  }
}

void run(process.argv[2] ?? '');
