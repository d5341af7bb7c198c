// The packages whose faces we have, as the tests talk to them. One of them is C++ and compiled here, against the headers
// that this Node came with.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const usocket = join(home, 'node_modules', 'usocket');

if (existsSync(usocket) && !existsSync(join(usocket, 'build', 'Release', 'uwrap.node'))) {
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include', 'node', 'node.h')) ? [`--nodedir=${prefix}`] : [];
  const args = ['rebuild', 'usocket', '--ignore-scripts=false', '--foreground-scripts', ...headers];
  const { status, error } = spawnSync('npm', args, { cwd: home, stdio: 'inherit' });
  if (error) throw error;
  process.exit(status ?? 1);
}
