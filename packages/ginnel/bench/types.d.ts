// What the parts of the benchmark say to each other.

import type { EventEmitter } from 'node:events';

/** One end of a connection, as the measured loops see it. */
export interface Link {
  /** Sends one message. What it returns is the system's own; a promise that is rejected ends the part. */
  send(message: Buffer): unknown;
  /** Sends this many messages one way, the way the system's users should: heeding its backpressure. */
  sendAll(count: number): Promise<void>;
  readonly inbox: Inbox;
}

/** One that passes descriptors; F is what the system hands out for one. */
export interface FdLink<F> extends Link {
  sendFd(message: Buffer, fd: number): unknown;
  /** Called with the descriptors of each receive, before its bytes. */
  passed: (fds: readonly F[]) => void;
  number(fd: F): number;
  close(fd: F): void;
}

/** Where what arrives goes. */
export interface Inbox {
  /** Bytes, in whatever pieces the system has; whole messages, of one that keeps them apart. */
  take(chunk: Buffer): void;
  /** Whatever the system says has gone wrong. */
  fail(error: Error): void;
  /** Hands what arrives to a loop, until it says with `done` that it has seen the last. */
  during(loop: (chunk: Buffer, done: () => void) => void): Promise<void>;
  /** Waits for this many signals of the other side. */
  signalled(count?: number): Promise<void>;
}

/** What the benchmark uses of usocket, and of what replaces it. */
export interface USockets {
  USocket: new (path: string) => USocket;
  UServer: new () => EventEmitter & { listen(path: string): unknown };
}

export interface USocket extends EventEmitter {
  readonly writableNeedDrain: boolean;
  write(chunk: Buffer | { data: Buffer; fds: number[] }): unknown;
  read(bytes: number, descriptors: null): { fds: number[] } | null;
}

/** The same of node-unix-socket. */
export interface PacketSockets {
  SeqpacketSocket: new () => PacketSocket;
  SeqpacketServer: new () => EventEmitter & { listen(path: string): void };
}

export interface PacketSocket extends EventEmitter {
  connect(path: string, connected: () => void): void;
  write(packet: Buffer, offset?: number, length?: number, sent?: () => void): void;
}

/** The same of @procwire/transport. */
export interface Transports {
  SocketTransport: new (options: { path: string }) => Transport & { connect(): Promise<void> };
  SocketServer: new () => {
    onConnection(handler: (transport: Transport) => void): unknown;
    listen(path: string): Promise<unknown>;
  };
}

export interface Transport {
  write(data: Buffer): Promise<void>;
  onData(handler: (data: Buffer) => void): unknown;
  on(event: 'error', handler: (error: Error) => void): unknown;
}

/** What can be measured. */
export interface System {
  /** Listens, and resolves to whoever connects first. */
  listen(path: string): Promise<{ accepted: Promise<Link> }>;
  connect(path: string): Promise<Link>;
}

export interface Scenario {
  readonly name: string;
  readonly unit: 'ns' | 'messages/s' | 'fds/s';
  /** The systems that can play it, in the order of the report; ratios are to the first. */
  readonly systems: readonly string[];
  /** How they are used, for whoever compares them. */
  readonly note: string;
  /** Laps of a round are a multiple of this. */
  readonly multiple: number;
  serve(link: Link, laps: number): Promise<void>;
  /** The side that is timed; tells the milliseconds of single laps, if they can be told. */
  ask(link: Link, laps: number, note: (milliseconds: number) => void): Promise<void>;
}

/** What the parent says to a part. */
export interface Order {
  readonly laps: number;
}

/** What a part says: that it is ready, what the client has measured, or why it ends. */
export type Reply =
  | { readonly ready: true }
  | {
      /** The whole round, in milliseconds. */
      readonly took: number;
      /** The median of its laps if they are timed one by one, else their mean. */
      readonly middle: number;
      /** What the round has taken of processors, all threads of this process, in microseconds. */
      readonly cpu: number;
      readonly latencies: readonly (readonly [number, number])[];
    }
  | { readonly failed: string };

/** What a scenario found for one system. */
export interface Finish {
  readonly system: string;
  /** The value of each counted round, in the scenario's unit: a rate, or the median of its laps. */
  readonly values: number[];
  /** Nanoseconds of a lap, on average. */
  readonly means: number[];
  /** Nanoseconds of processor time of a lap, of both processes. */
  readonly cpus: number[];
  readonly latencies: import('./latencies.mjs').Latencies;
}

/** What a scenario found. */
export interface Race {
  readonly scenario: Scenario;
  readonly finishes: readonly Finish[];
  /** The reference's values over those of its second instance: 1 on a quiet machine. */
  readonly againstItself: number;
  readonly leftOut: readonly (readonly [system: string, reason: string])[];
}

export interface Plan {
  readonly heats: number;
  /** Rounds at the beginning of each heat that do not count: V8 compiles what runs hot, and takes its time for it. */
  readonly warmUp: number;
  readonly roundsEach: number;
  readonly milliseconds: number;
  readonly placement: 'split' | 'same' | 'free';
}

/** One system in one scenario, for programs. */
export interface Outcome {
  readonly scenario: string;
  readonly system: string;
  /** The median over rounds; where laps are timed one by one, of the median lap of each. */
  readonly value: number;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  /** Nanoseconds of a lap: the median over rounds of their mean, which waits for the collector, too. */
  readonly each: number;
  /** Nanoseconds of processor time of a lap, of both processes: the median over rounds. */
  readonly cpu: number;
  /** Nanoseconds of a lap, 0 where laps are not timed one by one. */
  readonly p50: number;
  readonly p99: number;
  /** The median of this value over that of each other system in the same round. */
  readonly ratios: Readonly<Record<string, number>>;
  /** The middle half of the ratios to the reference. */
  readonly spread: readonly [number, number];
}
