// What users' compilers see: strict, with libraries checked too, as CommonJS and as ES modules.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { PACKAGE } from './support/core';

const HOME = dirname(dirname(PACKAGE));

const CONSUMER = `
import { createReuseportFd, Datagram, Door, Fd, type FdLike, Listener, type Packet, SeqPacket, Stream } from 'ginnel';
import * as everything from 'ginnel';
import type { Duplex } from 'node:stream';

const [a, b]: [Stream, Stream] = Stream.pair({ highWaterMark: 1 });
b.on('fds', (fds: Fd[], at: number) => fds.forEach((fd) => console.log(fd.take() + at)));
b.once('fds', (fds) => fds.forEach((fd) => fd.close()));
b.on('data', (chunk: Buffer) => console.log(chunk.length));
b.on('data', (chunk) => console.log(chunk.readUInt8(0)));
b.on('data', (chunk: string) => console.log(chunk.length));
b.on('error', (error: NodeJS.ErrnoException) => console.log(error.code));
b.on('error', (error: Error) => console.log(error.message));
b.on('error', (error) => console.log(error.syscall));
b.on('end', () => {}).once('close', () => {});
b.on('of mine', (...given) => console.log(given));
const duplex: Duplex = a;
a.pipe(b).on('close', () => {});
export async function users(path: string, fds: readonly FdLike[], signal: AbortSignal): Promise<Packet | null> {
  const listener: Listener<SeqPacket> = SeqPacket.listen(path, { mode: 0o600 });
  for await (const socket of listener) {
    await socket.send('x', { fds, signal });
    for await (const { data, fds: came } of socket) console.log(data.length, came.length);
  }
  await using closing = await Stream.connect(path, { signal });
  using fd = closing.detach();
  const { from } = (await Datagram.bind().recv()) ?? { from: null };
  console.log(Door.adopt(createReuseportFd()).fd, fd.number, from, duplex, everything.Fd.adopt);
  // @ts-expect-error: descriptors are numbers, or objects that own one
  await a.send('x', { fds: ['1'] });
  // @ts-expect-error: only the package makes them
  new Stream();
  // @ts-expect-error: only the package makes them
  new Fd();
  return SeqPacket.pair()[0].recv({ signal });
}
`;

const FACES = ['usocket', 'node-unix-socket', 'procwire', 'kyneta'].filter((face) => existsSync(join(HOME, 'dist', 'faces', face)));
const faces = FACES.map((face, index) => `import * as face${index} from 'ginnel/${face}';\nconsole.log(face${index});\n`).join('');

test('the types stand by themselves, from CommonJS and from ES modules', () => {
  const files = ['consumer.cts', 'consumer.mts'];
  const directory = mkdtempSync(join(HOME, 'build', 'consumer-'));
  try {
    mkdirSync(join(directory, 'node_modules', '@types'), { recursive: true });
    symlinkSync(HOME, join(directory, 'node_modules', 'ginnel'));
    symlinkSync(join(HOME, 'node_modules', '@types', 'node'), join(directory, 'node_modules', '@types', 'node'));
    for (const file of files) writeFileSync(join(directory, file), CONSUMER + faces);
    const compilerOptions = {
      strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true,
      module: 'Node16', target: 'ES2022', lib: ['ES2022', 'ESNext.Disposable'], types: ['node'],
    };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    const tsc = createRequire(PACKAGE).resolve('typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8', timeout: 60_000 });
    assert.equal(status, 0, stdout);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('both ways in lead to the same classes', () => {
  const code = `
    import * as named from 'ginnel';
    import whole from 'ginnel';
    import { createRequire } from 'node:module';
    const required = createRequire(import.meta.url)('ginnel');
    for (const name of Object.keys(required)) {
      if (named[name] !== required[name] || whole[name] !== required[name]) throw new Error(name);
    }
    console.log(Object.keys(required).length > 5);
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: dirname(PACKAGE), encoding: 'utf8', timeout: 20_000,
  });
  assert.equal(stdout.trim(), 'true', stderr + pathToFileURL(PACKAGE).href);
});
