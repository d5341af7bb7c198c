// Node.js for Windows at the other end of a named pipe, with nothing in between: node peer.mjs serve|call NAME.
// A message is its length, a big-endian u32, and so many bytes. The other end is ginnel/tests/windows_node.rs.

import { createServer, connect } from "node:net";

const [role, name] = process.argv.slice(2);

function say(line) {
  process.stdout.write(`${line}\n`);
}

function fail(error) {
  say(`failed: ${error.message}`);
  process.exit(1);
}

/** Calls `take` with each body, however the bytes are cut. */
function receive(socket, take) {
  let rest = Buffer.alloc(0);
  socket.on("error", fail).on("data", (piece) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= 4 && rest.length - 4 >= rest.readUInt32BE()) {
      const end = 4 + rest.readUInt32BE();
      take(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
  });
}

function send(socket, body) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  socket.write(Buffer.concat([length, body]));
}

/** `pattern` in windows_node.rs is the same. */
function pattern(length) {
  return Buffer.from(Array.from({ length }, (_, at) => (at * 7 + length) % 251));
}

const roles = {
  // Sends back what one client sends, and ends with it.
  serve() {
    const server = createServer((socket) => {
      receive(socket, (body) => send(socket, body));
      socket.on("close", () => server.close(() => say("ended")));
    });
    server.on("error", fail).listen(name, () => say("listening"));
  },

  // Sends messages of many sizes, and wants them back in order.
  call() {
    const sizes = [0, 1, 64 << 10, 1 << 20, ...Array.from({ length: 1000 }, (_, number) => number % 50)];
    const expected = sizes.map(pattern);
    const socket = connect(name, () => sizes.forEach((size) => send(socket, pattern(size))));
    receive(socket, (body) => {
      if (!body.equals(expected.shift())) fail(new Error(`another body came back, of ${body.length} bytes`));
      if (expected.length === 0) socket.end(() => say("all came back"));
    });
    socket.on("close", () => say("ended"));
  },
};

roles[role]();
