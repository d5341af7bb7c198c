// Builds the package: the addon with cargo, if no prebuilt one fits, the TypeScript, and the ES modules.
//   node scripts/build.mjs            what users load
//   node scripts/build.mjs --tests    the tests too
//   node scripts/build.mjs --addon    the addon again, whatever is there
//   node scripts/build.mjs --windows  the addon for Windows instead, with mingw (`x86_64-pc-windows-gnu`)

import { spawnSync } from 'node:child_process';
import {
  closeSync, copyFileSync, existsSync, mkdirSync, openSync, readdirSync, readSync, renameSync, statSync, writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const wanted = new Set(process.argv.slice(2));

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: home, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Which machine this Node was made for, and on Linux which C library: the head of its file names the loader that it asks for. */
function platform() {
  const machine = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux') return machine;
  const head = Buffer.alloc(4096);
  const file = openSync(process.execPath, 'r');
  readSync(file, head);
  closeSync(file);
  return `${machine}-${head.includes('ld-musl-') ? 'musl' : 'gnu'}`;
}

/** The newest file under these places, as a time. */
function newest(...places) {
  let time = 0;
  for (const place of places) {
    const stat = statSync(place);
    const inner = stat.isDirectory() ? readdirSync(place).map((name) => join(place, name)) : [];
    time = Math.max(time, stat.mtimeMs, inner.length === 0 ? 0 : newest(...inner));
  }
  return time;
}

/** What cargo builds. */
function cargo(args, cwd) {
  const { status, stdout, error } = spawnSync('cargo', [...args, '--message-format=json-render-diagnostics'], {
    cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1 << 28,
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
  return stdout.split('\n').filter((line) => line.includes('"compiler-artifact"')).map((line) => JSON.parse(line));
}

function buildAddon() {
  const abroad = wanted.has('--windows');
  const target = join(home, `ginnel.${abroad ? 'win32-x64' : platform()}.node`);
  const crate = join(home, '..', '..', 'ginnel-node');
  if (!existsSync(crate)) return; // an installed package: a platform package brings the addon
  const sources = ['ginnel-proto', 'ginnel-os', 'ginnel-node'].map((part) => join(home, '..', '..', part, 'src'));
  if (!wanted.has('--addon') && existsSync(target) && statSync(target).mtimeMs > newest(...sources)) return;
  const elsewhere = abroad ? ['--target', 'x86_64-pc-windows-gnu'] : [];
  const built = cargo(['build', '--release', '--locked', '-p', 'ginnel-node', ...elsewhere], crate)
    .find(({ target }) => target.name === 'ginnel_node');
  // A process that has the old file open keeps it.
  copyFileSync(built.filenames[0], `${target}.new`);
  renameSync(`${target}.new`, target);
}

/** The Rust side of the stories that are told between two processes. */
function buildCounterpart() {
  const crate = join(home, '..', '..', 'ginnel');
  if (!existsSync(crate)) return;
  const args = ['build', '--locked', '-p', 'ginnel', '--example', 'counterpart'];
  const built = cargo(args, crate).find(({ target }) => target.name === 'counterpart');
  mkdirSync(join(home, 'build'), { recursive: true });
  const target = join(home, 'build', 'counterpart');
  copyFileSync(built.executable, `${target}.new`);
  renameSync(`${target}.new`, target);
}

/** For each way in: an ES module that hands on what the CommonJS one has, so that there is one of each class. */
function wrap(entry) {
  const file = join(home, 'dist', entry);
  const names = Object.keys(require(file)).filter((name) => name !== 'default' && name !== '__esModule');
  const from = `./${relative(dirname(file), file)}`;
  const lines = [`import face from '${from}';`, `export const { ${names.join(', ')} } = face;`, 'export default face;', ''];
  writeFileSync(file.replace(/\.js$/, '.mjs'), lines.join('\n'));
  writeFileSync(file.replace(/\.js$/, '.d.mts'), `export * from '${from}';\nimport * as face from '${from}';\nexport default face;\n`);
}

buildAddon();
const tsc = require.resolve('typescript/bin/tsc');
run(process.execPath, [tsc, '-p', '.']);
const faces = join(home, 'dist', 'faces');
const inner = existsSync(faces) ? readdirSync(faces).map((face) => join('faces', face, 'index.js')) : [];
const entries = ['index.js', ...inner];
entries.filter((entry) => existsSync(join(home, 'dist', entry))).forEach(wrap);
if (wanted.has('--tests')) buildCounterpart();
if (wanted.has('--tests')) run(process.execPath, [tsc, '-p', 'tsconfig.test.json']);
