// Local IPC for Node.js.

export { type BindOptions, Datagram, type ReceivedFrom, type SendToOptions } from './datagram';
export { createReuseportFd, Door, type DoorOptions } from './door';
export { type GinnelError } from './errors';
export { Fd, type FdLike } from './fd';
export { Listener, type ListenOptions } from './listener';
export { type Who } from './native';
export { SeqPacket } from './seqpacket';
export { type Packet, type PacketOptions, type WaitOptions } from './sockets/packets';
export { type ConnectOptions, type SendOptions, Stream, type StreamOptions } from './stream';
