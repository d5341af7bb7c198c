use super::*;

const A: Inode = Inode { device: 1, number: 10 };
const B: Inode = Inode { device: 1, number: 11 };
const MINE: Inode = Inode { device: 1, number: 99 };

const ALL: [Seen; 12] = [
    Seen::Done,
    Seen::Held,
    Seen::Moved,
    Seen::Absent,
    Seen::Found(A),
    Seen::Found(MINE),
    Seen::Foreign,
    Seen::Answered,
    Seen::Refused,
    Seen::Recorded(3),
    Seen::Exists,
    Seen::Failed,
];

/// Drives a claim through `seen` and returns the step that follows each.
fn run(seen: &[Seen]) -> (Election, Vec<Step>) {
    let (mut election, first) = Election::claim(Way::Rename);
    let mut steps = vec![first];
    steps.extend(seen.iter().map(|&s| election.next(s)));
    (election, steps)
}

const TO_INSPECT: [Seen; 3] = [Seen::Done, Seen::Done, Seen::Done];

fn after_inspect(more: &[Seen]) -> (Election, Vec<Step>) {
    let (election, steps) = run(&[&TO_INSPECT, more].concat());
    (election, steps[4..].to_vec())
}

/// From `Sweep` to a listening socket under its private name.
const MAKE: [Seen; 6] =
    [Seen::Done, Seen::Done, Seen::Found(MINE), Seen::Done, Seen::Done, Seen::Recorded(1)];

#[test]
fn an_absent_name_is_published_without_replacing_anything() {
    let (election, steps) = after_inspect(&[&[Seen::Absent], &MAKE[..], &[Seen::Done]].concat());
    use Step::*;
    assert_eq!(steps, [Sweep, Bind, Identify, Restrict, Listen, Record, Publish, Own]);
    assert_eq!(election.owned(), Some(MINE));
}

#[test]
fn a_dead_socket_is_exchanged_looked_at_and_then_removed() {
    let (election, steps) = after_inspect(
        &[&[Seen::Found(A), Seen::Refused], &MAKE[..], &[Seen::Done, Seen::Found(A), Seen::Done]].concat(),
    );
    use Step::*;
    assert_eq!(
        steps,
        [
            Probe,
            Sweep,
            Bind,
            Identify,
            Restrict,
            Listen,
            Record,
            Exchange,
            InspectDisplaced,
            RemovePrivate,
            Own
        ]
    );
    assert_eq!(election.owned(), Some(MINE));
}

/// As `after_inspect`, for a socket that is bound to the name itself.
fn binding(more: &[Seen]) -> (Election, Vec<Step>) {
    let (mut election, _) = Election::claim(Way::Bind);
    let steps: Vec<_> = TO_INSPECT.iter().chain(more).map(|&seen| election.next(seen)).collect();
    (election, steps[3..].to_vec())
}

#[test]
fn a_datagram_socket_is_bound_to_the_name_itself() {
    let (election, steps) = binding(&[Seen::Absent, Seen::Done, Seen::Done, Seen::Found(MINE)]);
    assert_eq!(steps, [Step::Sweep, Step::BindName, Step::Inspect, Step::Own]);
    assert_eq!(election.owned(), Some(MINE));
}

#[test]
fn a_dead_datagram_socket_is_withdrawn_and_looked_at_before_it_is_removed() {
    use Step::*;
    let dead = [Seen::Found(A), Seen::Refused, Seen::Done, Seen::Done];
    let (_, steps) = binding(&[&dead[..], &[Seen::Found(A), Seen::Done]].concat());
    assert_eq!(steps, [Probe, Sweep, Withdraw, InspectDisplaced, RemovePrivate, BindName]);
    let (_, steps) = binding(&[&dead[..], &[Seen::Found(B), Seen::Done]].concat());
    assert_eq!(steps[3..], [InspectDisplaced, Publish, Inspect]);
}

#[test]
fn a_name_that_appears_before_it_is_bound_is_looked_at() {
    let (_, steps) = binding(&[Seen::Absent, Seen::Done, Seen::Exists]);
    assert_eq!(steps, [Step::Sweep, Step::BindName, Step::Inspect]);
}

#[test]
fn a_live_listener_is_left_alone() {
    let (_, steps) = after_inspect(&[Seen::Found(A), Seen::Answered, Seen::Done]);
    assert_eq!(steps, [Step::Probe, Step::Unlock, Step::Refuse(Refusal::InUse)]);
}

#[test]
fn a_held_lock_needs_no_probe() {
    let (_, steps) = run(&[Seen::Done, Seen::Held, Seen::Done]);
    assert_eq!(steps[2..], [Step::Unlock, Step::Refuse(Refusal::InUse)]);
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let (_, steps) = after_inspect(&[Seen::Foreign, Seen::Done]);
    assert_eq!(steps, [Step::Unlock, Step::Refuse(Refusal::NotASocket)]);
}

#[test]
fn an_unknown_error_touches_nothing() {
    for (seen, count) in [(vec![Seen::Failed], 1), (vec![Seen::Found(A), Seen::Failed], 2)] {
        let (_, steps) = after_inspect(&[&seen[..], &[Seen::Done]].concat());
        assert_eq!(steps[count - 1..], [Step::Unlock, Step::Refuse(Refusal::System)]);
    }
}

#[test]
fn a_file_that_appears_at_the_last_moment_is_not_replaced() {
    let (_, steps) = after_inspect(&[&[Seen::Absent], &MAKE[..], &[Seen::Exists, Seen::Done]].concat());
    assert_eq!(steps[6..], [Step::Publish, Step::RemovePrivate, Step::Inspect]);
}

