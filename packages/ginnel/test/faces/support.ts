// What tests of the faces have in common.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

export type USockets = typeof import('ginnel/usocket');
export type UnixSockets = typeof import('ginnel/node-unix-socket');

/** The package that a face stands for, if it is installed. */
export function installed(name: 'usocket' | 'node-unix-socket'): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Does this in a directory of its own, which is removed afterwards. */
export async function inDirectory<T>(action: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'ginnel-face-'));
  try {
    return await action(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Two ends that are connected, and who has let them meet. */
interface Meeting {
  here: { destroy(): unknown };
  there: { destroy(): unknown };
  server: { close(): unknown };
}

/** A test between two ends, in a directory of its own; all are closed afterwards. */
export function testBetween<M extends Meeting>(
  name: string,
  meet: (directory: string) => Promise<M>,
  action: (ends: M & { directory: string }) => Promise<void>,
): void {
  test(name, { timeout: 30_000 }, () => inDirectory(async (directory) => {
    const ends = await meet(directory);
    try {
      await action({ ...ends, directory });
    } finally {
      ends.here.destroy();
      ends.there.destroy();
      ends.server.close();
    }
  }));
}

/** Waits for something that will come true. */
export async function until(what: string, isTrue: () => boolean, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; !isTrue(); await pause(2)) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
  }
}

/** Waits for an event, whatever errors are told before. */
export function told(emitter: EventEmitter, event: string): Promise<unknown[]> {
  return new Promise((resolve) => emitter.once(event, (...values: unknown[]) => resolve(values)));
}

/** Turns of the loop, in which what is on its way arrives. */
export async function aWhile(): Promise<void> {
  await pause(25);
}

/** Descriptors of this process. */
export function openDescriptors(): number[] {
  return readdirSync('/proc/self/fd').map(Number).filter(isOpen);
}

/** That of the listing itself is not. */
function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

export function isCloseOnExec(fd: number): boolean {
  const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
  return (Number.parseInt(flags, 8) & 0o2000000) !== 0;
}

/** What happened, in order. */
export class Story {
  readonly lines: string[] = [];

  add(...words: unknown[]): void {
    this.lines.push(words.map(said).join(' '));
  }

  /** Tells of these events. */
  listen(name: string, emitter: EventEmitter, ...events: string[]): void {
    for (const event of events) emitter.on(event, (...values: unknown[]) => this.add(name, event, ...values));
  }

  /** Does something, and tells what it returned or threw. */
  attempt(name: string, action: () => unknown): void {
    let outcome: unknown;
    try {
      outcome = action();
    } catch (error) {
      return this.add(name, 'threw', error);
    }
    this.add(name, outcome);
  }
}

function said(value: unknown): string {
  if (value instanceof Error) return `[${value.message}]`;
  if (Buffer.isBuffer(value)) return value.length > 20 ? `${value.length} bytes` : `"${value.toString()}"`;
  if (Array.isArray(value)) return `${value.length} items`;
  if (typeof value === 'object' && value !== null) return value.constructor.name;
  return String(value);
}

/** What a program prints, as JSON, and how it ends. */
export async function output(file: string, ...given: string[]): Promise<{ said: string; status: number | string | null }> {
  const child = spawn(process.execPath, [file, ...given], { stdio: ['ignore', 'pipe', 'pipe'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  child.stderr.resume();
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  return { said: Buffer.concat(parts).toString(), status: code ?? signal };
}

export interface Peer {
  /** It has said that it listens. */
  readonly listening: Promise<void>;
  /** What it says at last. */
  readonly ended: Promise<string>;
}

/** Another process, which says one line when it listens and one at its end. */
export function peer(file: string, ...given: string[]): Peer {
  return peerBy(process.execPath, file, ...given);
}

/** As `peer`, with no more open files than a few. */
export function crampedPeer(file: string, ...given: string[]): Peer {
  return peerBy('/bin/sh', '-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, file, ...given);
}

function peerBy(command: string, ...given: string[]): Peer {
  const child = spawn(command, given, { stdio: ['ignore', 'pipe', 'inherit'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), 25_000);
  let said = '';
  const listening = new Promise<void>((resolve) => {
    child.stdout.on('data', (part: Buffer) => {
      said += String(part);
      if (said.startsWith('listening\n')) resolve();
    });
  });
  const ended = once(child, 'close').then(() => {
    clearTimeout(timer);
    return said.replace('listening\n', '');
  });
  return { listening, ended };
}
