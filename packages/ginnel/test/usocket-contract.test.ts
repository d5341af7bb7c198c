// What users of usocket rely on: the same stories, told by the package itself and by our face.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import * as usocket from 'ginnel/usocket';

import { inDirectory, installed, output, Story } from './faces/support';
import { TALES } from './faces/usocket_tales';

for (const [name, { tell, lines }] of Object.entries(TALES)) {
  test(`the face: ${name}`, { timeout: 20_000 }, async () => {
    const story = new Story();
    await inDirectory((directory) => tell({ story, usocket, directory }));
    assert.deepEqual(story.lines, lines);
  });

  test(`the original: ${name}`, { timeout: 30_000, skip: !installed('usocket') }, async () => {
    const { said } = await output(join(__dirname, 'faces', 'tell.js'), 'usocket', name);
    assert.deepEqual(JSON.parse(said || '"it said nothing"'), lines);
  });
}
