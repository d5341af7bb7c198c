// Traffic of every kind, which goes on until it is stopped. `tell` is called wherever the package calls back.

import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection, Datagram, type Fd, Peer, SeqPacket, Server, sp, Stream } from 'ginnel';

/** Where traffic takes place. */
export interface Place {
  readonly directory: string;
  /** Differs between those who run at the same time. */
  readonly number: number;
  /** Somebody serves here who is not stopped. */
  readonly shared: string;
}

type Tell = () => void;
type Traffic = (place: Place, tell: Tell) => void;

/** Something that goes on by itself. What fails is part of being stopped. */
function go(work: () => Promise<void>): void {
  work().catch(() => {});
}

const SMALL = Buffer.alloc(64, 's');
const LARGE = Buffer.alloc(300_000, 'l');

function streams(_: Place, tell: Tell): void {
  const [a, b] = Stream.pair();
  const file = openSync('/dev/null', 'r');
  b.on('data', tell);
  b.on('fds', (fds: Fd[]) => {
    tell();
    fds[0]?.close();
  });
  b.on('error', tell).on('close', tell);
  a.on('error', tell).on('close', () => closeSync(file));
  go(async () => {
    for (;;) {
      await a.send(SMALL, { fds: [file, file] });
      tell();
      a.write(LARGE, tell);
      await a.send(LARGE);
    }
  });
}

function packets({ directory, number }: Place, tell: Tell): void {
  const path = join(directory, `packets-${number % 8}`);
  go(async () => {
    const door = SeqPacket.listen(path);
    go(async () => {
      for await (const socket of door) {
        tell();
        go(async () => {
          for await (const { data } of socket) {
            tell();
            await socket.send(data);
          }
        });
      }
    });
  });
  go(async () => {
    for (;;) {
      const socket = await SeqPacket.connect(path);
      tell();
      for (let count = 0; count < 20; count++) {
        await socket.send(SMALL);
        await socket.recv();
        tell();
      }
      await socket.close();
    }
  });
}

function datagrams({ directory, number }: Place, tell: Tell): void {
  const path = join(directory, `datagrams-${number}`);
  const [a, b] = [Datagram.bind(path), Datagram.bind()];
  go(async () => {
    for (;;) {
      await a.recv();
      tell();
    }
  });
  go(async () => {
    for (;;) {
      await b.send(SMALL, { to: path });
      tell();
    }
  });
}

function connections(_: Place, tell: Tell): void {
  const [a, b] = Connection.pair();
  go(async () => {
    for await (const delivery of b) {
      tell();
      if (delivery.type === 'request') await delivery.request.reply(delivery.request.data);
    }
  });
  for (let callers = 0; callers < 4; callers++) {
    go(async () => {
      for (;;) {
        await a.call(callers === 0 ? LARGE : SMALL);
        tell();
        await a.send(SMALL);
      }
    });
  }
}

function reconnecting({ directory, number }: Place, tell: Tell): void {
  const client = Client.connect(join(directory, `nobody-${number}`), { pause: 1, longestPause: 2 });
  go(async () => {
    for await (const status of client.changes()) {
      tell();
      if (status.state === 'disconnected') client.reconnect();
    }
  });
  go(() => client.send(SMALL));
  go(async () => {
    await client.call(SMALL);
  });
}

function served({ shared }: Place, tell: Tell): void {
  const client = Client.connect(shared);
  go(async () => {
    for (;;) {
      await client.call(SMALL);
      tell();
    }
  });
  go(async () => {
    for (;;) {
      const other = Client.connect(shared);
      await other.connected();
      tell();
      await other.close();
    }
  });
}

function serving({ directory, number }: Place, tell: Tell): void {
  const path = join(directory, `server-${number}`);
  const server = Server.listen(path);
  go(async () => {
    for await (const happening of server) {
      tell();
      if (happening.type === 'joined') server.broadcast(SMALL);
      if (happening.type === 'request') await happening.request.reply(SMALL);
    }
  });
  served({ directory, number, shared: path }, tell);
}

function peers({ directory, number }: Place, tell: Tell): void {
  const path = join(directory, `peers-${number % 4}`);
  for (const name of ['one', 'two']) {
    go(async () => {
      for (;;) {
        const peer = await Peer.join(path, { name });
        tell();
        go(async () => {
          for await (const event of peer) {
            tell();
            if (event.type === 'joined') await peer.send(event.from, SMALL);
          }
        });
        await peer.sendToListener(SMALL).catch(() => {});
        tell();
        peer.destroy();
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  }
}

function patterns({ directory, number }: Place, tell: Tell): void {
  const url = `ipc://${join(directory, `sp-${number}`)}`;
  const rep = new sp.Rep();
  const req = new sp.Req();
  const [push, pull] = [new sp.Push(), new sp.Pull()];
  rep.listen(url);
  pull.listen(`${url}-pull`);
  go(async () => {
    for await (const request of rep) {
      tell();
      request.reply(request.data);
    }
  });
  go(async () => {
    await req.dial(url);
    for (;;) {
      await req.request(SMALL);
      tell();
    }
  });
  go(async () => {
    await push.dial(`${url}-pull`);
    for (;;) {
      await push.send(LARGE);
      tell();
    }
  });
  go(async () => {
    for await (const message of pull) if (message.length >= 0) tell();
  });
}

function ends({ directory, number }: Place, tell: Tell): void {
  go(async () => {
    for (let round = 0; ; round++) {
      const url = `ipc://${join(directory, `ends-${number}-${round % 4}`)}`;
      const [bus, other] = [new sp.Bus(), new sp.Bus()];
      bus.listen(url);
      await other.dial(url);
      tell();
      await bus.send(SMALL);
      go(() => bus.close());
      other.destroy();
    }
  });
}

export const KINDS: readonly Traffic[] = [
  streams, packets, datagrams, connections, reconnecting, served, serving, peers, patterns, ends,
];
