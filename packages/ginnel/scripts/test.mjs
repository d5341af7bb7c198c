// Runs the tests that were built: all, those whose names hold one of the words that are given, or, behind `--but`, none of
// them.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(home, 'build', 'test');
const but = process.argv[2] === '--but';
const words = process.argv.slice(but ? 3 : 2);

/** What a test leaves open must not keep everybody waiting for ever. In milliseconds. */
const LONGEST = 15 * 60_000;

const files = readdirSync(built, { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => words.length === 0 || but !== words.some((word) => name.includes(word)))
  .map((name) => join(built, name))
  .sort();

// Most files wait for other processes and for time. Node would leave one processor free, and of two that is half.
const atOnce = `--test-concurrency=${Math.max(2, availableParallelism())}`;
const args = ['--expose-gc', '--test', '--test-reporter=spec', '--test-timeout=120000', atOnce, ...files];
const { status, error } = spawnSync(process.execPath, args, { cwd: home, stdio: 'inherit', timeout: LONGEST });
if (error) throw error;
process.exit(status ?? 1);
