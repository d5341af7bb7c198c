// What users of node-unix-socket rely on: the same stories, told by the package itself and by our face.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import * as sockets from 'ginnel/node-unix-socket';

import { inDirectory, installed, output, Story } from './faces/support';
import { TALES } from './faces/unix_tales';

for (const [name, { tell, lines }] of Object.entries(TALES)) {
  test(`the face: ${name}`, { timeout: 20_000 }, async () => {
    const story = new Story();
    await inDirectory((directory) => tell({ story, sockets, directory }));
    assert.deepEqual(story.lines, lines);
  });

  test(`the original: ${name}`, { timeout: 30_000, skip: !installed('node-unix-socket') }, async () => {
    const { said } = await output(join(__dirname, 'faces', 'tell.js'), 'node-unix-socket', name);
    assert.deepEqual(JSON.parse(said || '"it said nothing"'), lines);
  });
}
