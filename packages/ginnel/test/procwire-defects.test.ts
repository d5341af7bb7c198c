// Each defect of the original: ours is right, and the original is shown to be wrong by the same lines.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';

import { NEVER_BEGAN, scenarios } from './procwire/defects';
import { load, Place, type Scenario } from './procwire/face';

const PROGRAM = resolve(__dirname, 'procwire', 'defects.js');
const PAGE = resolve(__dirname, '..', '..', '..', '..', 'docs', 'node', 'procwire.md');

describe('procwire: what the original does wrong is right here', () => {
  const page = readFileSync(PAGE, 'utf8');
  for (const scenario of scenarios) {
    test(scenario.name, async () => {
      const place = new Place();
      try {
        await scenario.run(await load('ours'), place);
      } finally {
        place.remove();
      }
      assert.ok(page.includes(`| ${scenario.name.split(' ')[0]} `), 'the page does not list it');
    });
  }
});

describe('procwire: the original fails', { concurrency: 2 }, () => {
  for (const scenario of scenarios) {
    test(scenario.name, async () => {
      const { code, said } = await inOriginal(scenario);
      assert.notEqual(code, NEVER_BEGAN, said);
      assert.notEqual(code, 0, `the original is right too: ${said}`);
    });
  }
});

/** In a process of its own: some of these end the process. No code: it did not end, and was killed. */
function inOriginal(scenario: Scenario): Promise<{ code: number | null; said: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [PROGRAM, 'original', scenario.name], { timeout: 10_000 }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, said: stdout + stderr });
    });
  });
}
