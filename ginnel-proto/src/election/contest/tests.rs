use super::*;
use crate::election::Seen::*;
use crate::election::Step::*;

const DEAD: Inode = Inode { device: 1, number: 10 };
const OTHER: Inode = Inode { device: 1, number: 11 };
const MINE: Inode = Inode { device: 1, number: 99 };

const SEEN: [Seen; 12] = [
    Done,
    Held,
    Moved,
    Seen::Absent,
    Found(DEAD),
    Found(MINE),
    Foreign,
    Answered,
    Seen::Refused,
    Recorded(3),
    Exists,
    Seen::Failed,
];

const REACHED: [Reached; 7] = [
    Reached::Greeted,
    Reached::Absent,
    Reached::Refused,
    Reached::Silent,
    Reached::Ended,
    Reached::Busy,
    Reached::Failed,
];

/// What a contest can be told.
#[derive(Clone, Copy, Debug)]
enum Told {
    Join,
    See(Seen),
    Reach(Reached),
    Pause,
    Lose,
    Offer(Inode),
    Disturb,
    Resigned,
    Leave(Heir),
}

use Told::*;

fn all() -> Vec<Told> {
    let mut all = vec![Join, Told::Pause, Lose, Offer(DEAD), Disturb, Resigned];
    all.extend(SEEN.map(See));
    all.extend(REACHED.map(Told::Reach));
    all.extend([Heir::Nobody, Heir::Standby].map(Told::Leave));
    all
}

fn tell(contest: &mut Contest, told: Told) -> Option<Order> {
    match told {
        Join => contest.join(),
        See(seen) => contest.seen(seen),
        Told::Reach(reached) => contest.reached(reached),
        Told::Pause => contest.paused(),
        Lose => contest.lost(),
        Offer(socket) => contest.offered(socket),
        Disturb => contest.disturbed(),
        Resigned => contest.resigned(),
        Told::Leave(heir) => contest.leave(heir),
    }
}

/// A contest after it was told all this, and its last order.
fn after(told: &[Told]) -> (Contest, Order) {
    let mut contest = Contest::new();
    let mut order = contest.join().expect("it begins");
    for &told in told {
        order = tell(&mut contest, told).unwrap_or(order);
    }
    (contest, order)
}

fn order(told: &[&[Told]]) -> Order {
    after(&told.concat()).1
}

const FOLLOWING: &[Told] = &[Told::Reach(Reached::Greeted)];
const STANDBY: &[Told] = &[Told::Reach(Reached::Greeted), Offer(DEAD), See(Done), See(Done)];
/// It has the election byte and reaches once more.
const IN_TURN: &[Told] = &[Told::Reach(Reached::Absent), See(Done), See(Done), See(Done)];
const WITH_LEAD: &[Told] = &[Told::Reach(Reached::Absent), See(Done)];
/// From a look that showed no name to a socket that is published, with the lock kept.
const PUBLISHED: &[Told] = &[
    See(Seen::Absent),
    See(Done),
    See(Done),
    See(Found(MINE)),
    See(Done),
    See(Done),
    See(Recorded(1)),
    See(Done),
];
/// From the publishing to the look behind the watch.
const WATCHED: &[Told] = &[See(Done), See(Done), See(Done), See(Done), See(Found(MINE))];

fn leading() -> Vec<Told> {
    [IN_TURN, WITH_LEAD, PUBLISHED, WATCHED].concat()
}

const fn step(step: Step) -> Order {
    Order::Step(step)
}

#[test]
fn whoever_is_greeted_follows() {
    assert_eq!(order(&[FOLLOWING]), Order::Follow);
}

#[test]
fn where_nobody_is_one_takes_its_turn_looks_again_and_publishes() {
    let told = leading();
    let (mut contest, mut orders) = (Contest::new(), Vec::new());
    orders.extend(contest.join());
    orders.extend(told.iter().filter_map(|&told| tell(&mut contest, told)));
    let steps = [OpenLock, AwaitTurn, CheckLock].map(step);
    let published = [Inspect, Sweep, Bind, Identify, Restrict, Listen, Record, Publish, EndTurn].map(step);
    let watched = [Watch, KeepLock, CheckLock, Inspect].map(step);
    let all =
        [&[Order::Reach], &steps[..], &[Order::Reach, step(TryLock)], &published, &watched, &[Order::Lead]];
    assert_eq!(orders, all.concat());
    assert!(contest.is_leading());
}

