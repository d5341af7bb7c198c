// Peers: many who share a listener. One of them listens, the others are connected to it; when it is gone, another one does.

import * as check from './check';
import { explained, type GinnelError, tried } from './errors';
import { type Item } from './engine/crossing';
import { type AskedBy, type Left, Many, type MessageFrom } from './engine/many';
import { type CloseOptions } from './engine/engine';
import { JOINED, LEFT, ROLE, TROUBLE } from './engine/messages';
import { type PeerOptions, peerNumbers } from './engine/options';
import { type CallOptions, type SendOptions } from './engine/traffic';
import { addon, type Handle } from './native';

/** Who it is among its like. */
export type Role = 'negotiating' | 'connector' | 'listener';

/** Somebody with whom a peer is connected. */
export interface Neighbour {
  readonly name: string;
  readonly data: Buffer;
  readonly pid: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Is it whoever listens? */
  readonly listens: boolean;
}

/** Something that happens to a peer. */
export type PeerEvent =
  | { readonly type: 'role'; readonly role: Role }
  | { readonly type: 'joined'; readonly from: number; readonly neighbour: Neighbour }
  | MessageFrom
  | AskedBy
  | Left
  | { readonly type: 'trouble'; readonly error: GinnelError };

type Own = Exclude<PeerEvent, MessageFrom | AskedBy | Left>;

export class Peer extends Many<Own> {
  /** Whoever listens, also while that changes: what is sent there waits, and goes to the next. */
  static readonly LISTENER = 1;

  private constructor(handle: Handle<'messages'>) {
    super(handle);
  }

  /** Takes part at a path. Resolves once it does; rejects if the path does not suit peers, or nobody can be followed. */
  static async join(address: string, options?: PeerOptions): Promise<Peer> {
    const list = peerNumbers(options);
    const { name, data, allow, signal } = check.options(options);
    const path = check.text(address, 'address');
    const stop = check.signal(signal);
    const called = name === undefined ? '' : check.text(name, 'name');
    const said = check.bytes(data ?? '');
    const who = allow === undefined ? null : check.text(allow, 'allow');
    const peer = new Peer(tried('join', path, () => addon.messages.peer(path, list, called, said, who)));
    try {
      await peer.until(() => tried('join', path, () => addon.messages.look(peer.handle, 'joined') === true), stop);
      return peer;
    } catch (error) {
      peer.destroy();
      throw error;
    }
  }

  protected override own({ kind, connection: from, beside }: Item): Own | undefined {
    switch (kind) {
      case ROLE:
        return { type: 'role', role: beside as Role };
      case JOINED:
        return { type: 'joined', from, neighbour: beside as Neighbour };
      case TROUBLE:
        return { type: 'trouble', error: explained(beside, 'join') };
      default:
        return undefined;
    }
  }

  protected override besides(): ReadonlySet<number> {
    return TOLD;
  }

  get role(): Role {
    return this.closed ? 'negotiating' : (addon.messages.look(this.handle, 'role') as Role);
  }

  /** The connection to whoever listens, if it is another one. */
  get listener(): number | null {
    return this.#id('listener');
  }

  /** As the listener: who takes over when this one is gone. */
  get standby(): number | null {
    return this.#id('standby');
  }

  /** The so-manieth socket at the path, as far as it knows. */
  get epoch(): number {
    return this.#id('epoch') ?? 0;
  }

  #id(what: string): number | null {
    const found = this.closed ? null : addon.messages.look(this.handle, what);
    return typeof found === 'number' ? found : null;
  }

  /** Sends a message to whoever listens, whoever that is by then. */
  sendToListener(data: Uint8Array | string, options?: SendOptions): Promise<void> {
    return this.send(Peer.LISTENER, data, options);
  }

  /** Asks whoever listens. */
  callListener(data: Uint8Array | string, options?: CallOptions): ReturnType<Peer['call']> {
    return this.call(Peer.LISTENER, data, options);
  }

  /** Leaves the path to the standby, or gives it up; sends what is queued, and waits until all connections have ended. */
  close(options?: CloseOptions): Promise<void> {
    return this.takeLeave(options, () => addon.messages.order(this.handle, 'stopListening'));
  }
}

const TOLD: ReadonlySet<number> = new Set([JOINED, LEFT, ROLE, TROUBLE]);
