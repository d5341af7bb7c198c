// Names that others connect to.

import * as check from './check';
import { tried } from './errors';
import { type Came, type Kind, Listener as Native, type Published } from './native';
import { Acceptor } from './sockets/acceptor';

export interface ListenOptions {
  /** Permission bits of the socket file: who may connect. 0o600 unless told otherwise. */
  mode?: number;
  /** Connections that may wait. 4,096 unless told otherwise. */
  backlog?: number;
  /** User and group to give the socket file to. */
  owner?: number;
  group?: number;
  /** Who may connect beside what the permissions say: `same-user`, `uid:1000`, `gid:100`, `anyone`, comma separated. */
  allow?: string;
}

/** Takes in connections at an address. Closing it removes the name, if it is still its own. */
export class Listener<S> extends Acceptor<S> {
  readonly #native: Native;
  readonly #address: string;

  private constructor(native: Native, address: string, make: (came: Came) => S) {
    super(native, make);
    this.#native = native;
    this.#address = address;
  }

  /** @internal */
  static open<S>(kind: Kind, address: string, options: ListenOptions | undefined, make: (came: Came) => S): Listener<S> {
    const path = check.text(address, 'address');
    const given = published(options);
    return new Listener(tried('listen', path, () => Native.open(kind, path, given)), path, make);
  }

  /** What it was asked to listen at. */
  get address(): string {
    return this.#address;
  }

  /**
   * Closes it and leaves the socket file, as a process does that dies: nobody answers there, and whoever listens next
   * replaces it. For those who remove it themselves.
   */
  leave(): void {
    if (!this.closed) this.end(() => this.#native.leave());
  }
}

/** Options, as the addon reads them. */
export function published(options: ListenOptions | undefined): Published {
  const { mode, backlog, owner, group, allow } = check.options(options);
  return {
    numbers: [
      check.optional(mode, 'mode', 0, 0o7777) ?? -1,
      check.optional(backlog, 'backlog', 0, 0x7fffffff) ?? -1,
      check.optional(owner, 'owner', 0, 0xfffffffe) ?? -1,
      check.optional(group, 'group', 0, 0xfffffffe) ?? -1,
    ],
    allow: allow === undefined ? null : check.text(allow, 'allow'),
  };
}
