// In the place of the package `usocket`: docs/node/usocket.md says what differs, and why.

export { UServer, type UServerOptions } from './server';
export { type Read, USocket, type USocketOptions } from './socket';
export type { Chunk, Message } from './parcel';