#[test]
fn another_file_that_came_out_of_the_exchange_is_put_back() {
    for other in [Seen::Found(B), Seen::Foreign] {
        let (_, steps) = after_inspect(
            &[&[Seen::Found(A), Seen::Refused], &MAKE[..], &[Seen::Done, other, Seen::Done, Seen::Done]]
                .concat(),
        );
        use Step::*;
        assert_eq!(steps[7..], [Exchange, InspectDisplaced, Exchange, RemovePrivate, Inspect]);
    }
}

#[test]
fn a_file_that_cannot_be_put_back_is_never_removed() {
    let seen = [&[Seen::Found(A), Seen::Refused], &MAKE[..], &[Seen::Done, Seen::Found(B)]].concat();
    let (mut election, _) = after_inspect(&seen);
    assert_eq!(election.next(Seen::Absent), Step::Publish);
    assert_eq!(election.next(Seen::Exists), Step::Inspect);
    let (mut election, _) = after_inspect(&seen);
    assert_eq!(election.next(Seen::Failed), Step::Unlock);
}

#[test]
fn a_lock_file_that_moved_is_opened_again() {
    let (_, steps) = run(&[Seen::Done, Seen::Done, Seen::Moved, Seen::Done]);
    assert_eq!(steps[3..], [Step::Unlock, Step::OpenLock]);
}

#[test]
fn a_name_that_keeps_changing_ends_in_a_refusal() {
    let (mut election, _) = after_inspect(&[]);
    let mut step = Step::Inspect;
    for _ in 0..100 {
        step = match step {
            Step::Inspect => election.next(Seen::Found(A)),
            Step::Probe => election.next(Seen::Absent),
            Step::Unlock => election.next(Seen::Done),
            other => {
                assert_eq!(other, Step::Refuse(Refusal::InUse));
                return;
            }
        };
    }
    panic!("it never ended; last step {step:?}");
}

fn owner() -> Election {
    after_inspect(&[&[Seen::Absent], &MAKE[..], &[Seen::Done]].concat()).0
}

#[test]
fn leaving_removes_the_name_only_while_it_is_ours() {
    let mut election = owner();
    assert_eq!(election.release(), Step::Inspect);
    assert_eq!(election.next(Seen::Found(MINE)), Step::Withdraw);
    assert_eq!(election.next(Seen::Done), Step::InspectDisplaced);
    assert_eq!(election.next(Seen::Found(MINE)), Step::RemovePrivate);
    assert_eq!(election.next(Seen::Done), Step::Unlock);
    assert_eq!(election.next(Seen::Done), Step::Released);
    for other in [Seen::Found(A), Seen::Foreign, Seen::Absent, Seen::Failed] {
        let mut election = owner();
        let _ = election.release();
        assert_eq!(election.next(other), Step::Unlock, "{other:?}");
    }
}

#[test]
fn a_name_that_changed_hands_while_leaving_is_put_back() {
    let mut election = owner();
    let _ = election.release();
    let _ = election.next(Seen::Found(MINE));
    let _ = election.next(Seen::Done);
    assert_eq!(election.next(Seen::Found(B)), Step::Publish);
    assert_eq!(election.next(Seen::Done), Step::Unlock);
}

#[test]
fn republishing_an_intact_name_does_nothing() {
    let mut election = owner();
    assert_eq!(election.republish(), Step::KeepLock);
    assert_eq!(election.next(Seen::Done), Step::CheckLock);
    assert_eq!(election.next(Seen::Done), Step::Inspect);
    assert_eq!(election.next(Seen::Found(MINE)), Step::Own);
}

#[test]
fn republishing_against_a_live_stranger_keeps_the_lock_and_refuses() {
    let mut election = owner();
    let _ = election.republish();
    let _ = election.next(Seen::Done);
    let _ = election.next(Seen::Done);
    assert_eq!(election.next(Seen::Found(B)), Step::Probe);
    assert_eq!(election.next(Seen::Answered), Step::Refuse(Refusal::InUse));
    assert_eq!(election.owned(), Some(MINE));
}

#[test]
fn republishing_under_a_replaced_or_dropped_lock_loses_the_path() {
    for seen in [&[Seen::Held][..], &[Seen::Done, Seen::Moved]] {
        let mut election = owner();
        let _ = election.republish();
        let last = seen.iter().map(|&seen| election.next(seen)).last();
        assert_eq!(last, Some(Step::Refuse(Refusal::LockLost)));
        assert_eq!(election.owned(), Some(MINE));
    }
}

/// Every state that can be reached answers every input, and from each of them a run of failures ends.
#[test]
fn every_state_answers_every_input() {
    let mut reached = vec![Election::claim(Way::Rename).0, Election::claim(Way::Bind).0];
    let mut done = 0;
    while done < reached.len() {
        let from = reached[done].clone();
        done += 1;
        let mut nexts: Vec<Election> = Vec::new();
        for seen in ALL {
            let mut election = from.clone();
            let _ = election.next(seen);
            nexts.push(election);
        }
        for ask in [Election::release, Election::republish] {
            let mut election = from.clone();
            let _ = ask(&mut election);
            nexts.push(election);
        }
        for next in nexts {
            if !reached.contains(&next) {
                reached.push(next);
            }
        }
        let mut falling = from;
        let ended = (0..10)
            .any(|_| matches!(falling.next(Seen::Failed), Step::Own | Step::Released | Step::Refuse(_)));
        assert!(ended, "failures never end from {falling:?}");
    }
    assert!(reached.len() > 100, "only {} states", reached.len());
}
