// In a user's project: where the message layer is found, what is said when it is not, and what the types are.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';

const home = dirname(require.resolve('ginnel/package.json'));
const standIn = join(__dirname, 'support/kyneta/transport.js');
const projects = mkdtempSync(join(tmpdir(), 'ginnel-kyneta-install-'));
after(() => rmSync(projects, { recursive: true, force: true }));

/** The layer as it is published: an ES module, which exports nothing to `require`. */
const manifest = JSON.stringify({
  name: '@kyneta/transport', version: '1.8.0', type: 'module',
  exports: { '.': { types: './index.d.ts', import: './index.js' } },
});

const layer = `
import layer from ${JSON.stringify(standIn)};
export const { Transport, Pipeline, FrameStreamParser } = layer;
`;

/** It writes frames with a header of another length, as 3.0 does. */
const newer = `
export class Transport {}
export class FrameStreamParser {}
export class Pipeline {
  send() { return [{ ok: true, value: Buffer.from('03000000000000000004a1617402', 'hex') }]; }
  dispose() {}
}
`;

const layerTypes = `
export type ChannelMsg = { type: 'establish'; id: string } | { type: 'depart' };
export declare abstract class Transport<G> {
  #private;
  readonly transportType: string;
  readonly transportId: string;
  constructor(parameters: { transportType: string; transportId?: string });
  protected addChannel(context: G): { channelId: number };
  protected abstract generate(context: G): { send(message: ChannelMsg): void };
  private _generate;
  abstract onStart(): Promise<void>;
  abstract onStop(): Promise<void>;
  _start(): Promise<void>;
}
export type AnyTransport = Transport<any>;
export declare class Pipeline<S extends 'binary' | 'text'> { #private; constructor(config: { send: S }); }
export declare class FrameStreamParser { #private; }
`;

function project(name: string, files: Record<string, string>, kyneta?: string): string {
  const root = join(projects, name);
  mkdirSync(join(root, 'node_modules/@kyneta'), { recursive: true });
  symlinkSync(home, join(root, 'node_modules/ginnel'));
  if (kyneta !== undefined) {
    const installed = join(root, 'node_modules/@kyneta/transport');
    mkdirSync(installed);
    writeFileSync(join(installed, 'package.json'), manifest);
    writeFileSync(join(installed, 'index.js'), kyneta);
    writeFileSync(join(installed, 'index.d.ts'), layerTypes);
  }
  for (const [file, text] of Object.entries(files)) writeFileSync(join(root, file), text);
  return root;
}

function run(root: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 30_000 });
  assert.deepEqual([status, stderr], [0, ''], stdout);
  return stdout;
}

const asModule = `
import { Transport } from '@kyneta/transport';
import { createRequire } from 'node:module';
import face, { createUnixSocketClient, UnixSocketClientTransport } from 'ginnel/kyneta';
const client = createUnixSocketClient({ path: '/run/none' })();
console.log(client instanceof Transport, client instanceof UnixSocketClientTransport);
console.log(face.UnixSocketClientTransport === createRequire(import.meta.url)('ginnel/kyneta').UnixSocketClientTransport);
`;

const asScript = `
const { UnixSocketClientTransport, UnixSocketServerTransport } = require('ginnel/kyneta');
const made = [UnixSocketClientTransport, UnixSocketServerTransport].map((Class) => new Class({ path: '/run/none' }));
import('@kyneta/transport').then(({ Transport }) => console.log(made.every((it) => it instanceof Transport)));
`;

const handedOver = `
const { UnixSocketClientTransport, useTransport } = require('ginnel/kyneta');
useTransport(require(${JSON.stringify(standIn)}));
useTransport(require(${JSON.stringify(standIn)}));
console.log(new UnixSocketClientTransport({ path: '/run/none' }).transportType);
const other = { ...require(${JSON.stringify(standIn)}), Transport: class {} };
try { useTransport(other); } catch (error) { console.log(error.code, error.message); }
`;

const missing = `
const face = require('ginnel/kyneta');
try { new face.UnixSocketClientTransport({ path: '/run/none' }); } catch (error) { console.log(error.code, error.message); }
try { face.UnixSocketClientTransport({ path: '/run/none' }); } catch (error) { console.log(error.name); }
`;

