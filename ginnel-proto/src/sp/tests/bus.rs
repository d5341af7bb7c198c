use super::*;

fn told(unsent: u64, unreceived: u64) -> Dropped {
    Dropped { unsent, unreceived, ..Dropped::default() }
}

#[test]
fn all_neighbours_are_told_and_heard() {
    let mut bus = Bench::<Bus>::plain(&[1, 2]);
    assert_eq!(bus.order("a".into()), [given(1, 1, "a"), given(2, 1, "a")]);
    bus.hears(2, "b");
    bus.hears(1, "c");
    assert_eq!(bus.taken(), ["b", "c"]);
}

#[test]
fn for_one_who_is_behind_the_newest_are_dropped_and_counted() {
    let mut bus = Bench::<Bus>::with(&Options { send_queue: Some(2), ..Options::default() }, &[1]);
    bus.order(large());
    for (body, dropped) in [("a", 0), ("b", 0), ("c", 1), ("d", 2)] {
        assert_eq!(bus.order(body.into()), []);
        assert_eq!(bus.dropped(), told(dropped, 0));
    }
    assert_eq!(bus.writes(1, 1), [given(1, 2, "a"), given(1, 3, "b")]);
}

#[test]
fn what_comes_while_sixteen_wait_is_dropped_and_counted() {
    for (queue, most) in [(None, 16), (Some(3), 3), (Some(0), 1)] {
        let mut bus = Bench::<Bus>::with(&Options { receive_queue: queue, ..Options::default() }, &[1]);
        for number in 0..most + 2 {
            bus.hears(1, vec![number]);
        }
        assert_eq!(bus.dropped(), told(0, 2));
        let kept: Vec<_> = (0..most).map(|number| vec![number]).collect();
        assert_eq!(bus.taken(), kept, "the first are kept");
        assert!(bus.socket.pattern().has_room(), "it reads on whatever waits");
    }
}

#[test]
fn what_one_had_that_is_lost_is_counted() {
    let mut bus = Bench::<Bus>::plain(&[1]);
    bus.order("sent".into());
    bus.order("cut".into());
    bus.order("back".into());
    bus.net(NetEvent::Sent(ConnId(1), SendId(1)));
    bus.gives_back(1, 3, "back");
    assert_eq!(bus.lost(1), [detached(1, Gone::There)]);
    assert_eq!(bus.dropped(), told(2, 0));
}
