// What the package does with a connection, whoever has listened. The other end is ginnel/tests/procwire.rs: it reads
// what is said here, line by line.

import {
  ChannelBuilder,
  JsonCodec,
  JsonRpcProtocol,
  LengthPrefixedFraming,
  LineDelimitedFraming,
} from "@procwire/transport";

export function say(line) {
  process.stdout.write(`${line}\n`);
}

export function begin(role, transport, wire, limit) {
  transport.on("error", (error) => say(`error: ${error.message}`));
  roles[role](transport, framings[wire](limit && Number(limit))).catch(fail);
}

const framings = {
  "length-prefixed": (limit) => new LengthPrefixedFraming(limit && { maxMessageSize: limit }),
  lines: (limit) => new LineDelimitedFraming(limit && { maxBufferSize: limit }),
};

const roles = {
  // Sends back what comes. What came in one piece goes back in one.
  async echo(transport, framing) {
    receive(transport, framing, (bodies) => {
      send(transport, framing, bodies).catch(fail);
    });
    await open(transport);
  },

  // Sends messages of all kinds, and wants them back.
  async speak(transport, framing) {
    const sizes = [0, 1, 64 << 10, 1 << 20];
    const large = sizes.map(pattern);
    const burst = Array.from({ length: 1000 }, (_, number) => pattern(number % 50));
    const slow = pattern(300);
    const expected = [...large, ...burst, slow];
    const returned = new Promise((resolve) => {
      receive(transport, framing, (bodies) => {
        for (const body of bodies) {
          if (!body.equals(expected.shift())) fail(new Error(`another body came back, of ${body.length} bytes`));
        }
        if (expected.length === 0) resolve();
      });
    });
    await open(transport);
    for (const body of large) await send(transport, framing, [body]);
    await send(transport, framing, burst);
    for (const byte of framing.encode(slow)) {
      await transport.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    await returned;
    say("all came back");
    await transport.disconnect();
  },

  // Ends inside a message.
  async stop(transport, framing) {
    await open(transport);
    await send(transport, framing, [pattern(100)]);
    await transport.write(framing.encode(pattern(100)).subarray(0, 50));
    await transport.disconnect();
  },

  // Answers the questions of the package's own channel. Its handler has to be there before anything comes.
  async answer(transport, framing) {
    const channel = channelOver(transport, framing);
    channel.onRequest(({ method, params }) => {
      if (method !== "echo") throw new Error("nope");
      return { got: params };
    });
    channel.onNotification(({ method, params }) => say(`${method} ${JSON.stringify(params)}`));
    await channel.start();
  },

  // Asks by the package's own channel.
  async ask(transport, framing) {
    const channel = channelOver(transport, framing);
    await channel.start();
    say(`result ${JSON.stringify(await channel.request("echo", { a: 1 }))}`);
    await channel.request("fail").catch((error) => say(`${error.message}: ${JSON.stringify(error.cause)}`));
    await channel.notify("ping", [1]);
    await channel.close();
  },
};

async function open(transport) {
  if (transport.state !== "connected") await transport.connect();
}

/** Hands over the bodies of each piece. The handler has to be there before the connection is. */
function receive(transport, framing, take) {
  transport.onData((piece) => {
    let bodies;
    try {
      bodies = framing.decode(piece);
    } catch (error) {
      return say(`${error.code}: ${error.message}`);
    }
    if (bodies.length > 0) take(bodies);
  });
}

async function send(transport, framing, bodies) {
  await transport.write(Buffer.concat(bodies.map((body) => framing.encode(body))));
}

function channelOver(transport, framing) {
  return new ChannelBuilder()
    .withTransport(transport)
    .withFraming(framing)
    .withSerialization(new JsonCodec())
    .withProtocol(new JsonRpcProtocol())
    .build();
}

/** Bytes of all values but the one that ends a line. `pattern` in procwire.rs is the same. */
function pattern(length) {
  return Buffer.from(Array.from({ length }, (_, at) => ((at * 7 + length) % 245) + 11));
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

// Whoever started this keeps its standard input open: when that ends, nobody is left to end this program.
process.stdin.on("end", () => process.exit(1)).resume();