#[test]
fn a_name_deleted_before_the_watch_stood_is_published_again() {
    let told = leading();
    let told = &told[..told.len() - 1];
    assert_eq!(order(&[told, &[See(Seen::Absent)]]), step(Sweep));
}

#[test]
fn silence_is_waited_out_only_at_the_other_end_of_who_holds_byte_0() {
    let silent = Told::Reach(Reached::Silent);
    assert_eq!(order(&[&[silent]]), step(SeekLeader));
    assert_eq!(order(&[&[silent, See(Held)]]), Order::Wait);
    assert_eq!(order(&[&[silent, See(Held), silent, See(Held)]]), Order::Wait);
    assert_eq!(order(&[&[silent, See(Moved)]]), Order::Pause);
    assert_eq!(order(&[&[silent, See(Moved), Told::Pause]]), Order::Reach);
    assert_eq!(order(&[&[silent, See(Done)]]), step(OpenLock));
    for reached in [Reached::Busy, Reached::Ended] {
        for seen in [Held, Moved] {
            assert_eq!(order(&[&[Told::Reach(reached), See(seen)]]), Order::Pause, "{reached:?}");
        }
    }
}

#[test]
fn what_cannot_be_said_ends_in_an_error_and_touches_nothing() {
    let failed = Told::Reach(Reached::Failed);
    let system = Order::Fail(Refusal::System);
    assert_eq!(order(&[&[failed]]), system);
    for reached in [Reached::Silent, Reached::Ended, Reached::Busy] {
        assert_eq!(order(&[&[Told::Reach(reached), See(Seen::Failed)]]), system);
    }
    assert_eq!(order(&[IN_TURN, &[failed]]), step(Unlock));
    assert_eq!(order(&[IN_TURN, &[failed, See(Done)]]), system);
    let probing = [IN_TURN, WITH_LEAD, &[See(Found(DEAD))]].concat();
    assert_eq!(order(&[&probing]), Order::Reach);
    assert_eq!(order(&[&probing, &[failed]]), step(Unlock));
    assert_eq!(order(&[&probing, &[failed, See(Done)]]), system);
}

#[test]
fn a_silent_one_is_displaced_only_with_byte_0_in_hand_and_if_it_was_a_peers() {
    for reached in [Reached::Silent, Reached::Ended, Reached::Busy] {
        let reached = Told::Reach(reached);
        assert_eq!(order(&[IN_TURN, &[reached]]), step(TryLock));
        assert_eq!(order(&[IN_TURN, &[reached, See(Held)]]), Order::Pause);
        let silent = [IN_TURN, WITH_LEAD, &[See(Found(DEAD)), reached]].concat();
        assert_eq!(order(&[&silent]), step(Recall));
        assert_eq!(order(&[&silent, &[See(Done)]]), step(Sweep));
        for stranger in SEEN.into_iter().filter(|&seen| seen != Done) {
            assert_eq!(order(&[&silent, &[See(stranger)]]), step(Unlock), "{stranger:?}");
            let refused = order(&[&silent, &[See(stranger), See(Done)]]);
            assert_eq!(refused, Order::Fail(Refusal::InUse), "{stranger:?}");
        }
    }
}

#[test]
fn whoever_is_greeted_with_locks_in_hand_gives_them_back_and_follows() {
    let greeted = [Told::Reach(Reached::Greeted), See(Done)];
    assert_eq!(order(&[IN_TURN, &greeted[..1]]), step(Unlock));
    assert_eq!(order(&[IN_TURN, &greeted]), Order::Follow);
    let probing = [IN_TURN, WITH_LEAD, &[See(Found(DEAD))]].concat();
    assert_eq!(order(&[&probing, &greeted[..1]]), step(Unlock));
    assert_eq!(order(&[&probing, &greeted]), Order::Follow);
}

