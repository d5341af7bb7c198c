// Servers: one inbox for everybody who connects.

import * as check from './check';
import { tried } from './errors';
import { type Item } from './engine/crossing';
import { type AskedBy, type Left, Many, type MessageFrom } from './engine/many';
import { type CloseOptions } from './engine/engine';
import { JOINED } from './engine/messages';
import { type ServerOptions, serverNumbers } from './engine/options';
import { type ListenOptions, published } from './listener';
import { addon, type Handle, Listener as Native, STREAM } from './native';

/** Somebody has connected, and greeted where the wire has greetings. */
export interface Joined {
  readonly type: 'joined';
  readonly from: number;
}

/** Something that happens at a server. */
export type Happening = Joined | MessageFrom | AskedBy | Left;

export class Server extends Many<Joined> {
  private constructor(handle: Handle<'messages'>) {
    super(handle);
  }

  /** Listens at `address`. A live listener there is never displaced, what a dead one has left is replaced. */
  static listen(address: string, options?: ServerOptions & ListenOptions): Server {
    const list = serverNumbers(options);
    const path = check.text(address, 'address');
    const given = published(options);
    return tried('listen', path, () => {
      const listener = Native.open(STREAM, path, given);
      return new Server(addon.messages.server(listener.handle, list));
    });
  }

  protected override own({ kind, connection }: Item): Joined | undefined {
    return kind === JOINED ? { type: 'joined', from: connection } : undefined;
  }

  /** Does the path still name this server? Somebody may have removed or replaced it. */
  isPublished(): boolean {
    this.check();
    return addon.messages.look(this.handle, 'published') === true;
  }

  /** Publishes the name again if somebody has removed or replaced it. Connections stay. */
  republish(): void {
    this.check();
    tried('listen', undefined, () => addon.messages.order(this.handle, 'republish'));
    this.touch();
  }

  /** Listens no more. Connections stay. */
  stopListening(): void {
    this.check();
    addon.messages.order(this.handle, 'stopListening');
    this.touch();
  }

  /** Listens no more, sends everybody what is queued and a goodbye, and waits until all have ended too. */
  close(options?: CloseOptions): Promise<void> {
    return this.takeLeave(options, () => addon.messages.order(this.handle, 'stopListening'));
  }
}
