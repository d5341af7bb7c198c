// The package has no types of its own; this is what the benchmark uses of it.
declare module 'usocket' {
  import type { Duplex } from 'node:stream';
  import type { EventEmitter } from 'node:events';

  export class USocket extends Duplex {
    constructor(path: string, connected?: () => void);
    write(chunk: Buffer | { data: Buffer; fds: readonly number[] }): boolean;
    read(size?: number): Buffer | null;
    read(size: number, descriptors: null): { data: Buffer | null; fds: number[] };
  }

  export class UServer extends EventEmitter {
    listen(path: string, listening?: () => void): void;
  }
}
