// Before publishing: puts the addon that was built here into the package for this platform (npm/), and names all platform
// packages as optional dependencies of this one, as npm takes the one that fits.

import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const addons = readdirSync(home).filter((name) => /^ginnel\..*\.node$/.test(name));
if (addons.length === 0) throw new Error('there is no addon here: npm run build');
for (const addon of addons) {
  const platform = addon.slice('ginnel.'.length, -'.node'.length);
  copyFileSync(join(home, addon), join(home, 'npm', platform, addon));
}

const file = join(home, 'package.json');
const main = read(file);
main.optionalDependencies = {};
for (const platform of readdirSync(join(home, 'npm')).sort()) {
  const { name, version } = read(join(home, 'npm', platform, 'package.json'));
  if (version !== main.version) throw new Error(`${name} is ${version}, and ginnel is ${main.version}`);
  main.optionalDependencies[name] = version;
}
if (process.argv.includes('--write')) writeFileSync(file, `${JSON.stringify(main, null, 2)}\n`);
else console.log(main.optionalDependencies);
