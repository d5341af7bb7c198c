import { explained } from '../../errors';
import { Connecting, STREAM, type Stream } from '../../native';
import { type Appointment, literally, whenServed } from '../shared';

/** What came of it: a stream, or why there is none. */
export type Told = (error: Error | null, stream: Stream | null) => void;

/** A socket on its way to a path. What comes of it is told later, unless it was given up. */
export class Dial {
  readonly #path: string;
  readonly #told: Told;
  #connecting: Connecting | null = null;
  #next: Appointment | null = null;

  constructor(path: string, told: Told) {
    this.#path = path;
    this.#told = told;
    this.#attempt();
  }

  giveUp(): void {
    this.#next?.cancel();
    this.#connecting?.close();
    this.#connecting = null;
  }

  #attempt(): void {
    try {
      this.#connecting ??= new Connecting(STREAM, literally(this.#path, 'USocket socket path is too long'));
      if (this.#connecting.attempt()) this.#next = whenServed(() => this.#arrive());
      else this.#again(this.#connecting.pause());
    } catch (error) {
      this.#next = whenServed(() => this.#told(explained(error, 'connect', this.#path), null));
    }
  }

  /** The queue of the other side is full. */
  #again(pause: number): void {
    const timer = setTimeout(() => this.#attempt(), pause);
    this.#next = { cancel: () => clearTimeout(timer) };
  }

  #arrive(): void {
    const stream = this.#connecting?.stream() ?? null;
    this.#connecting = null;
    this.#told(null, stream);
  }
}
