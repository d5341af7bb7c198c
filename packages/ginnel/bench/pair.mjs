// Two parts as child processes: started, told what to do, listened to, and always ended.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PART = fileURLToPath(new URL('part.mjs', import.meta.url));
/** No round lasts nearly as long, so a part that is silent for this long hangs. */
const PATIENCE = 20_000;

/** @typedef {import('./types.js').Plan['placement']} Placement */
/** @typedef {{ scenario: string, system: string, path: string, placement: Placement }} Seat */

/** A server and the client that is connected to it. */
export class Pair {
  #server;
  #client;

  /**
   * @param {Part} server
   * @param {Part} client
   */
  constructor(server, client) {
    this.#server = server;
    this.#client = client;
  }

  /**
   * Starts both; they wait for rounds.
   * @param {Seat} seat
   */
  static async start(seat) {
    const server = new Part(seat, 'server');
    try {
      await server.reply();
      const client = new Part(seat, 'client');
      const pair = new Pair(server, client);
      await client.reply().catch((error) => {
        client.end();
        throw error;
      });
      return pair;
    } catch (error) {
      server.end();
      throw error;
    }
  }

  /**
   * Runs one round.
   * @param {number} laps
   */
  async round(laps) {
    this.#server.order({ laps });
    this.#client.order({ laps });
    const [server, client] = await Promise.all([this.#server.reply(), this.#client.reply()]);
    if (!('took' in server) || !('took' in client)) throw new Error('they did not say how long it took');
    return { ...client, cpu: server.cpu + client.cpu };
  }

  /** Ends both, and waits until they are gone. */
  async end() {
    await Promise.all([this.#client.end(), this.#server.end()]);
  }
}

/** One child process. */
class Part {
  #child;
  #side;

  /**
   * @param {Seat} seat
   * @param {'server' | 'client'} side
   */
  constructor(seat, side) {
    this.#side = side;
    const [program = '', ...before] = [...placed(seat.placement, side), process.execPath];
    const args = [...before, ...profiling(side), PART, seat.scenario, seat.system, side, seat.path];
    this.#child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  /** @param {import('./types.js').Order} order */
  order(order) {
    this.#child.send(order);
  }

  /**
   * The next thing that it says, if it is not why it ends.
   * @returns {Promise<Exclude<import('./types.js').Reply, { failed: string }>>}
   */
  reply() {
    return new Promise((resolve, reject) => {
      /** @type {(() => void)[]} */
      const undo = [];
      const settle = (/** @type {() => void} */ how) => {
        for (const step of undo) step();
        how();
      };
      const refuse = (/** @type {string} */ reason) =>
        settle(() => reject(new Error(`the ${this.#side} ${reason}`)));
      const said = (/** @type {import('./types.js').Reply} */ reply) =>
        'failed' in reply ? refuse(`failed: ${reply.failed}`) : settle(() => resolve(reply));
      const ended = () => refuse('ended early');
      const timer = setTimeout(() => refuse(`was silent for ${PATIENCE / 1000} s`), PATIENCE);
      this.#child.once('message', said).once('exit', ended).once('error', ended);
      undo.push(() => clearTimeout(timer));
      undo.push(() => this.#child.off('message', said).off('exit', ended).off('error', ended));
    });
  }

  async end() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    // A part that is profiled writes its profile when it ends by itself.
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    await gone;
    clearTimeout(timer);
  }
}

/**
 * The words before the program that give each side a processor of its own, or both the same.
 * @param {Seat['placement']} placement
 * @param {'server' | 'client'} side
 */
function placed(placement, side) {
  if (placement === 'free') return [];
  return ['taskset', '-c', side === 'client' && placement === 'split' ? '0' : '1'];
}

/**
 * Options of Node that write down where the time goes, if GINNEL_BENCH_PROFILE names a directory for it.
 * @param {string} side
 */
function profiling(side) {
  const directory = process.env['GINNEL_BENCH_PROFILE'];
  if (directory === undefined) return [];
  return ['--cpu-prof', `--cpu-prof-dir=${directory}`, `--cpu-prof-name=${side}-${process.hrtime.bigint()}.cpuprofile`];
}
