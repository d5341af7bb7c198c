// The tables of the addon, without the package in front of them.

import { join } from 'node:path';

import { PACKAGE } from '../core';

export type Raw = Record<string, Record<string, (...values: unknown[]) => unknown>>;

function isTables(found: unknown): found is Raw {
  return typeof found === 'object' && found !== null && 'stream' in found;
}

/** The addon that the package has loaded. */
export function addonFile(): string {
  const loaded = Object.keys(require.cache).find((file) => file.endsWith('.node') && file.includes('ginnel.'));
  return loaded ?? join(PACKAGE, `ginnel.${process.platform}-${process.arch}-gnu.node`);
}

export function tables(): Raw {
  const found: unknown = require(addonFile());
  if (!isTables(found)) throw new Error('that is no addon');
  return found;
}

/** A function of a table. */
export function call(raw: Raw, table: string, name: string): (...values: unknown[]) => unknown {
  const found = raw[table]?.[name];
  if (found === undefined) throw new Error(`there is no ${table}.${name}`);
  return found;
}
