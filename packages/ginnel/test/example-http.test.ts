// examples/http-workers: nobody is refused while fronts and workers are replaced.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

const FRONT = join(__dirname, '..', 'examples', 'http-workers', 'front.js');
const directory = mkdtempSync(join(tmpdir(), 'ginnel-http-'));
const started: ChildProcess[] = [];

after(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

test('requests go on while fronts and workers are replaced', { timeout: 60_000 }, async () => {
  const port = await freePort();
  const clients = new Clients(port);
  const fronts = [await front(port)];
  clients.start();
  for (let restart = 0; restart < 3; restart++) {
    await clients.meet(4 * restart + 2);
    last(fronts).kill('SIGHUP');
    await clients.meet(4 * restart + 4);
    fronts.push(await front(port));
    assert.equal(await exitCode(fronts[restart]), 0);
  }
  await clients.meet(14);
  await clients.stop();
  last(fronts).kill('SIGTERM');
  assert.equal(await exitCode(last(fronts)), 0);

  assert.deepEqual(clients.failures, []);
  assert.deepEqual(clients.seen('front'), fronts.map(({ pid }) => pid));
  assert.ok(clients.answers.length > 100, `${clients.answers.length} answers`);
});

test('a front that dies before it serves leaves everything to the one that is there', { timeout: 30_000 }, async () => {
  const port = await freePort();
  const first = await front(port);
  // It has got the listening socket when it finds that it cannot go on.
  const broken = start(port, 'none');
  assert.notEqual(await exitCode(broken), 0);
  const clients = new Clients(port);
  clients.start();
  await pause(100);
  await clients.stop();
  assert.deepEqual(clients.failures, []);
  assert.deepEqual(clients.seen('front'), [first.pid]);
  first.kill('SIGTERM');
  assert.equal(await exitCode(first), 0);
});

interface Answer {
  front: number;
  worker: number;
}

/** Some that connect for each request, and some that keep their connections. */
class Clients {
  readonly answers: Answer[] = [];
  readonly failures: string[] = [];
  readonly #port: number;
  readonly #agents = [new Agent({ keepAlive: true, maxSockets: 1 }), new Agent({ keepAlive: true, maxSockets: 1 })];
  #stopped = false;
  #loops: Promise<void>[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  start(): void {
    const all = [...this.#agents, ...Array.from({ length: 4 }, () => new Agent({ keepAlive: false }))];
    this.#loops = all.map((agent) => this.#askOften(agent));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    for (const agent of this.#agents) agent.destroy();
  }

  /** Goes on until this many workers have answered, and for a while more. */
  async meet(workers: number): Promise<void> {
    while (this.seen('worker').length < workers) await pause(10);
    await pause(50);
    assert.equal(this.seen('worker').length, workers);
  }

  /** Who has answered, in the order of their first answers. */
  seen(who: keyof Answer): number[] {
    return [...new Set(this.answers.map((answer) => answer[who]))];
  }

  async #askOften(agent: Agent): Promise<void> {
    while (!this.#stopped) {
      try {
        this.answers.push(await this.#ask(agent));
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }

  #ask(agent: Agent): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port: this.#port, agent }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => { body += chunk; });
        response.on('end', () => resolve(JSON.parse(body) as Answer));
        response.on('error', reject);
      });
      asked.on('error', reject);
      asked.end();
    });
  }
}

function start(port: number, workers: string): ChildProcess {
  const args = [FRONT, join(directory, String(port)), String(port), workers];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', workers === 'none' ? 'ignore' : 'inherit'] });
  started.push(child);
  return child;
}

/** Starts one, and waits until it serves. */
async function front(port: number): Promise<ChildProcess> {
  const child = start(port, '2');
  const { stdout } = child;
  assert.ok(stdout);
  const [line] = (await once(stdout, 'data')) as [Buffer];
  assert.equal(line.toString(), `front ${child.pid} serves\n`);
  return child;
}

async function exitCode(child: ChildProcess | undefined): Promise<number | null> {
  assert.ok(child);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

function last(fronts: readonly ChildProcess[]): ChildProcess {
  const found = fronts.at(-1);
  assert.ok(found);
  return found;
}
