//! Every interleaving of several peers at one path, through the real transition functions: SIGKILL before any step, a
//! dying process that lets go of what it holds in any order or leaves its sockets to a forked child, processes that stop
//! and go on, several peers in one process, peers that leave in the middle of everything, a name that somebody deletes,
//! and a stranger who listens there. A greeting may be late at any time.
#![expect(clippy::disallowed_types, reason = "the order of a visited set decides nothing")]

mod alike;
mod search;
mod world;

use search::{Seen, explore};
use world::{Budget, Sabotage, World};

/// Nothing is broken, and from everywhere a healthy end can be reached.
fn clean(budget: Budget, people: &[u16]) -> Seen {
    let seen = explore(World::new(people, budget)).unwrap_or_else(|trace| panic!("{trace}"));
    println!("{people:?} {budget:?}: {seen:?}");
    assert!(seen.ends > 0, "{seen:?}");
    seen
}

const NONE: Budget = Budget::NONE;

#[test]
fn four_peers_any_of_them_killed_anywhere_one_leads_and_all_others_follow() {
    let seen = clean(Budget { kills: 4, ..NONE }, &[0, 1, 2, 3]);
    assert!(seen.states > 20_000, "{seen:?}");
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
fn several_peers_in_one_process() {
    clean(Budget { kills: 2, ..NONE }, &[0, 0, 1, 1]);
}

#[test]
fn peers_that_leave_in_the_middle_of_everything() {
    clean(Budget { kills: 1, leaves: 2, ..NONE }, &[0, 1, 2]);
}

#[test]
fn a_name_that_somebody_deletes() {
    clean(Budget { kills: 2, deletions: 1, ..NONE }, &[0, 1, 2]);
}

#[test]
fn without_a_standby() {
    clean(Budget { kills: 4, standby: false, ..NONE }, &[0, 1, 2, 3]);
}
