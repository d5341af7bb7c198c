// One interface over the sockets of Node, Bun and Ginnel: a stream of bytes that says when it has enough.

import { misuse } from '../../errors';

export interface UnixSocket {
  /** Takes all of `data`. False: no more until `onDrain`. */
  write(data: Uint8Array): boolean;
  /** Ends this side behind everything written. */
  end(): void;
  onData(handler: (data: Uint8Array) => void): void;
  onClose(handler: () => void): void;
  onError(handler: (error: Error) => void): void;
  onDrain(handler: () => void): void;
  /** The other side has ended. A socket without this closes by itself when that happens. */
  onEnd?(handler: () => void): void;
  /** Closes at once, whatever is still queued. A socket without this can only be ended. */
  destroy?(): void;
}

/** What is needed of a `net.Socket`, or of anything like it. */
export interface NodeUnixSocketLike {
  write(data: Uint8Array): boolean;
  end(): void;
  on(event: 'data', handler: (data: Buffer) => void): void;
  on(event: 'close', handler: () => void): void;
  on(event: 'error', handler: (error: Error) => void): void;
  on(event: 'drain', handler: () => void): void;
  destroy?(): void;
}

export function wrapNodeUnixSocket(socket: NodeUnixSocketLike): UnixSocket {
  checkMethods(socket, ['write', 'end', 'on']);
  // An error is followed by 'close'. Nobody has to listen to it for the process to live on.
  socket.on('error', () => {});
  return {
    write: (data) => socket.write(data),
    end: () => socket.end(),
    destroy: () => (socket.destroy === undefined ? socket.end() : socket.destroy()),
    onData: (handler) => socket.on('data', (data) => handler(plain(data))),
    onClose: (handler) => socket.on('close', () => handler()),
    onError: (handler) => socket.on('error', handler),
    onDrain: (handler) => socket.on('drain', handler),
  };
}

/** The same bytes, not a `Buffer`: its `slice` shares memory where that of a `Uint8Array` copies. */
function plain(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** What is needed of a socket of Bun: `write` tells how many bytes it took. */
export interface BunUnixSocketLike {
  write(data: Uint8Array): number;
  end(): void;
  data?: unknown;
}

/** What the callbacks of `Bun.listen` and `Bun.connect` have to call. */
export interface BunSocketHandlers {
  onData?: (data: Uint8Array) => void;
  onClose?: () => void;
  onError?: (error: Error) => void;
  onDrain?: () => void;
}

/**
 * Bun takes as much of a write as the kernel does and leaves the rest to the caller. The rest is kept here, and goes
 * out when `handlers.onDrain` is called.
 */
export function wrapBunUnixSocket(socket: BunUnixSocketLike): { unixSocket: UnixSocket; handlers: BunSocketHandlers } {
  checkMethods(socket, ['write', 'end']);
  const left: Uint8Array[] = [];
  let ended = false;
  let drained = (): void => {};

  /** Writes what is left, in order. True: nothing is left. */
  const flush = (): boolean => {
    for (let next = left[0]; next !== undefined; next = left[0]) {
      const taken = Math.max(0, socket.write(next));
      if (taken < next.length) {
        left[0] = next.subarray(taken);
        return false;
      }
      left.shift();
    }
    return true;
  };
  const handlers: BunSocketHandlers = {
    onDrain: () => {
      if (!flush()) return;
      if (ended) {
        socket.end();
      } else {
        drained();
      }
    },
  };
  const unixSocket: UnixSocket = {
    write(data) {
      left.push(data);
      return left.length === 1 && flush();
    },
    end() {
      ended = true;
      if (left.length === 0) {
        socket.end();
      }
    },
    onData: (handler) => void (handlers.onData = handler),
    onClose: (handler) => void (handlers.onClose = handler),
    onError: (handler) => void (handlers.onError = handler),
    onDrain: (handler) => void (drained = handler),
  };
  return { unixSocket, handlers };
}

function checkMethods(value: unknown, names: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw misuse('a socket must be an object');
  const methods = new Map<string, unknown>(names.map((name) => [name, Reflect.get(value, name)]));
  for (const [name, method] of methods) {
    if (typeof method !== 'function') throw misuse(`a socket must have a method ${name}`);
  }
}
