use super::*;

fn rejected(pipe: u64) -> [Output<Event, u32>; 2] {
    [close(pipe), Output::App(Event::Rejected(ConnId(pipe), Gone::Paired))]
}

#[test]
fn who_comes_second_is_rejected_and_the_first_stays() {
    let mut pair = Bench::<Pair0>::plain(&[1]);
    assert_eq!(pair.accepted(2), rejected(2));
    assert_eq!(pair.hears(2, "x"), [], "it is not heard");
    assert_eq!(pair.order("a".into()), [given(1, 1, "a")]);
    pair.hears(1, "b");
    assert_eq!(pair.taken(), ["b"]);
    pair.lost(1);
    assert_eq!(pair.accepted(3), [attached(3)], "now it can be another");
}

#[test]
fn version_1_writes_a_first_hop_and_version_0_nothing() {
    assert_eq!(Bench::<Pair0>::plain(&[1]).order("a".into()), [given(1, 1, "a")]);
    assert_eq!(Bench::<Pair1>::plain(&[1]).order("a".into()), [given_behind(1, 1, 1, "a")]);
}

#[test]
fn hops_up_to_the_limit_are_delivered_and_more_are_dropped() {
    for (ttl, heard, dropped) in [(8, &[0, 1, 8][..], &[9, 0xff][..]), (1, &[0, 1], &[2]), (15, &[15], &[16])]
    {
        let mut pair = Bench::<Pair1>::with(&Options { ttl, ..Options::default() }, &[1]);
        for &hops in heard {
            assert_eq!(pair.hears(1, words(&[hops], b"b")), []);
            assert_eq!(pair.taken(), ["b"], "{hops} hops, {ttl} allowed");
        }
        for (&hops, count) in dropped.iter().zip(1..) {
            assert_eq!(pair.hears(1, words(&[hops], b"b")), []);
            assert_eq!(pair.taken(), [""; 0], "{hops} hops, {ttl} allowed");
            assert_eq!(pair.dropped(), Dropped { hops: count, ..Dropped::default() });
        }
        assert!(pair.is_attached(1));
    }
}

#[test]
fn a_count_that_cannot_be_and_a_message_without_one_close_the_pipe() {
    for (body, fault) in [
        (words(&[0x100], b"b"), SpFault::Hops { count: 0x100 }),
        (words(&[u32::MAX], b""), SpFault::Hops { count: u32::MAX }),
        (Bytes::from_static(b"abc"), SpFault::ShortHeader { bytes: 3 }),
        (Bytes::new(), SpFault::ShortHeader { bytes: 0 }),
    ] {
        let mut pair = Bench::<Pair1>::plain(&[1]);
        assert_eq!(pair.hears(1, body), blamed(1, fault));
        assert_eq!(pair.dropped(), Dropped::default());
        assert_eq!(pair.accepted(2), [attached(2)]);
    }
}

#[test]
fn version_0_delivers_whatever_comes() {
    let mut pair = Bench::<Pair0>::plain(&[1]);
    pair.hears(1, "");
    pair.hears(1, words(&[0x100], b""));
    assert_eq!(pair.taken(), [Bytes::new(), words(&[0x100], b"")]);
}

#[test]
fn what_comes_back_goes_to_whoever_comes_next_with_a_count_of_its_own() {
    let mut pair = Bench::<Pair1>::plain(&[1]);
    pair.order("a".into());
    pair.order("b".into());
    pair.gives_back(1, 1, words(&[1], b"a"));
    pair.gives_back(1, 2, words(&[1], b"b"));
    pair.lost(1);
    assert_eq!(pair.socket.unsent(), 2);
    let said = pair.accepted(2);
    assert_eq!(said, [attached(2), given_behind(1, 2, 1, "a"), given_behind(1, 2, 2, "b")]);
    assert_eq!(pair.dropped(), Dropped::default());
}

#[test]
fn what_was_cut_in_the_middle_is_counted() {
    let mut old = Bench::<Pair0>::plain(&[1]);
    old.order("cut".into());
    old.lost(1);
    let mut new = Bench::<Pair1>::plain(&[1]);
    new.order("cut".into());
    new.lost(1);
    let once = Dropped { unsent: 1, ..Dropped::default() };
    assert_eq!([old.dropped(), new.dropped()], [once; 2]);
}

#[test]
fn one_who_is_behind_is_waited_for() {
    let mut pair = Bench::<Pair0>::plain(&[1]);
    pair.order(large());
    assert!(!pair.socket.pattern().takes(pair.socket.pipes()));
    assert_eq!(pair.order("b".into()), []);
    assert_eq!(pair.writes(1, 1), [given(1, 2, "b")]);
    assert!(pair.socket.pattern().takes(pair.socket.pipes()));
}
