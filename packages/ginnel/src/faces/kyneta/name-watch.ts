// Whether the name of a listening socket is still its own. Deleting the file disturbs no connection, but nobody can come
// any more; a peer of the original that displaces a listener does the same to it.

import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { codeOf } from './faults';

/** Calls `lost`, once, when something else or nothing stands where a socket stands now. Gives back what stops that. */
export function watchName(path: string, lost: () => void): () => void {
  const place = resolve(path);
  const own = identity(statSync(place));
  let busy = false;
  let watching = true;
  const look = async (): Promise<void> => {
    busy = true;
    const found = await stat(place).then(identity, (error: unknown) => (codeOf(error) === 'ENOENT' ? 'nothing' : own));
    busy = false;
    if (found !== own && watching) {
      stop();
      lost();
    }
  };
  const timer = setInterval(() => {
    if (!busy) void look();
  }, INTERVAL).unref();
  const stop = (): void => {
    watching = false;
    clearInterval(timer);
  };
  return stop;
}

/** The number of a file may be given to the next one, but not at the same moment. */
function identity({ dev, ino, birthtimeMs }: { dev: number; ino: number; birthtimeMs: number }): string {
  return `${dev} ${ino} ${birthtimeMs}`;
}

const INTERVAL = 500;
