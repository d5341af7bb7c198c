// Local IPC for Node.js.

export { type Asked, Client, Connection, type Delivery, type Message, type Status } from './client';
export { type BindOptions, Datagram, type ReceivedFrom, type SendToOptions } from './datagram';
export { createReuseportFd, Door, type DoorOptions } from './door';
export { type Greeting } from './engine/addon';
export { type AskedBy, type Left, type MessageFrom } from './engine/many';
export { type CloseOptions } from './engine/engine';
export {
  type Bound, type ClientOptions, type ConnectionOptions, type PauseOptions, type PeerOptions, type ServerOptions, type Wire,
} from './engine/options';
export { Request } from './engine/request';
export { type Answer, type CallOptions } from './engine/traffic';
export { type GinnelError } from './errors';
export { Fd, type FdLike } from './fd';
export { Listener, type ListenOptions } from './listener';
export { type Who } from './native';
export { type Neighbour, Peer, type PeerEvent, type Role } from './peer';
export { SeqPacket } from './seqpacket';
export { type Happening, type Joined, Server } from './server';
export * as sp from './sp';
export { type Packet, type PacketOptions, type WaitOptions } from './sockets/packets';
export { type ConnectOptions, type SendOptions, Stream, type StreamOptions } from './stream';
