use super::*;

#[test]
fn each_gets_its_turn() {
    let mut push = Bench::<Push>::plain(&[1, 2, 3]);
    for (body, pipe, send) in [("a", 1, 1), ("b", 2, 1), ("c", 3, 1), ("d", 1, 2)] {
        assert_eq!(push.order(Push::send(body.into())), [given(pipe, send, body)]);
    }
}

#[test]
fn nobody_who_is_behind_is_chosen() {
    let mut push = Bench::<Push>::plain(&[1, 2]);
    assert_eq!(push.order(large()), [given(1, 1, large())]);
    assert!(push.socket.take_choked(), "it is time to write");
    assert!(!push.socket.take_choked());
    for send in 1..4 {
        assert_eq!(push.order("b".into()), [given(2, send, "b")]);
    }
    assert_eq!(push.writes(1, 1), []);
    assert_eq!(push.order("c".into()), [given(1, 2, "c")]);
}

#[test]
fn without_anybody_it_takes_as_many_as_it_was_told_to() {
    for (queue, most) in [(None, 0), (Some(2), 2)] {
        let mut push = Bench::<Push>::new(&Options { send_queue: queue, ..Options::default() });
        for _ in 0..most {
            assert!(push.socket.pattern().takes(push.socket.pipes()));
            assert_eq!(push.order("x".into()), []);
        }
        assert!(!push.socket.pattern().takes(push.socket.pipes()));
        assert_eq!(push.socket.unsent(), most);
        let said = push.accepted(9);
        assert_eq!(said.len(), 1 + most, "what waits goes to whoever comes");
        assert!(push.socket.pattern().takes(push.socket.pipes()));
    }
}

#[test]
fn what_waits_goes_before_what_comes_later() {
    let mut push = Bench::<Push>::new(&Options { send_queue: Some(9), ..Options::default() });
    assert_eq!(push.order("a".into()), []);
    assert_eq!(push.order("b".into()), []);
    assert_eq!(push.accepted(1), [attached(1), given(1, 1, "a"), given(1, 2, "b")]);
}

#[test]
fn what_comes_back_goes_to_another_pipe_in_its_order() {
    let mut push = Bench::<Push>::plain(&[1]);
    for body in ["a", "b", "c"] {
        push.order(body.into());
    }
    assert_eq!(push.accepted(2), [attached(2)]);
    assert_eq!(push.net(NetEvent::Sent(ConnId(1), SendId(1))), []);
    assert_eq!(push.gives_back(1, 2, "b"), []);
    assert_eq!(push.gives_back(1, 3, "c"), []);
    assert_eq!(push.lost(1), [detached(1, Gone::There), given(2, 1, "b"), given(2, 2, "c")]);
    assert_eq!(push.dropped(), Dropped::default(), "the first was sent, the others are on their way");
    assert_eq!(push.socket.unsent(), 2);
}

#[test]
fn what_comes_back_waits_if_nobody_else_is_there_and_goes_first() {
    let mut push = Bench::<Push>::plain(&[1]);
    push.order("a".into());
    push.order("b".into());
    push.gives_back(1, 1, "a");
    push.gives_back(1, 2, "b");
    assert_eq!(push.lost(1), [detached(1, Gone::There)]);
    assert_eq!(push.socket.unsent(), 2);
    assert_eq!(push.order("c".into()), []);
    assert_eq!(push.accepted(2).split_off(1), [given(2, 1, "a"), given(2, 2, "b"), given(2, 3, "c")]);
}

#[test]
fn what_was_cut_in_the_middle_is_counted_and_goes_nowhere() {
    let mut push = Bench::<Push>::plain(&[1, 2]);
    push.order("cut".into());
    assert_eq!(push.lost(1), [detached(1, Gone::There)]);
    assert_eq!(push.dropped(), Dropped { unsent: 1, ..Dropped::default() });
    assert_eq!(push.socket.unsent(), 0);
}

#[test]
fn what_the_link_of_a_closed_pipe_has_it_still_writes() {
    let mut push = Bench::<Push>::plain(&[1]);
    push.order("a".into());
    assert_eq!(push.app(Command::Close(ConnId(1))), [close(1), detached(1, Gone::Here)]);
    assert_eq!((push.dropped(), push.socket.unsent()), (Dropped::default(), 0));
}

#[test]
fn what_is_said_to_it_is_discarded_and_the_pipe_stays() {
    let mut push = Bench::<Push>::plain(&[1]);
    assert_eq!(push.hears(1, "x"), []);
    assert_eq!(push.dropped(), Dropped { unwanted: 1, ..Dropped::default() });
    assert!(push.is_attached(1));
}
