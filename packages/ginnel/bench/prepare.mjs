// Fetches exactly what the lock file says, and builds usocket, which is the only one of these that has to be built.
// Nothing else that comes with them is run. Node's headers are the machine's own.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

/**
 * @param {string} program
 * @param {readonly string[]} args
 */
function passes(program, args) {
  return spawnSync(program, args, { cwd: here, stdio: "inherit" }).status === 0;
}

// Not `npm ci`: it wants every platform's binary of node-unix-socket in the lock file, and not all were published.
const fetched = passes("npm", ["install", "--no-save", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]);
if (!fetched) process.exit(1);

const usocket = join(here, "node_modules", "usocket");
if (!existsSync(join(usocket, "build", "Release", "uwrap.node"))) {
  const gyp = join(here, "node_modules", "node-gyp", "bin", "node-gyp.js");
  const prefix = dirname(dirname(process.execPath));
  const args = [gyp, "rebuild", "-C", usocket, `--nodedir=${prefix}`];
  if (!passes(process.execPath, args)) process.stderr.write("usocket does not build; it will be left out\n");
}
