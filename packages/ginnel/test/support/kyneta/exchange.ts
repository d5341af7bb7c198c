// Stands in for an exchange: introduces itself, keeps documents that are replaced as a whole, tells others of them.

import { type Doc, type Identity, type Message } from './messages';
import type { Channel, TransportContext } from './transport';

/** What an exchange needs of a transport. */
export interface AnyTransport {
  readonly transportId: string;
  readonly channels: Iterable<Channel>;
  _initialize(context: TransportContext): void;
  _start(): Promise<void>;
  _stop(): Promise<void>;
  flush(): Promise<void>;
}

interface Options {
  id: string;
  canConnect?: (peerId: string) => boolean;
}

export class Exchange {
  readonly identity: Identity;
  readonly transports = new Map<string, AnyTransport>();
  /** Who introduced itself, and through which channel. */
  readonly peers = new Map<string, number>();
  readonly received: Message[] = [];
  readonly texts = new Map<string, string>();
  readonly #canConnect: (peerId: string) => boolean;
  readonly #channels = new Map<number, Channel>();
  channelsSeen = 0;
  onMessage: (message: Message) => void = () => {};

  constructor({ id, canConnect = () => true }: Options) {
    this.identity = { peerId: id, type: 'service' };
    this.#canConnect = canConnect;
  }

  async addTransport(transport: { readonly transportId: string }): Promise<void> {
    if (!isTransport(transport)) throw new TypeError('no transport');
    if (this.transports.has(transport.transportId)) return;
    transport._initialize(this.#context());
    this.transports.set(transport.transportId, transport);
    await transport._start();
  }

  async removeTransport(transportId: string): Promise<void> {
    const transport = this.transports.get(transportId);
    if (transport === undefined) return;
    [...transport.channels].forEach((channel) => this.#forget(channel));
    await transport._stop();
    this.transports.delete(transportId);
  }

  async shutdown(): Promise<void> {
    this.#channels.forEach((channel) => channel.send({ type: 'depart' }));
    for (const transport of this.transports.values()) await transport.flush();
    for (const transport of this.transports.values()) await transport._stop();
    this.transports.clear();
  }

  /** Changes a document, and says so to everybody. */
  set(docId: string, text: string): void {
    const known = this.texts.has(docId);
    this.texts.set(docId, text);
    this.peers.forEach((channelId) => {
      const channel = this.#channels.get(channelId);
      if (!known) channel?.send({ type: 'present', docs: [describe(docId)] });
      channel?.send(offer(docId, text));
    });
  }

  /** Through every channel, whoever is behind it. */
  send(message: Message): void {
    this.#channels.forEach((channel) => channel.send(message));
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  #context(): TransportContext {
    return {
      identity: this.identity,
      onChannelAdded: (channel) => {
        this.channelsSeen += 1;
        this.#channels.set(channel.channelId, channel);
      },
      onChannelRemoved: (channel) => this.#forget(channel),
      onChannelEstablish: (channel) => channel.send(this.#introduction()),
      onChannelReceive: (channelId, message) => this.#receive(channelId, message),
    };
  }

  #introduction(): Message {
    return { type: 'establish', identity: this.identity, features: { alias: true } };
  }

  #forget(channel: Channel): void {
    this.#channels.delete(channel.channelId);
    for (const [peer, channelId] of this.peers) {
      if (channelId === channel.channelId) this.peers.delete(peer);
    }
  }

  #receive(channelId: number, message: Message): void {
    this.received.push(message);
    const channel = this.#channels.get(channelId);
    if (channel === undefined) return;
    if (message.type === 'establish') this.#establish(channel, message.identity.peerId);
    if (message.type === 'depart') this.#forget(channel);
    if (message.type === 'offer' && typeof message.payload.data === 'string') this.#merge(message.docId, message.payload.data);
    this.onMessage(message);
  }

  /** Whoever is not wanted hears nothing, as from an exchange of 1.8. */
  #establish(channel: Channel, peerId: string): void {
    if (this.peers.has(peerId) || !this.#canConnect(peerId)) return;
    this.peers.set(peerId, channel.channelId);
    channel.send(this.#introduction());
    const docs = [...this.texts.keys()].map(describe);
    if (docs.length > 0) channel.send({ type: 'present', docs });
    this.texts.forEach((text, docId) => channel.send(offer(docId, text)));
  }

  #merge(docId: string, text: string): void {
    if ((this.texts.get(docId) ?? '') < text) this.set(docId, text);
  }
}

function isTransport(value: object): value is AnyTransport {
  return ['_initialize', '_start', '_stop', 'flush'].every((name) => typeof Reflect.get(value, name) === 'function');
}

function describe(docId: string): Doc {
  return { docId, replicaType: ['plain', 1, 0], mode: 1, schemaHash: '0168025d0ca7b3d42c3799e9edc30092b2' };
}

function offer(docId: string, text: string): Message {
  return { type: 'offer', docId, payload: { kind: 0, encoding: 0, data: text }, version: String(text.length) };
}
