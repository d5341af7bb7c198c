// The package connects: node client.mjs PATH WIRE ROLE [LIMIT]. It ends with its connection.

import { SocketTransport } from "@procwire/transport";

import { begin, say } from "./roles.mjs";

const [path, wire, role, limit] = process.argv.slice(2);
const transport = new SocketTransport({ path });
transport.on("disconnect", () => {
  say("ended");
  process.exit();
});
begin(role, transport, wire, limit);
