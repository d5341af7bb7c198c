// The examples of the front page: they compile as strictly as the package, and they run.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const home = join(__dirname, '..', '..');
const work = join(home, 'build', 'readme');
const sockets = mkdtempSync(join(tmpdir(), 'ginnel-'));
after(() => rmSync(sockets, { recursive: true }));

const blocks = [...readFileSync(join(home, 'README.md'), 'utf8').matchAll(/^### (.*?)\n.*?^```ts\n(.*?)^```/gms)];

test('there are examples', () => assert.ok(blocks.length >= 5));

test('the examples of the front page compile', () => {
  mkdirSync(work, { recursive: true });
  const files = blocks.map(([, , code], index) => {
    const file = join(work, `example${index}.mts`);
    const path = JSON.stringify(join(sockets, `${index}.sock`));
    writeFileSync(file, `const path = ${path};\nvoid path;\n${code}`);
    return file;
  });
  // What comes with them is looked at where the types are.
  const flags = ['--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'node16', '--types', 'node', '--lib', 'es2022,esnext.disposable'];
  const tsc = spawnSync(process.execPath, [require.resolve('typescript/bin/tsc'), ...flags, ...files], { encoding: 'utf8' });
  assert.equal(tsc.status, 0, tsc.stdout);
});

for (const [index, [, title]] of blocks.entries()) {
  test(`the example runs: ${title}`, () => {
    const run = spawnSync(process.execPath, [join(work, `example${index}.mjs`)], { encoding: 'utf8', timeout: 30_000 });
    assert.equal(run.status, 0, run.stderr);
    assert.equal(run.stderr, '');
  });
}
