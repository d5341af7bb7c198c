// Streams in stories: reading so many bytes, or up to the end, together with what came beside them.

import { once } from 'node:events';

import { type Fd, type Stream } from 'ginnel';

/** Reads exactly so many bytes. */
export async function read(stream: Stream, length: number): Promise<Buffer> {
  for (;;) {
    const chunk: unknown = stream.read(length);
    if (Buffer.isBuffer(chunk)) {
      if (chunk.length === length) return chunk;
      throw new Error(`the end came after ${chunk.length} bytes`);
    }
    if (stream.readableEnded || stream.destroyed) throw stream.errored ?? new Error('the end came');
    await Promise.race([once(stream, 'readable'), once(stream, 'end'), once(stream, 'close')]);
  }
}

/** Reads up to the end. Our side stays as it is. */
export async function readToEnd(stream: Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!stream.readableEnded) await once(stream, 'end');
  return Buffer.concat(chunks);
}

/** What came at once: bytes, and the descriptors that came with the first of them. */
export interface Portion { text: string; fds: Fd[] }

/** Writes down everything that comes; `wait` resolves once it is so much. */
export function portions(stream: Stream): { list: Portion[]; wait(bytes: number): Promise<void> } {
  const list: Portion[] = [];
  let count = 0;
  let beside: Fd[] = [];
  let tell: () => void = () => {};
  stream.on('fds', (fds) => {
    beside = fds;
  });
  stream.on('data', (chunk: Buffer) => {
    list.push({ text: chunk.toString(), fds: beside });
    beside = [];
    count += chunk.length;
    tell();
  });
  const wait = async (bytes: number): Promise<void> => {
    while (count < bytes) await new Promise<void>((resolve) => { tell = resolve; });
  };
  return { list, wait };
}
