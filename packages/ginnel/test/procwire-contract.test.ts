// What a program that used the original relies on: the same scenarios, against the original and against ours.

import { describe, test } from 'node:test';

import { channelContract } from './procwire/channel-contract';
import { load, Place, type Which } from './procwire/face';
import { partsContract } from './procwire/parts-contract';
import { protocolContract } from './procwire/protocol-contract';
import { serverContract, transportContract } from './procwire/transport-contract';

const scenarios = [...partsContract, ...protocolContract, ...transportContract, ...serverContract, ...channelContract];
const both: readonly Which[] = ['ours', 'original'];

for (const which of both) {
  describe(`procwire, ${which}`, () => {
    for (const { name, run } of scenarios) {
      test(name, async () => {
        const place = new Place();
        try {
          await run(await load(which), place);
        } finally {
          place.remove();
        }
      });
    }
  });
}