#[test]
fn a_lock_file_that_keeps_moving_is_opened_again_for_a_while_and_in_every_election_anew() {
    let moved = [See(Moved), See(Done), See(Done), See(Done)];
    let often = moved.repeat(16);
    let (told, last) = IN_TURN.split_at(IN_TURN.len() - 1);
    assert_eq!(order(&[told, &often]), step(CheckLock));
    assert_eq!(order(&[told, &often, &[See(Moved), See(Done)]]), Order::Fail(Refusal::LockLost));
    let followed = [told, &often, last, &[Told::Reach(Reached::Greeted), See(Done), Lose]].concat();
    assert_eq!(order(&[&followed, told, &often]), step(CheckLock));
}

#[test]
fn a_standby_takes_over_what_still_stands_at_the_path_and_publishes_otherwise() {
    assert_eq!(order(&[STANDBY]), Order::Follow);
    assert_eq!(order(&[STANDBY, &[Lose]]), step(TryLock));
    let with_lead = [STANDBY, &[Lose, See(Done), See(Done)]].concat();
    assert_eq!(order(&[&with_lead]), step(Inspect));
    assert_eq!(order(&[&with_lead, &[See(Found(DEAD))]]), step(TakeOver));
    assert_eq!(order(&[&with_lead, &[See(Found(DEAD)), See(Done), See(Recorded(2))]]), step(Watch));
    assert_eq!(order(&[&with_lead, &[See(Found(OTHER))]]), Order::Reach);
    assert_eq!(order(&[&with_lead, PUBLISHED]), step(StandDown));
    assert_eq!(order(&[&with_lead, PUBLISHED, &[See(Done)]]), step(Watch));
}

#[test]
fn a_standby_that_is_too_late_lets_go_and_reaches() {
    for seen in [Held, Seen::Failed] {
        let late = [STANDBY, &[Lose, See(seen)]].concat();
        assert_eq!(order(&[&late]), step(StandDown));
        assert_eq!(order(&[&late, &[See(Done)]]), step(Unlock));
        assert_eq!(order(&[&late, &[See(Done), See(Done)]]), Order::Reach);
    }
}

#[test]
fn a_leader_that_cannot_publish_again_steps_down_or_tries_again_later() {
    let disturbed = [&leading()[..], &[Disturb, See(Done), See(Done)]].concat();
    assert_eq!(order(&[&disturbed, &[See(Found(MINE))]]), Order::Lead);
    assert_eq!(order(&[&disturbed, &[See(Seen::Failed)]]), Order::Pause);
    assert_eq!(order(&[&disturbed, &[See(Seen::Failed), Told::Pause]]), step(KeepLock));
    let resigning = [&disturbed[..], &[See(Foreign)]].concat();
    assert_eq!(order(&[&resigning]), Order::Resign);
    assert!(!after(&resigning).0.is_leading());
    assert_eq!(order(&[&resigning, &[Resigned]]), step(Unlock));
    assert_eq!(order(&[&resigning, &[Resigned, See(Done)]]), Order::Reach);
}

#[test]
fn what_comes_while_a_step_is_under_way_is_seen_to_behind_it() {
    assert_eq!(order(&[&STANDBY[..2], &[Lose, See(Done), See(Done)]]), step(TryLock));
    let given_back = [IN_TURN, &[Told::Reach(Reached::Greeted), Lose, See(Done)]].concat();
    assert_eq!(order(&[&given_back]), Order::Reach);
    let told = leading();
    let (told, last) = told.split_at(told.len() - 1);
    assert_eq!(order(&[told, &[Disturb], last]), step(KeepLock));
}

#[test]
fn leaving_a_second_time_is_forgotten_by_who_joins_again() {
    let left = [Told::Leave(Heir::Nobody), Told::Leave(Heir::Nobody), See(Found(MINE)), See(Done)];
    let given_back = [See(Found(MINE)), See(Done), See(Done)];
    assert_eq!(order(&[&leading(), &left, &given_back]), Order::Left);
    assert_eq!(order(&[&leading(), &left, &given_back, &[Join], FOLLOWING]), Order::Follow);
}

