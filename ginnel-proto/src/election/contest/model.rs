//! Every interleaving of several peers at one path, through the real transition functions: SIGKILL before any step, a
//! dying process that lets go of what it holds in any order or leaves its sockets to a forked child, processes that stop
//! and go on, several peers in one process, peers that leave in the middle of everything, a name that somebody deletes,
//! and a stranger who listens there. A greeting may be late at any time.
//!
//! That the search finds mistakes is shown by mistakes: those of others, and some that we might have made.
#![expect(clippy::disallowed_types, reason = "the order of a visited set decides nothing")]

use std::collections::HashSet;

mod alike;
mod others;
mod search;
mod world;

use others::{Others, Way};
use search::{Seen, System, explore};
use world::{Budget, Sabotage, World};

const NONE: Budget = Budget::NONE;

/// Nothing is broken, and from everywhere a healthy end can be reached.
fn clean(budget: Budget, people: &[u16]) -> Seen {
    let seen = explore(World::new(people, budget)).unwrap_or_else(|trace| panic!("{trace}"));
    assert!(seen.ends > 0, "{seen:?}");
    seen
}

/// The search says `what` is broken.
fn broken<S: System>(start: S, what: &str) {
    let trace = explore(start).err().unwrap_or_else(|| panic!("nothing was found, and it should be: {what}"));
    assert!(trace.contains(what), "{trace}");
}

fn sabotaged(sabotage: Sabotage, budget: Budget) -> World {
    World::new(&[0, 1, 2], budget).with(sabotage)
}

#[test]
fn four_peers_any_of_them_killed_anywhere_one_leads_and_all_others_follow() {
    let seen = clean(Budget { kills: 4, ..NONE }, &[0, 1, 2, 3]);
    assert!(seen.states > 20_000, "{seen:?}");
}

#[test]
fn without_a_standby() {
    clean(Budget { kills: 4, standby: false, ..NONE }, &[0, 1, 2, 3]);
}

#[test]
fn three_peers_of_which_a_forked_child_keeps_the_sockets() {
    clean(Budget { kills: 3, children: 2, ..NONE }, &[0, 1, 2]);
}

#[test]
fn peers_that_stop_and_go_on() {
    clean(Budget { kills: 2, stops: 2, ..NONE }, &[0, 1, 2]);
}

#[test]
fn a_forked_child_that_keeps_every_socket_while_others_stop_and_go_on() {
    clean(Budget { kills: 2, children: 3, stops: 2, ..NONE }, &[0, 1, 2]);
}

#[test]
fn several_peers_in_one_process() {
    clean(Budget { kills: 2, ..NONE }, &[0, 0, 1, 1]);
}

/// A wait for the election byte is cancelled, and the thread that waited has other peers to care for.
#[test]
fn peers_of_one_process_that_leave_while_they_wait_for_their_turn() {
    clean(Budget { kills: 1, leaves: 2, ..NONE }, &[0, 0, 1]);
}

#[test]
fn peers_that_leave_in_the_middle_of_everything() {
    clean(Budget { kills: 1, leaves: 2, ..NONE }, &[0, 1, 2]);
}

#[test]
fn a_name_that_somebody_deletes() {
    clean(Budget { kills: 2, deletions: 1, ..NONE }, &[0, 1, 2]);
    clean(Budget { kills: 1, deletions: 2, ..NONE }, &[0, 1, 2]);
}

#[test]
fn a_name_that_somebody_deletes_while_peers_leave() {
    clean(Budget { leaves: 2, deletions: 1, ..NONE }, &[0, 1, 2]);
}

/// While the stranger stays nobody leads and all try again. It goes in the end, and leaves its file behind.
#[test]
fn a_stranger_who_listens_where_a_name_was_deleted_is_never_displaced() {
    clean(Budget { deletions: 1, stranger: true, ..NONE }, &[0, 1, 2]);
    clean(Budget { kills: 1, leaves: 1, deletions: 1, stranger: true, ..NONE }, &[0, 1]);
}

/// Visits alike worlds as often as `key` differs, and says which there are when the alike count as one.
fn visited(start: World, key: fn(&World) -> u64) -> HashSet<u64> {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let (mut seen, mut alike, mut left) = (HashSet::new(), HashSet::new(), vec![start]);
    while let Some(world) = left.pop() {
        if seen.insert(key(&world)) {
            alike.extend(orders.iter().map(|order| world.in_order(order)).min());
            left.extend(world.successors().expect("nothing is broken").into_iter().map(|(_, next)| next));
        }
    }
    alike
}

#[test]
fn visiting_alike_worlds_once_misses_none() {
    let start = World::new(&[0, 1, 2], Budget { kills: 1, leaves: 1, children: 1, ..NONE });
    let all = visited(start.clone(), World::as_it_is);
    assert!(all.len() > 10_000, "{}", all.len());
    assert_eq!(all, visited(start, World::fingerprint));
}

#[test]
fn unlinking_after_a_probe_is_found_wrong() {
    broken(Others::new(Way::ProbeUnlinkBind, 2), "removes the name of a live socket");
}

#[test]
fn unlinking_what_is_there_is_found_wrong() {
    broken(Others::new(Way::StatUnlinkBind, 2), "removes the name of a live socket");
}

#[test]
fn unlinking_the_lock_file_is_found_wrong_unless_the_locked_one_is_compared_with_the_named() {
    broken(Others::new(Way::Flock { compares: false }, 3), "removes the name of a live socket");
    let compared = explore(Others::new(Way::Flock { compares: true }, 3));
    assert!(compared.is_ok(), "{compared:?}");
}

#[test]
fn a_lock_that_everybody_gets_displaces_a_leader() {
    broken(sabotaged(Sabotage::NoLock, NONE), "removes the name of a live leader");
}

#[test]
fn a_lock_that_a_forked_child_keeps_leaves_nobody_to_lead() {
    broken(sabotaged(Sabotage::ChildKeepsLock, Budget { kills: 1, ..NONE }), "no healthy end");
}

#[test]
fn an_election_byte_that_outlives_its_holder_stops_everybody() {
    let budget = Budget { kills: 1, ..NONE };
    broken(sabotaged(Sabotage::TurnOutlivesHolder, budget), "the election byte is held for ever");
}

#[test]
fn waiting_for_a_dead_leaders_child_because_somebody_else_leads_never_ends() {
    let budget = Budget { kills: 1, children: 1, ..NONE };
    broken(sabotaged(Sabotage::SeeksAnyLeader, budget), "no healthy end");
}

#[test]
fn a_standby_that_does_not_look_leads_where_nobody_comes() {
    let budget = Budget { kills: 1, deletions: 1, ..NONE };
    broken(sabotaged(Sabotage::StandbyDoesNotLook, budget), "leads and cannot be reached");
    broken(sabotaged(Sabotage::StandbyDoesNotLook, Budget { leaves: 1, ..NONE }), "no healthy end");
}

#[test]
fn a_leader_that_is_not_told_of_a_deletion_stays_unreachable() {
    let budget = Budget { deletions: 1, ..NONE };
    broken(sabotaged(Sabotage::Deaf, budget), "leads and cannot be reached for ever");
}

/// Somebody listened where a name was deleted.
#[test]
fn not_looking_once_more_or_not_well_enough_removes_a_strangers_file() {
    let budget = Budget { deletions: 1, stranger: true, ..NONE };
    for sabotage in [Sabotage::NoLastLook, Sabotage::RecallsEverything, Sabotage::DisplacedUnseen] {
        broken(sabotaged(sabotage, budget), "removes the stranger's file");
    }
}
