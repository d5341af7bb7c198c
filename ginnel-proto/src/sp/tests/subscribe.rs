use super::*;
use crate::limits::Bound;

fn sub(options: &Options, topics: &[&'static str]) -> Bench<Sub> {
    let mut bench = Bench::with(options, &[1]);
    for topic in topics {
        assert_eq!(bench.order(SubCommand::Subscribe(Bytes::from_static(topic.as_bytes()))), []);
    }
    bench
}

fn queue(receive_queue: usize, prefer_new: bool) -> Options {
    Options { receive_queue: Some(receive_queue), prefer_new, ..Options::default() }
}

#[test]
fn only_what_was_subscribed_to_is_heard() {
    let mut bench = sub(&Options::default(), &["a", "bc"]);
    for body in ["a1", "b", "bcd", "", "c"] {
        bench.hears(1, body);
    }
    assert_eq!(bench.taken(), ["a1", "bcd"]);
    assert_eq!(bench.dropped(), Dropped::default(), "what is not wanted is not counted");
}

#[test]
fn of_what_comes_too_fast_the_latest_or_the_first_are_kept_and_the_rest_is_counted() {
    for (prefer_new, kept) in [(true, ["3", "4"]), (false, ["1", "2"])] {
        let mut bench = sub(&queue(2, prefer_new), &[""]);
        for body in ["1", "2", "3", "4"] {
            bench.hears(1, body);
        }
        assert_eq!(bench.taken(), kept);
        assert_eq!(bench.dropped(), Dropped { unreceived: 2, ..Dropped::default() });
    }
}

#[test]
fn what_is_not_wanted_counts_for_nothing_in_a_full_queue() {
    let mut bench = sub(&queue(1, true), &["a"]);
    bench.hears(1, "a");
    bench.hears(1, "b");
    assert_eq!(bench.dropped(), Dropped::default());
    assert_eq!(bench.taken(), ["a"]);
}

#[test]
fn unsubscribing_drops_what_waits_and_is_not_wanted_any_more() {
    let mut bench = sub(&Options::default(), &["a", "ab", "b"]);
    for body in ["a1", "ab", "b"] {
        bench.hears(1, body);
    }
    bench.order(SubCommand::Unsubscribe("a".into()));
    assert_eq!(bench.taken(), ["ab", "b"]);
    bench.hears(1, "a2");
    assert_eq!(bench.taken(), [""; 0]);
}

#[test]
fn unsubscribing_from_what_was_not_subscribed_to_changes_nothing() {
    let mut bench = sub(&Options::default(), &["a"]);
    bench.hears(1, "a1");
    bench.order(SubCommand::Unsubscribe("".into()));
    assert_eq!(bench.taken(), ["a1"]);
}

#[test]
fn no_more_subscriptions_are_kept_than_it_was_told() {
    let subscriptions = Bound { bytes: 3, messages: 2, fds: 0 };
    let mut bench = sub(&Options { subscriptions, ..Options::default() }, &["a", "bc", "d"]);
    let kept = |bench: &Bench<Sub>| {
        ["a", "bc", "d"].map(|topic| bench.socket.pattern().is_subscribed(topic.as_bytes()))
    };
    assert_eq!(kept(&bench), [true, true, false]);
    bench.order(SubCommand::Unsubscribe("bc".into()));
    assert!(bench.socket.pattern().may_subscribe(b"d"));
    bench.order(SubCommand::Subscribe("d".into()));
    assert_eq!(kept(&bench), [true, false, true]);
}