/// Carries orders out, all with the same luck, until there is nothing more to do.
fn finish(contest: &mut Contest, mut order: Order, lucky: bool) -> Vec<Order> {
    let mut orders = vec![order];
    while !matches!(order, Order::Follow | Order::Lead | Order::Fail(_) | Order::Left) && orders.len() < 60 {
        let next = match order {
            Order::Step(Inspect | Identify | InspectDisplaced) if lucky => contest.seen(Found(MINE)),
            Order::Step(Record) if lucky => contest.seen(Recorded(1)),
            Order::Step(_) => contest.seen(if lucky { Done } else { Seen::Failed }),
            Order::Reach | Order::Wait => {
                contest.reached(if lucky { Reached::Greeted } else { Reached::Failed })
            }
            Order::Resign => contest.resigned(),
            // A leader tries for ever.
            Order::Pause if contest.is_leading() && !lucky => break,
            _ => contest.paused(),
        };
        order = next.unwrap_or_else(|| panic!("{order:?} has no answer in {contest:?}"));
        orders.push(order);
    }
    orders
}

/// At every moment of a way to the lead, of a standby that takes over, and of one that steps down.
#[test]
fn leaving_at_any_moment_gives_back_what_is_held() {
    let takes_over = [Lose, See(Done), See(Done), See(Found(OTHER)), Told::Reach(Reached::Silent)];
    let steps_down = [&leading()[..], &[Disturb, See(Done), See(Done), See(Foreign)]].concat();
    let inherits = [STANDBY, &takes_over].concat();
    for (way, has_duplicate) in [(steps_down, false), (inherits, true)] {
        for until in 0..=way.len() {
            for heir in [Heir::Nobody, Heir::Standby] {
                let (mut contest, order) = after(&way[..until]);
                let order = contest.leave(heir).unwrap_or(order);
                let orders = finish(&mut contest, order, true);
                assert_eq!(orders.last(), Some(&Order::Left), "{:?}: {orders:?}", &way[..until]);
                assert!(orders.contains(&step(Unlock)), "{:?}: {orders:?}", &way[..until]);
                let lets_go = orders.contains(&step(StandDown)) || orders.contains(&step(TakeOver));
                assert!(lets_go || !has_duplicate || until < 2, "{:?}: {orders:?}", &way[..until]);
            }
        }
    }
}

/// How often something was tried, of which only the first few are told apart below.
fn tries(contest: &Contest) -> u8 {
    match &contest.state {
        State::Publishing(it) | State::Recalling(it) | State::Reaching(Under::Lead(it)) => {
            contest.tries.max(it.election.tries)
        }
        State::Leading(it) | State::Sulking(it) => contest.tries.max(it.tries),
        _ => contest.tries,
    }
}

/// Every contest that can be reached, with the order that is under way.
#[expect(clippy::disallowed_types, reason = "the order of a visited set decides nothing")]
fn reachable() -> Vec<(Contest, Order)> {
    let mut seen = std::collections::HashSet::new();
    let mut reached = vec![(Contest::new(), Order::Left)];
    let (mut done, all) = (0, all());
    while let Some((from, order)) = reached.get(done).cloned() {
        done += 1;
        for &told in &all {
            let mut contest = from.clone();
            let order = tell(&mut contest, told).unwrap_or(order);
            if tries(&contest) < 2 && seen.insert(contest.clone()) {
                reached.push((contest, order));
            }
        }
    }
    reached
}

#[test]
fn every_state_answers_every_input() {
    let reachable = reachable();
    assert!(reachable.len() > 1_000, "only {}", reachable.len());
    for (contest, order) in reachable {
        for lucky in [false, true] {
            let orders = finish(&mut contest.clone(), order, lucky);
            assert!(orders.len() < 60, "it never ends from {contest:?}: {orders:?}");
        }
        for reached in REACHED {
            let mut late = contest.clone();
            let is_late = late.reached(reached).is_none();
            assert!(!is_late || late == contest, "{reached:?} came too late for {contest:?}");
        }
    }
}
