// In the place of the package `node-unix-socket`: docs/node/node-unix-socket.md says what differs, and why.

export { DgramSocket } from './dgram';
export type { SendCb } from './destination';
export { createReuseportFd, closeFd } from './reuseport';
export { SeqpacketServer } from './seqpacket_server';
export { SeqpacketSocket } from './seqpacket_socket';
export type { NotifyCb } from './outbox';