describe('the message layer', () => {
  const loadsModules = Reflect.get(process.features, 'require_module') === true;

  test('is found beside a program that is an ES module', { skip: !loadsModules }, () => {
    const root = project('module', { 'main.mjs': asModule }, layer);
    assert.equal(run(root, 'main.mjs'), 'true true\ntrue\n');
  });

  test('is found beside a script, and where the program was started', { skip: !loadsModules }, () => {
    const root = project('script', { 'main.cjs': asScript }, layer);
    assert.equal(run(root, 'main.cjs'), 'true\n');
    assert.equal(run(root, '-e', asScript), 'true\n');
    assert.equal(run(root, '-e', asScript, 'some', 'words'), 'true\n');
  });

  test('can be handed over, once', () => {
    const root = project('handed', { 'main.cjs': handedOver });
    assert.match(run(root, 'main.cjs'), /^unix-socket-client\nERR_GINNEL_KYNETA_LAYER another @kyneta\/transport is in use already/);
  });

  test('is not needed before it is used; then it is said what to do', () => {
    const root = project('missing', { 'main.cjs': missing });
    const said = run(root, 'main.cjs');
    assert.match(said, /^ERR_GINNEL_KYNETA_LAYER @kyneta\/transport was not found; install @kyneta\/transport@1\.8, or hand it over/);
    assert.match(said, /\nTypeError\n$/);
  });

  test('has to write the frames of 1.8', { skip: !loadsModules }, () => {
    const root = project('newer', { 'main.cjs': missing }, newer);
    assert.match(run(root, 'main.cjs'), /^ERR_GINNEL_KYNETA_LAYER .*does not write the frames of kyneta 1\.8; install/);
  });
});

const typed = `
import type { AnyTransport } from '@kyneta/transport';
import * as layer from '@kyneta/transport';
import { createUnixSocketClient, createUnixSocketPeer, UnixSocketServerTransport, useTransport } from 'ginnel/kyneta';
import type { UnixSocketClientState, UnixSocketPeer } from 'ginnel/kyneta';

declare class Exchange {
  #private;
  constructor(options: { id: string; transports?: (() => AnyTransport)[] });
  addTransport(transport: AnyTransport): Promise<void>;
  removeTransport(transportId: string): Promise<void>;
}

useTransport(layer);
const server = new UnixSocketServerTransport({ path: '/run/s', cleanup: true });
const exchange = new Exchange({ id: 'a', transports: [createUnixSocketClient({ path: '/run/s' }), () => server] });
const peer: UnixSocketPeer = createUnixSocketPeer(exchange, { path: '/run/s', reconnect: { maxAttempts: 3 } });
export const role: 'negotiating' | 'listener' | 'connector' | 'disposed' = peer.role;
export const state: UnixSocketClientState = createUnixSocketClient({ path: '/run/s' })().getState();
export const count: number = server.connectionCount;
server.broadcast({ type: 'depart' });
// @ts-expect-error: a path is text
createUnixSocketClient({ path: 5 });
`;

const untyped = `
import { createUnixSocketClient, UnixSocketServerTransport } from 'ginnel/kyneta';
export const id: string = createUnixSocketClient({ path: '/run/s' })().transportId;
export const count: number = new UnixSocketServerTransport({ path: '/run/s' }).connectionCount;
// @ts-expect-error: there is no such member
createUnixSocketClient({ path: '/run/s' })().nothing;
`;

describe('the types', () => {
  const config = JSON.stringify({
    compilerOptions: {
      strict: true, exactOptionalPropertyTypes: true, noEmit: true, target: 'ES2022', lib: ['ES2022', 'ESNext.Disposable'],
      module: 'Node16', moduleResolution: 'Node16', types: ['node'], typeRoots: [join(home, 'node_modules/@types')],
      preserveSymlinks: true,
    },
    include: ['*.mts', '*.cts'],
  });
  const tsc = require.resolve('typescript/bin/tsc');

  test('are those of the installed layer, for ES modules', () => {
    const root = project('typed', { 'a.mts': typed, 'tsconfig.json': config }, layer);
    run(root, tsc, '-p', '.');
  });

  test('stand alone where none is installed, for both kinds of modules', () => {
    const root = project('untyped', { 'a.mts': untyped, 'b.cts': untyped, 'tsconfig.json': config });
    run(root, tsc, '-p', '.');
  });
});
