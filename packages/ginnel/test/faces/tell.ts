// Tells a story with a package that is installed, in a process of its own, which some of its defects would end.
//   node tell.js usocket|node-unix-socket TALE

import { inDirectory, Story, type UnixSockets, type USockets } from './support';
import { TALES as UNIX_TALES } from './unix_tales';
import { TALES as USOCKET_TALES } from './usocket_tales';

async function tell(name: string, which: string): Promise<void> {
  const story = new Story();
  await inDirectory(async (directory) => {
    if (name === 'usocket') {
      await USOCKET_TALES[which]?.tell({ story, directory, usocket: require('usocket') as USockets });
    } else {
      await UNIX_TALES[which]?.tell({ story, directory, sockets: require('node-unix-socket') as UnixSockets });
    }
  });
  process.stdout.write(JSON.stringify(story.lines), () => process.exit());
}

const [name, which] = process.argv.slice(2);
if (name !== undefined && which !== undefined) void tell(name, which);
