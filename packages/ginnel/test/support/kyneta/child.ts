// A peer in a process of its own: tells its roles, and whom its exchange meets, a line each. Ends with its input.

import { createUnixSocketPeer, useTransport } from 'ginnel/kyneta';

import { Exchange } from './exchange';
import * as layer from './transport';

const [path, id] = process.argv.slice(2);
if (path !== undefined && id !== undefined) take(path, id);

function take(path: string, id: string): void {
  useTransport(layer);
  const exchange = new Exchange({ id });
  exchange.texts.set(`of ${id}`, id);
  const peer = createUnixSocketPeer(exchange, { path });
  const tell = (line: object): void => void process.stdout.write(`${JSON.stringify({ ...line, at: now() })}\n`);
  peer.subscribe((role) => tell({ role }));
  exchange.onMessage = (message) => {
    if (message.type === 'establish') tell({ met: message.identity.peerId });
  };
  process.stdin.on('end', () => void peer.dispose().then(() => process.exit())).resume();
}

/** Milliseconds that all processes count alike. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
