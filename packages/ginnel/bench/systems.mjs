// Every system by its name in results. Each is loaded where it is used: what is not installed is left out.

/** @type {Readonly<Record<string, () => Promise<import('./types.js').System>>>} */
const SYSTEMS = {
  net: async () => (await import('./systems/net.mjs')).system,
  usocket: async () => (await import('./systems/usocket.mjs')).over(await import('usocket')),
  'node-unix-socket': async () =>
    (await import('./systems/node-unix-socket.mjs')).over(await import('node-unix-socket')),
  procwire: async () => (await import('./systems/procwire.mjs')).over(await import('@procwire/transport')),
  'ginnel-stream': async () => (await import('./systems/ginnel-stream.mjs')).system,
  'ginnel-connection': async () => (await import('./systems/ginnel-connection.mjs')).system,
  'ginnel-seqpacket': async () => (await import('./systems/ginnel-seqpacket.mjs')).system,
  'ginnel/usocket': async () => (await import('./systems/usocket.mjs')).over(await import('ginnel/usocket')),
  'ginnel/node-unix-socket': async () =>
    (await import('./systems/node-unix-socket.mjs')).over(await import('ginnel/node-unix-socket')),
  'ginnel/procwire': async () => (await import('./systems/procwire.mjs')).over(await import('ginnel/procwire')),
};

/**
 * @param {string} name
 * @returns {Promise<import('./types.js').System>}
 */
export function load(name) {
  const system = SYSTEMS[name];
  if (!system) throw new Error(`no system is called ${name}`);
  return system();
}
