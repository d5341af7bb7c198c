// The package listens: node server.mjs PATH WIRE ROLE [LIMIT]. It serves one connection, and ends with it.

import { SocketServer } from "@procwire/transport";

import { begin, say } from "./roles.mjs";

const [path, wire, role, limit] = process.argv.slice(2);
const server = new SocketServer();
server.onConnection((transport) => {
  transport.on("disconnect", async () => {
    await server.close();
    say("ended");
    process.exit();
  });
  begin(role, transport, wire, limit);
});
await server.listen(path);
say("listening");
