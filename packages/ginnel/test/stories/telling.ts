// How stories are told: each has a directory of its own, and leaves no descriptor open. On Windows the stories are told that
// Rust tells there, on pipes.

import assert from 'node:assert/strict';
import {
  closeSync, fstatSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync, unlinkSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { type Fd, Stream } from 'ginnel';

/** Where a story takes place. */
export interface Place {
  readonly dir: string;
  /** A name in it; on Windows that of a pipe. */
  readonly path: string;
}

export const isWindows = process.platform === 'win32';

/** The stories that Rust tells on Unix alone. */
const ofUnix = new Set(isWindows ? storiesIn(join(__dirname, '..', '..', '..', '..', '..', 'ginnel', 'tests', 'stories', 'unix')) : []);

/** Stories of one who is known to take over: without standbys that is whoever moves first, and all move on one loop here. */
const ofHeirs = new Set(isWindows ? [
  'what_waits_for_one_listener_does_not_go_to_the_next',
  'what_is_for_whoever_listens_waits_and_goes_to_the_next_once_and_in_order',
  'so_much_waits_for_whoever_listens_and_no_more',
] : []);

function whyNot(name: string): string | false {
  if (ofUnix.has(name)) return 'Windows has nothing of the kind';
  return ofHeirs.has(name) ? 'nobody knows who will take over' : false;
}

function storiesIn(directory: string): string[] {
  const texts = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
  return texts.flatMap((text) => [...text.matchAll(/story (\w+)/g)].map(([, name]) => name ?? ''));
}

let pipes = 0;

function placeIn(dir: string): Place {
  return { dir, path: isWindows ? `\\\\.\\pipe\\ginnel-story-${process.pid}-${pipes++}` : join(dir, 's') };
}

/** A story, called as the one in Rust is. */
export function story(name: string, run: (place: Place) => Promise<void> | void): void {
  test(name, { timeout: LONG, skip: whyNot(name) }, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ginnel-'));
    warm();
    const before = openFds();
    try {
      await run(placeIn(dir));
      await settled(() => openFds().length <= before.length);
      assert.equal(openFds().length, before.length, `${openFds().join(' ')} are open, and before were ${before.join(' ')}`);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

/** What Node opens once for all is open before anything is counted. */
let warmed = false;

function warm(): void {
  if (warmed) return;
  warmed = true;
  for (const stream of Stream.pair()) stream.destroy();
}

/** What this process has open, where that is told. */
function openFds(): string[] {
  return isWindows ? [] : readdirSync('/proc/self/fd');
}

/** A full turn of the loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Turns the loop until something is so, or for long enough. */
export async function settled(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!isSo() && performance.now() < end) await turn();
}

/** The URL of a place: its path, or the name of its pipe. */
export function ipc(path: string): string {
  return `ipc://${isWindows ? path.slice('\\\\.\\pipe\\'.length) : path}`;
}

let made = 0;

/** An open file without a name, with this text. */
export function file(dir: string, text: string): number {
  const path = join(dir, `file-${made++}`);
  writeFileSync(path, text);
  const fd = openSync(path, 'r');
  unlinkSync(path);
  return fd;
}

/** Does something with an open file, and closes it. */
export async function withFile<T>(dir: string, text: string, use: (fd: number) => T | Promise<T>): Promise<T> {
  const fd = file(dir, text);
  try {
    return await use(fd);
  } finally {
    closeSync(fd);
  }
}

/** What stands in a file that came as a descriptor, which is closed. */
export function textOf(fd: Fd | undefined): string {
  assert.ok(fd !== undefined, 'a descriptor came');
  const bytes = Buffer.alloc(4096);
  const length = readSync(fd.number, bytes, 0, bytes.length, 0);
  fd.close();
  return bytes.toString('utf8', 0, length);
}

export function isSameFile(one: number, other: number): boolean {
  const [a, b] = [fstatSync(one), fstatSync(other)];
  return a.dev === b.dev && a.ino === b.ino;
}

export function inode(path: string): number {
  return statSync(path).ino;
}

/** The files that stand for a name; for a pipe there are none. */
export function files(...there: string[]): string[] {
  return isWindows ? [] : there;
}

/** The names in a directory. */
export function names(dir: string): string[] {
  return readdirSync(dir).sort();
}

export function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** A socket file whose listener is gone. */
export function leaveDeadSocket(path: string): void {
  Stream.listen(path).leave();
  assert.ok(exists(path));
}

/** Awaits a failure, and says what its code is. */
export async function codeOf(failing: Promise<unknown> | (() => unknown)): Promise<string> {
  const error = await failed(failing);
  return 'code' in error ? String(error.code) : error.message;
}

export async function failed(failing: Promise<unknown> | (() => unknown)): Promise<Error> {
  try {
    await (typeof failing === 'function' ? failing() : failing);
  } catch (error) {
    assert.ok(error instanceof Error, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'it should have failed' });
}

/** What a failing call has to say. */
export async function messageOf(failing: Promise<unknown> | (() => unknown)): Promise<string> {
  return (await failed(failing)).message;
}

/** What is there, and must be. */
export function given<T>(value: T | null | undefined, what = 'it'): T {
  assert.ok(value !== null && value !== undefined, `${what} is there`);
  return value;
}

/** A signal that comes after so many milliseconds. */
export function within(ms: number): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) };
}

/** Nothing takes so long: a failsafe. */
const LONG = 20_000;
