// Ginnel's own sockets behind `UnixSocket`: connecting, taking a path, serving it.

import { Listener } from '../../listener';
import { Stream } from '../../stream';
import { fileAddress, unixOnly } from '../shared';
import { asError } from './faults';
import { checkFunction, checkPath, type Access } from './options';
import { wrapNodeUnixSocket, type UnixSocket } from './unix-socket';

export type OnConnectionCallback = (socket: UnixSocket) => void;

export interface UnixSocketListener {
  stop(): void;
}

/** Connects to whoever listens at `path`. */
export function connect(path: string): Promise<UnixSocket> {
  return open(path);
}

/** As `connect`, and gives up when told. What opens after that is closed. */
export async function open(path: string, signal?: AbortSignal): Promise<UnixSocket> {
  const address = addressOf(path);
  const stream = await Stream.connect(address, { allowHalfOpen: true, ...(signal === undefined ? {} : { signal }) });
  if (signal?.aborted === true) {
    stream.destroy();
    throw asError(signal.reason);
  }
  return wrapStream(stream);
}

/** Listens at `path`. A live listener is never displaced (`EADDRINUSE`); what a dead one left is replaced. */
export async function listen(path: string, onConnection: OnConnectionCallback): Promise<UnixSocketListener> {
  checkFunction(onConnection ?? null, 'onConnection');
  return serve(claim(path), onConnection, () => {});
}

/** Takes the path. Those who connect from now on wait until somebody serves them. */
export function claim(path: string, access: Access = {}): Listener<Stream> {
  return Stream.listen(addressOf(path), { ...access, allowHalfOpen: true });
}

/** Accepts until it is stopped. An error of one accept is told, and the next is made after a pause. */
export function serve(
  listener: Listener<Stream>,
  onConnection: OnConnectionCallback,
  onError: (error: Error) => void,
): UnixSocketListener {
  let stopped = false;
  const accepting = async (): Promise<void> => {
    while (!stopped) {
      try {
        const stream = await listener.accept();
        if (stream === null) return;
        if (stopped) {
          stream.destroy();
          return;
        }
        hand(stream, onConnection, onError);
      } catch (error) {
        if (!stopped) {
          onError(asError(error));
          await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE));
        }
      }
    }
  };
  void accepting();
  return {
    stop() {
      stopped = true;
      listener.close();
    },
  };
}

/** What nobody took is closed. */
function hand(stream: Stream, onConnection: OnConnectionCallback, onError: (error: Error) => void): void {
  try {
    onConnection(wrapStream(stream));
  } catch (error) {
    stream.destroy();
    onError(asError(error));
  }
}

/** Without anybody who decides otherwise, our side ends when the other does. */
function wrapStream(stream: Stream): UnixSocket {
  let ended = (): void => void stream.end();
  stream.on('end', () => ended());
  return {
    ...wrapNodeUnixSocket(stream),
    destroy: () => void stream.destroy(),
    // Who asks late is told all the same: between opening and asking the other side may have gone.
    onClose: (handler) => void (stream.closed ? queueMicrotask(handler) : stream.on('close', handler)),
    onEnd: (handler) => void (ended = handler),
  };
}

function addressOf(path: string): string {
  unixOnly();
  return fileAddress(checkPath(path, 'path'));
}

const ACCEPT_PAUSE = 100;
