// Where kyneta's tests happen: a directory of their own, and patience.

import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

import { useTransport } from 'ginnel/kyneta';

import * as layer from './transport';

useTransport(layer);

const directory = mkdtempSync(join(tmpdir(), 'ginnel-kyneta-'));
after(() => rmSync(directory, { recursive: true, force: true }));

let places = 0;

/** A path at which nothing stands. */
export function freshPath(): string {
  return join(directory, `s${places++}`);
}

/** Resolves once it is so. */
export async function until(isSo: () => boolean, what: string, ms = 30_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`it did not come to pass that ${what}`);
    await pause(2);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How many sockets this process has open. */
export function openSockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => target(fd).startsWith('socket:')).length;
}

function target(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

/** The frames that two exchanges of kyneta 1.8 were seen to send. */
export function captured(name: string): Buffer {
  const file = join(__dirname, '../../../../../../ginnel-proto/tests/vectors/kyneta-1.8.txt');
  const lines = readFileSync(file, 'utf8').split('\n').map((line) => line.split('\t'));
  const hex = lines.find(([first]) => first === name)?.[1];
  if (hex === undefined) throw new Error(`no frame is called ${name}`);
  return Buffer.from(hex, 'hex');
}
