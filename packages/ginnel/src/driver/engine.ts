// The one place that waits for an engine: what it waits for itself, its deadline, and the end of a tick in which something was asked.

import { type TurnTable } from '../engine/addon';
import { type Handle, Watch } from '../native';
import { isShareSpent } from './share';
import { Waits } from './watch';

/** What a turn says. */
const ACTIVE = 1;
const FULL = 2;
const DUE = 4;

/** Turns of one go, before others have theirs. */
const TURNS = 16;
/** What is done in one turn of the loop without a look at the time. */
const GOES = 4;

/** Turns of somebody who is never done, of which one looks who else is ready. */
const LOOK_EVERY = 16;

/** Who is told after every turn. */
export interface Turned {
  /** Takes what there is. `full`: nothing more is read before something is taken. */
  turned(full: boolean): void;
  /** It is of no more use. */
  broken(error: unknown): void;
}

export class Turning<T extends string> {
  readonly #table: TurnTable<T>;
  readonly #handle: Handle<T>;
  readonly #owner: Turned;
  readonly #waits: Waits;
  #asked = false;
  /** What was done since the loop has been around. */
  #goes = 0;
  #timed = false;
  /** Turns since the last look that left something undone. */
  #blind = 0;
  #closed = false;

  constructor(table: TurnTable<T>, handle: Handle<T>, owner: Turned) {
    this.#table = table;
    this.#handle = handle;
    this.#owner = owner;
    this.#waits = new Waits({ watch: (ready) => new Watch(table.watch(handle, ready)) }, (read) => this.#ready(read));
    this.#waits.forRead(true);
    this.touch();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Something was asked, or there is room again: it is seen to at the end of this tick, with what else is asked till then. */
  touch(): void {
    if (this.#asked || this.#closed) return;
    this.#asked = true;
    this.#goes += 1;
    if (this.#goes > GOES && isShareSpent()) setImmediate(this.#later);
    else process.nextTick(this.#atOnce);
  }

  /** Takes something out. `true`: the loop has done enough here for now, and goes on when it has been around. */
  tires(): boolean {
    this.#goes += 1;
    if (this.#goes <= GOES || !isShareSpent()) return false;
    this.touch();
    return true;
  }

  readonly #later = (): void => {
    this.#goes = 0;
    this.#atOnce();
  };

  readonly #atOnce = (): void => {
    this.#asked = false;
    this.#go(false);
  };

  #ready(look: boolean): void {
    this.#goes = 0;
    this.#go(look);
  }

  #go(look: boolean): void {
    let bits = 0;
    for (let turns = 0; turns < TURNS; turns++) {
      if (this.#closed) return;
      try {
        bits = this.#table.turn(this.#handle, look || this.#looksAround());
      } catch (error) {
        this.#owner.broken(error);
        return;
      }
      this.#owner.turned((bits & FULL) !== 0);
      if ((bits & (ACTIVE | FULL)) === 0) this.#blind = 0;
      if (this.#closed) return;
      if ((bits & ACTIVE) === 0 || (turns > 0 && isShareSpent())) break;
      look = false;
    }
    // Whoever waits for the loop has its turn before the rest is done.
    this.#wakeUp((bits & ACTIVE) !== 0 ? 0 : (bits & DUE) !== 0 ? this.#table.due(this.#handle) : -1);
  }

  /** Where there is always more than can be done, others may have become ready meanwhile. */
  #looksAround(): boolean {
    this.#blind = (this.#blind + 1) % LOOK_EVERY;
    return this.#blind === 0;
  }

  #wakeUp(due: number): void {
    if (due < 0 && !this.#timed) return;
    this.#timed = due >= 0;
    this.#waits.forTime(due);
  }

  /** Closes it at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waits.close();
    this.#table.close(this.#handle);
  }

  ref(): void {
    this.#waits.ref();
  }

  unref(): void {
    this.#waits.unref();
  }
}
