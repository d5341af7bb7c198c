// Builds the package, fetches what the lock file says, and builds usocket, the only one of those that has to be built.
// Nothing else that comes with them is run. Node's headers are the machine's own.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const home = dirname(here);
const FETCH = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];

/**
 * @param {string} directory
 * @param {string} program
 * @param {readonly string[]} args
 */
function passes(directory, program, args) {
  return spawnSync(program, args, { cwd: directory, stdio: 'inherit' }).status === 0;
}

/**
 * @param {string} directory
 * @param {readonly string[]} args
 */
function npm(directory, args) {
  if (!passes(directory, 'npm', args)) process.exit(1);
}

if (!existsSync(join(home, 'node_modules'))) npm(home, ['ci', ...FETCH]);
npm(home, ['run', 'build']);

// Not `npm ci`: it wants every platform's binary of node-unix-socket in the lock file, and not all were published.
npm(here, ['install', '--no-save', ...FETCH]);

const usocket = join(here, 'node_modules', 'usocket');
if (!existsSync(join(usocket, 'build', 'Release', 'uwrap.node'))) {
  const gyp = join(here, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const args = [gyp, 'rebuild', '-C', usocket, `--nodedir=${dirname(dirname(process.execPath))}`];
  if (!passes(here, process.execPath, args)) process.stderr.write('usocket does not build; it will be left out\n');
}
