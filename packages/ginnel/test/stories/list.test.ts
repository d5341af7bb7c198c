// The stories are those of the Rust drivers, by name: one that is new there is missing here until it is told.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

/** The list, in the repository; a package that was installed has none. */
const LIST = join(__dirname, '..', '..', '..', '..', '..', 'ginnel', 'tests', 'stories');

const VALUES = 'typed values are serde\'s: in JavaScript a message is bytes, and JSON is one call away';
const DEVICES = 'devices and raw ends are not offered';
const NO_DRIVER = 'Node\'s loop drives everything: nobody can leave a driver away';
const PASSRIGHTS = 'descriptors are not refused as a whole (SO_PASSRIGHTS): what nobody takes is closed';
const REPUBLISH = 'a listener does not publish its name again; a Server does, and has this story';

/** Stories that make no sense in Node, and why. */
const NOT_TOLD: Readonly<Record<string, string>> = {
  values_go_and_come: VALUES,
  a_question_with_an_open_file_is_answered_with_another: VALUES,
  every_codec_speaks_on_every_wire_that_takes_it: VALUES,
  what_is_no_such_value_is_named_and_ends_the_connection_after_all_before_it: VALUES,
  a_question_of_a_value_is_answered_with_a_value: VALUES,
  a_file_that_nobody_names_is_an_error_and_is_closed: VALUES,
  values_go_over_clients_servers_and_their_handles: VALUES,
  a_broadcast_carries_no_descriptors: VALUES,
  questions_and_answers_pass_through_devices: DEVICES,
  a_survey_reaches_everybody_behind_a_device: DEVICES,
  work_and_news_pass_through_devices: DEVICES,
  a_pair_across_devices_counts_the_hops_and_a_long_way_is_too_long: DEVICES,
  a_ring_of_devices_stops_what_goes_round: DEVICES,
  a_handle_learns_that_nobody_drives: NO_DRIVER,
  a_receiver_that_wants_no_descriptors_is_sent_none: PASSRIGHTS,
  refused_descriptors_cost_their_message_and_not_the_connection: PASSRIGHTS,
  a_refused_descriptor_costs_no_other_message: PASSRIGHTS,
  a_name_that_somebody_removed_is_published_again_and_no_waiting_connection_is_lost: REPUBLISH,
  whoever_waits_at_a_name_that_is_published_again_is_served_without_another_to_come: REPUBLISH,
  publishing_again_does_not_displace_a_stranger_and_needs_the_lock_file: REPUBLISH,
  a_plain_read_that_meets_descriptors_says_so_and_goes_on: 'whoever does not listen for \'fds\' has said so: they are closed',
  descriptors_go_through_halves_too: 'a Stream has no halves: it is one object for both directions',
  a_half_that_is_dropped_ends_its_direction_alone: 'a Connection has no halves: it is one object for both directions',
  gone_without_a_goodbye_is_told_apart: 'whether there was a goodbye is not told: either way it is the end',
};

function names(directory: string, suffix: string, pattern: RegExp): string[] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(suffix));
  const found = files.flatMap((name) => [...readFileSync(join(directory, name), 'utf8').matchAll(pattern)]);
  return found.map(([, name]) => name ?? '').sort();
}

const skip = existsSync(LIST) ? false : 'the list is not here';

test('every story of the Rust drivers is told in Node, but for those that make no sense there', { skip }, () => {
  const rust = names(LIST, '.rs', /story (\w+)/g);
  const node = names(__dirname, '.test.js', /\bstory\)\('(\w+)'/g);
  assert.ok(rust.length > 150, `${rust.length} were found`);
  assert.equal(new Set(rust).size, rust.length, 'no two have the same name');
  assert.equal(new Set(node).size, node.length, 'none is told twice');
  const told = new Set([...node, ...Object.keys(NOT_TOLD)]);
  assert.deepEqual(rust.filter((name) => !told.has(name)), [], 'these are missing');
  assert.deepEqual([...told].filter((name) => !rust.includes(name)), [], 'these are nobody\'s');
  assert.deepEqual(node.filter((name) => name in NOT_TOLD), [], 'these are told after all');
});
