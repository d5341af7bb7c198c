use super::*;

#[test]
fn everybody_is_told_and_nobody_is_waited_for() {
    let mut publisher = Bench::<Pub>::plain(&[1, 2]);
    assert!(publisher.socket.pattern().takes(publisher.socket.pipes()));
    assert_eq!(publisher.order("a".into()), [given(1, 1, "a"), given(2, 1, "a")]);
    assert_eq!(Bench::<Pub>::plain(&[]).order("a".into()), [], "nobody is there, which is no mistake");
}

#[test]
fn of_one_who_is_behind_the_oldest_are_dropped_and_counted() {
    let options = Options { send_queue: Some(2), ..Options::default() };
    let mut publisher = Bench::<Pub>::with(&options, &[1, 2]);
    publisher.order(large());
    publisher.writes(2, 1);
    for (body, dropped) in [("a", 0), ("b", 0), ("c", 1), ("d", 2)] {
        let said = publisher.order(body.into());
        assert_eq!(said.len(), 1, "the other gets each at once: {said:?}");
        assert_eq!(publisher.dropped(), Dropped { unsent: dropped, ..Dropped::default() });
    }
    assert_eq!(publisher.writes(1, 1), [given(1, 2, "c"), given(1, 3, "d")]);
    assert_eq!(publisher.socket.unsent(), 6);
}

#[test]
fn it_keeps_sixteen_for_each_unless_told_otherwise_and_one_at_least() {
    for (queue, most) in [(None, 16), (Some(0), 1)] {
        let options = Options { send_queue: queue, ..Options::default() };
        let mut publisher = Bench::<Pub>::with(&options, &[1]);
        publisher.order(large());
        for _ in 0..most {
            publisher.order("x".into());
        }
        assert_eq!(publisher.dropped().unsent, 0);
        publisher.order("x".into());
        assert_eq!((publisher.dropped().unsent, publisher.socket.unsent()), (1, 1 + most));
    }
}

#[test]
fn what_one_had_that_is_lost_is_counted_and_nobody_else_gets_it() {
    let mut publisher = Bench::<Pub>::plain(&[1, 2]);
    publisher.order(large());
    publisher.writes(2, 1);
    publisher.order("waits".into());
    publisher.gives_back(1, 1, large());
    assert_eq!(publisher.lost(1), [detached(1, Gone::There)]);
    assert_eq!(publisher.dropped(), Dropped { unsent: 2, ..Dropped::default() });
}

#[test]
fn whoever_speaks_to_it_is_closed_and_the_others_stay() {
    let mut publisher = Bench::<Pub>::plain(&[1, 2]);
    publisher.order("a".into());
    assert_eq!(publisher.hears(1, "x"), blamed(1, SpFault::SpokenTo));
    assert_eq!(publisher.order("b".into()), [given(2, 2, "b")]);
    assert_eq!(publisher.dropped(), Dropped::default(), "what its link has it still writes");
}
