// As users have it: installed, with the addon in a package of its own, loaded both ways.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const home = join(__dirname, '..', '..');
const place = mkdtempSync(join(tmpdir(), 'ginnel-'));
after(() => rmSync(place, { recursive: true }));

const addon = readdirSync(home).find((name) => name.startsWith(`ginnel.${process.platform}-`) && name.endsWith('.node')) ?? 'none';
const platform = addon.slice('ginnel.'.length, -'.node'.length);
const installed = join(place, 'node_modules', 'ginnel');
mkdirSync(installed, { recursive: true });
cpSync(join(home, 'dist'), join(installed, 'dist'), { recursive: true });
cpSync(join(home, 'package.json'), join(installed, 'package.json'));

function run(code: string, type: 'module' | 'commonjs'): { status: number | null; stdout: string; stderr: string } {
  const args = [`--input-type=${type}`, '--eval', code];
  return spawnSync(process.execPath, args, { cwd: place, encoding: 'utf8', timeout: 30_000 });
}

test('without an addon it says what is missing', () => {
  const { status, stderr } = run("require('ginnel')", 'commonjs');
  assert.equal(status, 1);
  assert.match(stderr, /ERR_GINNEL_NO_ADDON/);
  assert.match(stderr, /npm run build/);
});

test('with the package of its platform it loads, both ways', () => {
  const target = join(place, 'node_modules', `ginnel-${platform}`);
  cpSync(join(home, 'npm', platform), target, { recursive: true });
  cpSync(join(home, addon), join(target, addon));
  const names = ['ginnel', 'ginnel/usocket', 'ginnel/node-unix-socket', 'ginnel/procwire', 'ginnel/kyneta'];
  const list = JSON.stringify(names);
  const required = run(`for (const n of ${list}) if (Object.keys(require(n)).length === 0) throw new Error(n)`, 'commonjs');
  assert.equal(required.status, 0, required.stderr);
  const imported = run(`for (const n of ${list}) if (Object.keys(await import(n)).length < 2) throw new Error(n)`, 'module');
  assert.equal(imported.status, 0, imported.stderr);
});

test('both ways there is one of each class, and every name', () => {
  const code = `
    import { createRequire } from 'node:module';
    const require = createRequire(${JSON.stringify(join(place, 'x.js'))});
    for (const name of ['ginnel', 'ginnel/usocket', 'ginnel/node-unix-socket', 'ginnel/procwire', 'ginnel/kyneta']) {
      const all = require(name), some = await import(name);
      for (const key of Object.keys(all)) if (all[key] !== some[key]) throw new Error(name + ': ' + key);
    }`;
  const { status, stderr } = run(code, 'module');
  assert.equal(status, 0, stderr);
});
