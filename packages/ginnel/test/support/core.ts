// What the tests of the sockets share: places that are cleared away, and an eye on what stays open.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Descriptors of this process, one for this very look included. */
export function openFds(): number {
  return readdirSync('/proc/self/fd').length;
}

/** A test with a directory of its own, which leaves open what it has found open. */
export function story(name: string, run: (directory: string) => Promise<void> | void): void {
  test(name, { timeout: 30_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ginnel-'));
    const before = openFds();
    try {
      await run(directory);
      await until(() => openFds() <= before, () => `${openFds()} descriptors are open, and ${before} were before`);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

/** Waits for what other callbacks bring about. */
export async function until(isSo: () => boolean, what: () => string = () => String(isSo)): Promise<void> {
  for (let turns = 0; !isSo(); turns++) {
    if (turns > 5000) throw new Error(`in vain: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A full turn of the loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

const isFunction = (value: unknown): value is () => void => typeof value === 'function';

/** Collects what nobody reaches. */
export function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  assert.ok(isFunction(gc));
  gc();
}

/** The code that an error has. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : `no code: ${String(error)}`;
}

/** What goes wrong, which must have a code. */
export async function failing(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    return codeOf(error);
  }
  return 'nothing went wrong';
}

/** The package, for code that runs elsewhere. */
export const PACKAGE = require.resolve('ginnel');

/** Runs a piece of code in a process of its own; `before` is what a shell does first. What it has written. */
export async function elsewhere(code: string, before = ':'): Promise<string> {
  const child = spawn('sh', ['-c', `${before}; exec "$0" "$@"`, process.execPath, '-e', code, PACKAGE], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { out += chunk.toString(); });
  const [code_, signal]: unknown[] = await once(child, 'close');
  assert.equal(code_, 0, `it ended with ${String(signal ?? code_)}: ${out}`);
  return out.trim();
}
