// Every scenario, in the order of the report.

import { fds } from './scenarios/fds.mjs';
import { oneway, packets } from './scenarios/oneway.mjs';
import { rtt } from './scenarios/rtt.mjs';

export const SCENARIOS = [rtt, oneway, packets, fds];
