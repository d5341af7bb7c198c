// The workers, as the front sees them: processes that are given connections in turn.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { type Fd, SeqPacket } from 'ginnel';

export class Workers {
  readonly #count: number;
  #ready: Worker[] = [];
  #turn = 0;
  #finishing = false;
  /** Connections that no worker has yet. */
  readonly #giving = new Set<Promise<void>>();
  /** Processes that have not ended, those that were dismissed among them. */
  readonly #exits = new Set<Promise<unknown>>();

  constructor(count: number) {
    if (!Number.isInteger(count) || count < 1) throw new RangeError('there must be at least one worker');
    this.#count = count;
  }

  /** Resolves once all are ready. */
  async start(): Promise<void> {
    this.#ready = await Promise.all(Array.from({ length: this.#count }, () => this.#startOne()));
  }

  /** Starts new ones; then the old ones finish what they have. */
  async replace(): Promise<void> {
    const old = [...this.#ready];
    await this.start();
    old.forEach((worker) => worker.dismiss());
  }

  /** Hands a connection over. Our own descriptor of it is closed once a worker has one. */
  give(connection: Fd): void {
    const given = this.#give(connection).finally(() => {
      connection.close();
      this.#giving.delete(given);
    });
    this.#giving.add(given);
  }

  /** Hands over what has come, and resolves once all workers have finished. */
  async finish(): Promise<void> {
    await Promise.all(this.#giving);
    this.#finishing = true;
    this.#ready.splice(0).forEach((worker) => worker.dismiss());
    await Promise.all(this.#exits);
  }

  async #give(connection: Fd): Promise<void> {
    // One that has just died takes none: the next one does, or the one that replaces it.
    while (!(await this.#ready[this.#turn++ % this.#ready.length]?.take(connection))) await pause(10);
  }

  async #startOne(): Promise<Worker> {
    const worker = new Worker();
    const exited = worker.exited.then(() => {
      this.#exits.delete(exited);
      const at = this.#ready.indexOf(worker);
      if (at >= 0) this.#replaceDead(at);
    });
    this.#exits.add(exited);
    await worker.ready();
    // It comes too late, for a replacement was under way.
    if (this.#finishing) worker.dismiss();
    return worker;
  }

  /** Nobody has dismissed it. The connections that it had are lost, as is everything of a process that crashes. */
  #replaceDead(at: number): void {
    this.#ready.splice(at, 1);
    this.#startOne().then((worker) => this.#ready.push(worker), (error: unknown) => console.error(error));
  }
}

/** A packet to a worker is a connection, and the end: no more will come. The first packet from it: it is ready. */
class Worker {
  readonly exited: Promise<unknown>;
  readonly #link: SeqPacket;

  constructor() {
    const [ours, theirs] = SeqPacket.pair();
    this.#link = ours;
    using inherited = theirs.detach();
    const command = [join(__dirname, 'worker.js'), String(process.pid)];
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'inherit', 'inherit', inherited.number] });
    this.exited = once(child, 'exit').finally(() => ours.destroy());
  }

  async ready(): Promise<void> {
    if ((await this.#link.recv()) === null) throw new Error('a worker has ended before it was ready');
  }

  /** Gives it a connection. `false`: it takes none any more. */
  take(connection: Fd): Promise<boolean> {
    return this.#link.send('connection', { fds: [connection] }).then(() => true, () => false);
  }

  dismiss(): void {
    this.#link.end().catch(() => undefined);
  }
}
