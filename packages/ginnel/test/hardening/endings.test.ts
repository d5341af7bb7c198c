// Processes that end in a callback, or throw there: they end as they say, and what throws stops nothing else.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server } from 'ginnel';

const FILE = join(__dirname, '..', 'support', 'hardening', 'ending.js');
const PLACES = ['watch', 'data', 'fds', 'written', 'closed', 'packet', 'datagram', 'call', 'server', 'peer', 'sp'];

for (const what of ['exit', 'throw', 'throwLater', 'reject']) {
  test(`${what} in every callback`, { timeout: 60_000 }, async () => {
    for (const where of PLACES) {
      const directory = mkdtempSync(join(tmpdir(), 'ginnel-'));
      const child = spawn(process.execPath, [FILE, where, what, directory], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 15_000 });
      let [said, complaints] = ['', ''];
      child.stdout.on('data', (text: Buffer) => { said += text.toString(); });
      child.stderr.on('data', (text: Buffer) => { complaints += text.toString(); });
      const [code, signal] = await once(child, 'close') as [number | null, string | null];
      const told = `${where}: ${signal ?? code} ${complaints}`;
      assert.equal(signal, null, told);
      assert.equal(code, what === 'exit' ? 7 : 0, told);
      assert.equal(said, what === 'exit' ? '' : 'went on', told);
      // What the process had is free again.
      if (where === 'server') Server.listen(join(directory, 'server')).destroy();
      rmSync(directory, { recursive: true, force: true });
    }
  });
}
