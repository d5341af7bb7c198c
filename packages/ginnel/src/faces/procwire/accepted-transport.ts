// A transport that a server has accepted: it begins connected and ends once.

import type { Stream } from '../../stream';
import type { Unsubscribe } from './disposables';
import { TransportError } from './errors';
import { Link } from './link';
import type { TransportState } from './states';
import { Subscribers } from './subscribers';
import type { Transport, TransportEvents } from './types';

/** One client of a `SocketServer`. */
export class AcceptedTransport implements Transport {
  readonly #link: Link;
  readonly #subscribers = new Subscribers();
  #state: TransportState = 'connected';

  /** `gone` is called when the connection is over, before the event. */
  constructor(stream: Stream, limit: number, gone: () => void) {
    this.#link = new Link(stream, limit, {
      data: (chunk) => this.#subscribers.data(chunk),
      failed: (cause) => {
        this.#state = 'error';
        this.#subscribers.emit('error', new TransportError(`Socket error: ${cause.message}`, cause));
      },
      closed: () => {
        this.#state = 'disconnected';
        gone();
        this.#subscribers.emit('disconnect', undefined);
      },
    });
  }

  get state(): TransportState {
    return this.#state;
  }

  /** Always rejects: whoever connected was the other side. */
  async connect(): Promise<void> {
    throw new TransportError('Already connected (server-accepted connection)');
  }

  /** Ends the connection. Always resolves. */
  async disconnect(): Promise<void> {
    if (this.#state !== 'disconnected') await this.#link.end();
  }

  /** Resolves when the kernel has all of `data`; rejects if too much waits already. */
  async write(data: Buffer | Uint8Array | string): Promise<void> {
    if (this.#state !== 'connected') throw new TransportError('Not connected');
    const ending = this.#link.ending;
    try {
      await this.#link.write(data);
    } catch (error) {
      if (ending && error instanceof TransportError) this.#subscribers.emit('error', error);
      throw error;
    }
  }

  onData(handler: (data: Buffer) => void): Unsubscribe {
    return this.#subscribers.on('data', handler);
  }

  on<K extends keyof TransportEvents>(event: K, handler: (data: TransportEvents[K]) => void): Unsubscribe {
    return this.#subscribers.on(event, handler);
  }
}
