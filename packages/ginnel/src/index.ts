// Local IPC for Node.js.

export { Fd, type FdLike } from './fd';
export { type GinnelError } from './errors';
export { Listener, type ListenOptions } from './listener';
export { type ConnectOptions, type SendOptions, Stream, type StreamOptions } from './stream';
