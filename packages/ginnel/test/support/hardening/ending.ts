// A process that ends, or does something it should not, in a callback. Arguments: which callback, and what happens there.

import { openSync } from 'node:fs';
import { Client, Connection, Datagram, type Fd, Peer, SeqPacket, Server, sp, Stream } from 'ginnel';

import { call, tables } from './raw';

const [, , where = '', what = '', directory = ''] = process.argv;

let done = 0;

/** It happens once; whoever survives it says so when the traffic has gone on for a while. */
function act(): void {
  done += 1;
  if (done === 1) happen();
  if (done === 20 && what !== 'exit') {
    process.stdout.write('went on');
    process.exit(0);
  }
}

function happen(): void {
  if (what === 'exit') process.exit(7);
  if (what === 'throw') throw new Error('planned');
  if (what === 'reject') void Promise.reject(new Error('planned'));
  if (what === 'throwLater') process.nextTick(() => { throw new Error('planned'); });
}

if (what !== 'exit') {
  process.on('uncaughtException', (error) => {
    if (error.message !== 'planned') throw error;
  });
}

/** It is called in promise continuations, where a throw is a rejection. */
function go(work: () => Promise<void>): void {
  void work();
}

const file = openSync('/dev/null', 'r');
const body = Buffer.alloc(64);

function stream(): [Stream, Stream] {
  const [a, b] = Stream.pair();
  go(async () => {
    for (;;) {
      await a.send(body, { fds: [file] });
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  return [a, b];
}

const places: Readonly<Record<string, () => void>> = {
  watch: () => {
    const raw = tables();
    const ends = call(raw, 'stream', 'pair')();
    const watch = call(raw, 'stream', 'watch')(Array.isArray(ends) ? ends[0] : ends, () => {
      call(raw, 'watch', 'wakeAfter')(watch, 1);
      act();
    }, true);
    call(raw, 'watch', 'wakeAfter')(watch, 1);
  },
  data: () => void stream()[1].on('data', act),
  fds: () => void stream()[1].on('data', () => {}).on('fds', (fds: Fd[]) => {
    fds.forEach((fd) => fd.close());
    act();
  }),
  written: () => {
    const [a] = stream();
    const again = (): void => {
      a.write(body, () => {
        setImmediate(again);
        act();
      });
    };
    again();
  },
  closed: () => {
    const again = (): void => {
      const [a, b] = Stream.pair();
      b.on('data', () => {});
      a.on('close', () => {
        setImmediate(again);
        act();
      });
      a.end(body);
    };
    again();
  },
  packet: () => {
    const [a, b] = SeqPacket.pair();
    go(async () => {
      for (;;) {
        await a.send(body, { fds: [file] });
        await b.recv();
        setImmediate(act);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  },
  datagram: () => {
    const [a, b] = Datagram.pair();
    go(async () => {
      for (;;) {
        await a.send(body);
        await b.recv();
        queueMicrotask(act);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  },
  call: () => {
    const [a, b] = Connection.pair();
    go(async () => {
      for await (const delivery of b) if (delivery.type === 'request') await delivery.request.reply(body);
    });
    go(async () => {
      for (;;) await a.call(body).then(() => queueMicrotask(act));
    });
  },
  server: () => {
    const server = Server.listen(`${directory}/server`);
    go(async () => {
      for await (const happening of server) if (happening.type === 'joined') queueMicrotask(act);
    });
    go(async () => {
      for (;;) {
        const client = Client.connect(`${directory}/server`);
        await client.connected();
        await client.close();
      }
    });
  },
  peer: () => go(async () => {
    const [one, two] = [await Peer.join(`${directory}/peer`), await Peer.join(`${directory}/peer`)];
    go(async () => {
      for await (const event of one) if (event.type === 'message') queueMicrotask(act);
    });
    for (;;) {
      await two.sendToListener(body);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }),
  sp: () => {
    const [rep, req] = [new sp.Rep(), new sp.Req()];
    rep.listen(`ipc://${directory}/sp`);
    go(async () => {
      for await (const request of rep) request.reply(body);
    });
    go(async () => {
      await req.dial(`ipc://${directory}/sp`);
      for (;;) {
        await req.request(body);
        queueMicrotask(act);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  },
};

places[where]?.();
