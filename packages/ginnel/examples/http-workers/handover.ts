// From one front to the next, as packets on the control path:
//
//   old to new   "listening", with the descriptor of the listening socket
//   new to old   "serving": it accepts connections, and the old one may stop
//   old to new   the end: the control path is free for whoever comes next

import { setTimeout as pause } from 'node:timers/promises';

import { type Fd, type Listener, SeqPacket } from 'ginnel';

export interface Predecessor {
  /** The listening socket. It is ours now. */
  readonly listening: Fd;
  /** Says that we serve, and waits until the control path is free. */
  dismiss(): Promise<void>;
}

/** Takes the listening socket of the front that is there. `null`: there is none. */
export async function takeOver(control: string): Promise<Predecessor | null> {
  // A front that ends while we wait in its line has given the socket to another, who listens in a moment.
  for (let tries = 0; tries < 20; tries++) {
    const link = await reach(control);
    if (link === null && tries === 0) return null;
    const packet = await link?.recv().catch(() => null);
    const [listening] = packet?.fds ?? [];
    if (link !== null && listening !== undefined) {
      return { listening, dismiss: () => dismiss(link) };
    }
    link?.destroy();
    await pause(50);
  }
  throw new Error(`whoever was at ${control} is gone, and nobody has followed`);
}

async function reach(control: string): Promise<SeqPacket | null> {
  try {
    return await SeqPacket.connect(control);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return null;
    throw error;
  }
}

async function dismiss(link: SeqPacket): Promise<void> {
  // If the old one has died, the path is free, too.
  await link.send('serving').catch(() => undefined);
  await link.recv().catch(() => null);
  link.destroy();
}

/** Whoever comes to take over. */
export class Successors {
  readonly #listener: Listener<SeqPacket>;

  private constructor(listener: Listener<SeqPacket>) {
    this.#listener = listener;
  }

  static at(control: string): Successors {
    return new Successors(SeqPacket.listen(control));
  }

  /** Hands the listening socket over. Resolves once somebody else serves, or after `close`. */
  async handOver(listening: number): Promise<void> {
    for await (const successor of this.#listener) {
      const serves = await offer(successor, listening).catch(() => false);
      if (serves) this.close();
      // Behind the name, for this is what the successor waits for.
      successor.destroy();
      if (serves) return;
    }
  }

  close(): void {
    this.#listener.close();
  }
}

/** Does it serve? One that ends before could not start, and we go on. */
async function offer(successor: SeqPacket, listening: number): Promise<boolean> {
  await successor.send('listening', { fds: [listening] });
  return (await successor.recv()) !== null;
}
