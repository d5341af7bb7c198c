// Traffic over both faces, in a thread that somebody will end.

import { openSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

import { DgramSocket, SeqpacketServer, SeqpacketSocket } from 'ginnel/node-unix-socket';
import { UServer, USocket } from 'ginnel/usocket';

function streams(path: string): void {
  const file = openSync('/dev/null', 'r');
  const server = new UServer();
  server.on('connection', (socket: USocket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket, { end: false });
  });
  server.listen(path, () => {
    const socket = new USocket(path);
    const say = (): void => { socket.write({ data: Buffer.alloc(1000), fds: [file], callback: () => setImmediate(say) }); };
    socket.on('data', () => parentPort?.postMessage('streams'));
    socket.on('connected', say);
  });
}

function packets(path: string): void {
  const server = new SeqpacketServer();
  server.on('connection', (socket: SeqpacketSocket) => socket.on('data', (data: Buffer) => socket.write(data)));
  server.listen(path);
  const socket = new SeqpacketSocket();
  socket.on('data', (data: Buffer) => socket.write(data));
  socket.connect(path, () => { for (let index = 0; index < 50; index += 1) socket.write(Buffer.alloc(1000)); });
  const datagrams = new DgramSocket();
  datagrams.bind(`${path}.d`);
  const say = (): void => datagrams.sendTo(Buffer.alloc(100), 0, 100, `${path}.d`, () => setImmediate(say));
  say();
}

if (!isMainThread) {
  const { path } = workerData as { path: string };
  streams(`${path}.u`);
  packets(path);
}
