import assert from 'node:assert/strict';

import { inDirectory } from './support';

/** What nobody should give, and somebody will. */
export const STRANGE: readonly unknown[] = [
  undefined, null, true, false, 0.5, -1, -0, Number.NaN, Infinity, 2 ** 31, 2 ** 53, 10n, Symbol('x'), '', '\0', 'a\0b', '@x', 'x'.repeat(5000),
  [], [undefined], [-1], ['0'], [2 ** 40], new Array(300).fill(0), {}, { length: 3 }, { __proto__: null }, JSON.parse('{"__proto__":{"data":1}}'),
  { data: null, fds: null }, { data: 1 }, { fds: { length: 1, 0: 0 } }, { callback: 1, data: Buffer.from('x') },
  { get data(): never { throw new Error('no data'); } }, { get path(): never { throw new Error('no path'); } },
  new Proxy({}, { get() { throw new Error('no property'); } }), new Proxy([], {}), Object.create(Uint8Array.prototype),
  () => undefined, new Date(), new Map(), new Error('x'), new ArrayBuffer(3), new DataView(new ArrayBuffer(3)), new Float64Array(2),
  new Uint8Array(0), Buffer.alloc(0), new Uint8Array(new SharedArrayBuffer(3)), taken(new Uint8Array(10)),
];

/** Transfers what a view shows to somebody else. */
export function taken(view: Uint8Array): Uint8Array {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
  return view;
}

/** What is thrown has words. */
export function attempt(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof Error && error.message.length > 0);
  }
}

/** Does this where strange names do no harm. */
export function inside(action: (directory: string) => Promise<void>): Promise<void> {
  return inDirectory(async (directory) => {
    const home = process.cwd();
    process.chdir(directory);
    try {
      await action(directory);
    } finally {
      process.chdir(home);
    }
  });
}
