// Runs the tests that were built, or those whose names hold one of the words that are given.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(home, 'build', 'test');
const words = process.argv.slice(2);

const files = readdirSync(built, { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .map((name) => join(built, name))
  .sort();

const args = ['--expose-gc', '--test', '--test-reporter=spec', ...files];
const { status, error } = spawnSync(process.execPath, args, { cwd: home, stdio: 'inherit' });
if (error) throw error;
process.exit(status ?? 1);
