//! What is the same for the pipes of every end.

use super::*;
use crate::link::Misuse;

#[test]
fn closing_is_answered_in_every_state_of_a_pipe() {
    let mut push = Bench::<Push>::plain(&[1, 2, 3, 4]);
    // One that has everything written, one that is being written, one that is behind, one that gave something back.
    push.order("a".into());
    push.writes(1, 1);
    push.order("b".into());
    push.order(large());
    push.order("d".into());
    push.gives_back(4, 1, "d");
    for pipe in 1..=4 {
        let said = push.app(Command::Close(ConnId(pipe)));
        assert_eq!(said[..2], [close(pipe), detached(pipe, Gone::Here)]);
    }
    assert_eq!(push.app(Command::Close(ConnId(1))), [], "it is gone");
    assert_eq!(push.app(Command::Close(ConnId(77))), [], "it never was");
    assert_eq!(push.socket.unsent(), 1, "what came back waits for somebody else");
    assert_eq!(push.dropped(), Dropped::default());
}

#[test]
fn why_a_pipe_is_gone_is_told_as_it_was_reported() {
    let fault = PeerFault::Sp(SpFault::Kind { kind: 2 });
    for (loss, gone) in [
        (Loss::Closed { goodbye: true }, Gone::There),
        (Loss::Closed { goodbye: false }, Gone::There),
        (Loss::Died, Gone::There),
        (Loss::Fault(fault), Gone::Fault(fault)),
        (Loss::Errno(104), Gone::Errno(104)),
    ] {
        let mut pull = Bench::<Pull>::plain(&[1]);
        assert_eq!(pull.net(NetEvent::Lost(ConnId(1), loss)), [detached(1, gone)]);
        assert_eq!(pull.net(NetEvent::Lost(ConnId(1), loss)), [], "once");
    }
}

#[test]
fn whoever_has_not_greeted_as_it_must_is_told_of() {
    let fault = PeerFault::Sp(SpFault::Greeting);
    for (failure, gone) in [
        (Failure::Fault(fault), Gone::Fault(fault)),
        (Failure::Closed, Gone::There),
        (Failure::Errno(9), Gone::Errno(9)),
    ] {
        let mut pull = Bench::<Pull>::new(&Options::default());
        let said = pull.net(NetEvent::NotAccepted(ConnId(1), failure));
        assert_eq!(said, [Output::App(Event::Rejected(ConnId(1), gone))]);
    }
}

#[test]
fn what_no_link_takes_is_dropped_and_counted_and_the_next_goes() {
    let mut push = Bench::<Push>::plain(&[1]);
    push.order("a".into());
    let why = Refused::Refusal(Misuse::NoCalls.into());
    let refused = NetEvent::Refused(ConnId(1), SendId(1), Message::new("a").into(), why);
    assert_eq!(push.net(refused), []);
    assert_eq!((push.dropped().unsent, push.socket.unsent()), (1, 0));
    assert_eq!(push.order("b".into()), [given(1, 2, "b")]);
}

#[test]
fn reports_of_a_pipe_that_is_gone_change_nothing() {
    let mut push = Bench::<Push>::plain(&[1, 2]);
    push.order("a".into());
    push.app(Command::Close(ConnId(1)));
    assert_eq!(push.net(NetEvent::Sent(ConnId(1), SendId(1))), []);
    assert_eq!(push.net(NetEvent::Room(ConnId(1))), []);
    assert_eq!(push.gives_back(1, 1, "a"), []);
    assert_eq!(push.hears(1, "x"), []);
    assert_eq!(push.lost(1), []);
    assert_eq!((push.dropped(), push.socket.unsent()), (Dropped::default(), 0));
}

#[test]
fn an_end_takes_no_notice_of_listeners_and_elections() {
    let mut push = Bench::<Push>::plain(&[1]);
    for event in [NetEvent::Listening, NetEvent::ListenFailed(Failure::Busy), NetEvent::Disturbed] {
        assert_eq!(push.net(event), []);
    }
}

#[test]
fn a_rule_that_is_broken_costs_nobody_what_the_link_still_writes() {
    let mut pair = Bench::<Pair1>::plain(&[1]);
    pair.order("a".into());
    assert_eq!(pair.hears(1, "x"), blamed(1, SpFault::ShortHeader { bytes: 1 }));
    assert_eq!((pair.dropped(), pair.socket.unsent()), (Dropped::default(), 0));
}

#[test]
fn a_frame_is_the_same_for_everybody() {
    let frame: Frame<u32> = headed(9, "b".into());
    assert_eq!(frame.again(), frame);
    let plain: Frame<u32> = Message::new("b").into();
    assert_eq!(plain.again(), plain);
}
