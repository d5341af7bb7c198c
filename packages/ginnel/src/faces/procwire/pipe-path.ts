// Paths that both ends can work out from two names.

import { lstat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Stream } from '../../stream';
import { coreAddress } from './link';
import { isWindows } from './platform';

/** What every Unix takes, with its closing NUL: macOS has 104 bytes for it, Linux 108. */
const LONGEST = 104;

/** Makes paths of sockets, and removes what a dead server has left there. */
export class PipePath {
  /**
   * `<baseDir>/<namespace>-<moduleId>.sock` (`\\.\pipe\<namespace>-<moduleId>` on Windows), where each name keeps its
   * letters, digits, `_` and `-` and gets `_` for the rest. `baseDir` is `os.tmpdir()` unless said otherwise.
   *
   * Different names can give the same path: `a@b` and `a_b` do.
   */
  static forModule(namespace: string, moduleId: string, baseDir?: string): string {
    const name = `${plain('namespace', namespace)}-${plain('moduleId', moduleId)}`;
    if (isWindows()) return `\\\\.\\pipe\\${name}`;
    if (baseDir !== undefined && typeof baseDir !== 'string') throw new TypeError('baseDir must be a string');
    const path = join(baseDir ?? tmpdir(), `${name}.sock`);
    const length = Buffer.byteLength(path);
    if (length > LONGEST) {
      throw new RangeError(
        `Unix socket path exceeds maximum length of ${LONGEST} characters. Current length: ${length}. ` +
          `Path: "${path}". Consider shortening namespace or moduleId.`,
      );
    }
    return path;
  }

  /**
   * Removes the socket at `pipePath` if nobody listens there. Never throws. Other files, and the socket of a live
   * server, stay.
   */
  static async cleanup(pipePath: string): Promise<void> {
    if (isWindows()) return;
    try {
      if (!(await lstat(pipePath)).isSocket()) return;
      // A listener takes a dead one's place and leaves nothing behind; a live one keeps it out. Both under the lock
      // that guards the path, so that no server that starts just now loses its file.
      Stream.listen(coreAddress(pipePath)).close();
    } catch {
      // Nothing is there, or it is not ours to remove.
    }
  }
}

function plain(what: string, name: string): string {
  if (typeof name !== 'string') throw new TypeError(`${what} must be a string`);
  return name
    .replace(/[^a-zA-Z0-9_-]/g, '_')
    .replace(/_+/g, '_')
    .replace(/^_|_$/g, '');
}
