// The other side: a process of the Rust library's (`ginnel/examples/counterpart`), or of ours.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { settled } from '../stories/telling';

/** Built by `npm test` in the repository, where the Rust sources are. */
export const COUNTERPART = join(__dirname, '..', '..', 'counterpart');

/** What a side of a story has: where it takes place, and lines to and from the other side. */
export interface Side {
  readonly at: string;
  say(line: string | number): void;
  hear(): Promise<string>;
}

/** A process, and its lines. */
export class Child {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string) => void)[] = [];
  readonly ended: Promise<string>;

  constructor(program: string, args: readonly string[]) {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString(); });
    child.stdin.on('error', () => {});
    createInterface(child.stdout).on('line', (line) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#lines.push(line);
      else waiting(line);
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve(code === 0 ? '' : `${signal ?? code}: ${said}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  say(line: string | number): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Its next line; fails if it ends before. */
  hear(): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    const told = new Promise<string>((resolve) => this.#waiting.push(resolve));
    const ended = this.ended.then((why) => { throw new Error(`the other side has ended: ${why}`); });
    return Promise.race([told, ended]);
  }

  /** Ends it as nothing else does. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** A story that is played both ways round. */
export interface Story {
  readonly name: string;
  serve(side: Side): Promise<void>;
  connect(side: Side): Promise<void>;
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** With a directory, and with nothing left open afterwards. */
export function scene(name: string, play: (dir: string) => Promise<void>): void {
  const skip = existsSync(COUNTERPART) ? false : 'the Rust sources are not here';
  test(name, { skip, timeout: 30_000 }, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ginnel-'));
    await warm();
    const before = descriptors();
    try {
      await play(dir);
      await settled(() => descriptors() <= before);
      assert.equal(descriptors(), before, 'nothing is left open');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

let warmed: Promise<unknown> | null = null;

/** What Node opens once for all is open before anything is counted. */
function warm(): Promise<unknown> {
  warmed ??= new Child('true', []).ended;
  return warmed;
}

/** One story over one address, both ways round. Whoever serves says where, if that is a URL, or that it is ready. */
export function both(story: Story, at: (dir: string) => string, over = ''): void {
  scene(`${story.name}${over}: Node serves, Rust connects`, async (dir) => {
    await nodeServes(story, at(dir));
  });
  scene(`${story.name}${over}: Rust serves, Node connects`, async (dir) => {
    const child = new Child(COUNTERPART, [story.name, 'serve', at(dir)]);
    const where = place(await child.hear(), at(dir));
    await finished(story.connect({ at: where, say: (said) => child.say(said), hear: () => child.hear() }), child);
  });
}

function place(said: string, known: string): string {
  return said.includes('://') ? said : known;
}

/** The Rust side is started by the first line that ours says; what is said later goes to it. */
async function nodeServes(story: Story, at: string): Promise<void> {
  let started: (child: Child) => void = () => {};
  const starting = new Promise<Child>((resolve) => { started = resolve; });
  let child: Child | null = null;
  const say = (line: string | number): void => {
    if (child !== null) {
      child.say(line);
    } else {
      child = new Child(COUNTERPART, [story.name, 'connect', place(String(line), at)]);
      started(child);
    }
  };
  const serving = story.serve({ at, say, hear: async () => (await starting).hear() });
  // Whoever fails before it is ready has no other side.
  const other = await Promise.race([starting, serving.then(() => null)]);
  if (other !== null) await finished(serving, other);
}

/** Both sides have come to their ends. */
async function finished(ours: Promise<void>, child: Child): Promise<void> {
  try {
    const theirs = child.ended.then((why) => {
      if (why !== '') throw new Error(`the Rust side failed: ${why}`);
    });
    await Promise.all([ours, theirs]);
  } finally {
    child.kill();
    await child.ended;
  }
}

/** The body with this number. */
export function numbered(number: number): Buffer {
  const body = Buffer.alloc(4 + (number % 300), '.');
  body.writeUInt32BE(number);
  return body;
}
