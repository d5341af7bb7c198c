// Streams in stories: reading so many bytes, or up to the end, together with what came beside them.

import { once } from 'node:events';

import { type Fd, type Stream } from 'ginnel';

/** Reads exactly so many bytes; what came beyond them stays. */
export async function read(stream: Stream, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let count = 0;
  while (count < length) {
    const chunk: unknown = stream.read();
    if (Buffer.isBuffer(chunk)) {
      chunks.push(chunk);
      count += chunk.length;
    } else if (stream.readableEnded || stream.destroyed) {
      throw stream.errored ?? new Error(`the end came after ${count} bytes`);
    } else {
      await more(stream);
    }
  }
  const all = Buffer.concat(chunks);
  if (all.length > length) stream.unshift(all.subarray(length));
  return all.subarray(0, length);
}

function more(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    const events = ['readable', 'end', 'close'];
    const told = (): void => {
      for (const event of events) stream.off(event, told);
      resolve();
    };
    for (const event of events) stream.on(event, told);
  });
}

/** Reads up to the end. Our side stays as it is. */
export async function readToEnd(stream: Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!stream.readableEnded) await once(stream, 'end');
  return Buffer.concat(chunks);
}

/** What came at once: bytes, descriptors, and from which byte on each of them can have come. */
export interface Portion { text: string; fds: Fd[]; starts: readonly number[] }

/** Writes down everything that comes; `wait` resolves once it is so much. */
export function portions(stream: Stream): { list: Portion[]; wait(bytes: number): Promise<void> } {
  const list: Portion[] = [];
  let count = 0;
  let beside: { fds: Fd[]; starts: readonly number[] } = { fds: [], starts: [] };
  let tell: () => void = () => {};
  stream.on('fds', (fds, _at, starts) => {
    beside = { fds, starts };
  });
  stream.on('data', (chunk: Buffer) => {
    list.push({ text: chunk.toString(), ...beside });
    beside = { fds: [], starts: [] };
    count += chunk.length;
    tell();
  });
  const wait = async (bytes: number): Promise<void> => {
    while (count < bytes) await new Promise<void>((resolve) => { tell = resolve; });
  };
  return { list, wait };
}
