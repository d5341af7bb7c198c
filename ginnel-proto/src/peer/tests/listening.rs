//! Whoever listens, whoever is to listen next, and how each leaves.

use super::*;

#[test]
fn a_listener_talks_with_each_of_those_who_have_said_who_they_are() {
    let first = ConnId::FIRST_ACCEPTED.0 + 1;
    let mut bench = Bench::listener(&[first]);
    assert_eq!(bench.net(NetEvent::Accepted(ConnId(first + 1), None)), []);
    assert_eq!(bench.peer.connections().collect::<Vec<_>>(), [ConnId(first)]);
    let joined = bench.hears(first + 1, &Word::Hello(hello("two")));
    assert_eq!(joined, [told(Event::Joined(ConnId(first + 1), hello("two")))]);
    let said = bench.many(server::Command::Broadcast(Bytes::from_static(b"all")));
    assert_eq!(said, [sent(first, 1, "all"), sent(first + 1, 1, "all")]);
    let said = bench.receives(first, Frame::new(Kind::Request(CallId(5)), Message::new("?")));
    assert!(matches!(said[..], [Output::App(Event::Many(server::Event::Request(_)))]));
    let answer = Answer::Response(Message::new("!"));
    let said = bench.many(server::Command::Answer(ConnId(first), CallId(5), answer));
    let answered = Frame::new(Kind::Response(CallId(5)), Message::new("!"));
    assert_eq!(said, [net(Action::Send(ConnId(first), SendId(2), answered))]);
}

#[test]
fn the_oldest_who_takes_it_gets_the_duplicate_and_the_next_if_that_one_cannot_keep_it() {
    let first = ConnId::FIRST_ACCEPTED.0 + 1;
    let mut bench = Bench::listener(&[]);
    let word = Word::Standby(SOCKET).encode();
    let mut quiet = hello("quiet");
    quiet.takes_over = false;
    assert_eq!(bench.hears(first, &Word::Hello(quiet)).len(), 1);
    let said = bench.hears(first + 1, &Word::Hello(hello("two")));
    assert_eq!(said[1..], [net(Action::Bequeath(ConnId(first + 1), word.clone()))]);
    bench.hears(first + 2, &Word::Hello(hello("three")));
    let frame = Frame::empty(Kind::Control);
    let said = bench.net(NetEvent::Refused(ConnId(first + 1), SendId(0), frame, Refused::Descriptors));
    assert_eq!(said, [net(Action::Bequeath(ConnId(first + 2), word.clone()))]);
    bench.hears(first + 3, &Word::Hello(hello("four")));
    let said = bench.net(lost(first + 2));
    assert!(said.contains(&net(Action::Bequeath(ConnId(first + 3), word))), "{said:?}");
    assert_eq!(bench.peer.standby(), Some(ConnId(first + 3)));
}

#[test]
fn a_standby_keeps_the_duplicate_and_tries_the_lock_the_moment_its_listener_is_gone() {
    let mut bench = Bench::connector();
    let word = Message::new(Word::Standby(SOCKET).encode()).with_fds(vec![77]);
    let said = bench.receives(1, Frame::new(Kind::Control, word));
    assert_eq!(said, [net(Action::Keep(77)), elect(Step::Stand(SOCKET))]);
    assert_eq!(bench.elected(Seen::Done), [elect(Step::OpenLock)]);
    assert_eq!(bench.elected(Seen::Done), []);
    let said = bench.net(NetEvent::Lost(ConnId(1), Loss::Died));
    assert_eq!(said.last(), Some(&elect(Step::TryLock)));
    let taken = [Seen::Done, Seen::Done, Seen::Found(SOCKET), Seen::Done, Seen::Recorded(4), Seen::Done];
    let checked = [Seen::Done, Seen::Done, Seen::Found(SOCKET)];
    let said = taken.into_iter().chain(checked).map(|seen| bench.elected(seen)).last();
    assert!(said.unwrap().contains(&told(Event::Role(Role::Listener))));
    assert_eq!(bench.peer.epoch(), 4);
}

#[test]
fn a_duplicate_that_comes_before_it_is_decided_to_follow_is_kept() {
    let mut bench = Bench::new();
    bench.app(Command::Join);
    bench.net(failed(1, ENOENT));
    for _ in 0..3 {
        bench.elected(Seen::Done);
    }
    assert_eq!(bench.greeted(2, "first"), [elect(Step::Unlock)]);
    let word = Message::new(Word::Standby(SOCKET).encode()).with_fds(vec![77]);
    assert_eq!(bench.receives(2, Frame::new(Kind::Control, word)), []);
    let said = bench.elected(Seen::Done);
    assert_eq!(said[0], told(Event::Role(Role::Connector)));
    assert_eq!(said[2..], [net(Action::Keep(77)), elect(Step::Stand(SOCKET))]);
}

#[test]
fn what_kept_an_attempt_from_somebody_is_not_told_of_a_later_one() {
    let mut bench = Bench::listener(&[]);
    bench.net(NetEvent::Disturbed);
    let other = Inode { device: 1, number: 8 };
    let found = [Seen::Done, Seen::Done, Seen::Found(other)].map(|seen| bench.elected(seen));
    let Some([Output::Net(Action::Probe(id))]) = found.last().map(|said| &said[..]) else {
        panic!("{found:?}")
    };
    let fault = crate::PeerFault::ForeignGreeting;
    assert_eq!(bench.net(NetEvent::ConnectFailed(*id, Failure::Fault(fault))), []);
    assert_eq!(bench.later(), [elect(Step::KeepLock)]);
    bench.elected(Seen::Held);
    let said = bench.elected(Seen::Done);
    let [Output::Net(Action::Connect(id, _))] = &said[..] else { panic!("{said:?}") };
    assert_eq!(bench.net(NetEvent::ConnectFailed(*id, Failure::Closed)), [elect(Step::SeekLeader)]);
    let trouble = Trouble::Refused(crate::election::Refusal::System);
    assert_eq!(bench.elected(Seen::Failed), [told(Event::Failed(trouble))]);
}

#[test]
fn a_duplicate_that_is_not_wanted_is_dropped() {
    let mut bench = Bench::with(|options| options.standby = false);
    bench.app(Command::Join);
    bench.greeted(1, "first");
    let word = Message::new(Word::Standby(SOCKET).encode()).with_fds(vec![77]);
    assert_eq!(bench.receives(1, Frame::new(Kind::Control, word)), []);
}

#[test]
fn a_listener_that_loses_the_path_says_so_to_all_and_seeks_whoever_has_it() {
    let first = ConnId::FIRST_ACCEPTED.0 + 1;
    let mut bench = Bench::listener(&[first]);
    assert_eq!(bench.net(NetEvent::Disturbed), [elect(Step::KeepLock)]);
    let said = bench.elected(Seen::Held);
    assert_eq!(said[0], net(Action::Unlisten));
    assert_eq!(said[1], net(Action::Tell(ConnId(first), Word::StepDown.encode())));
    assert_eq!(said[2], net(Action::Close(ConnId(first))));
    assert_eq!(said[4], told(Event::Role(Role::Negotiating)));
    assert_eq!(said[5], elect(Step::Unlock));
    let said = bench.elected(Seen::Done);
    assert!(matches!(said[..], [Output::Net(Action::Connect(..))]));
}

#[test]
fn a_connector_that_is_told_to_look_elsewhere_does() {
    let mut bench = Bench::connector();
    let said = bench.hears(1, &Word::StepDown);
    assert_eq!(said[0], net(Action::Close(ConnId(1))));
    assert!(matches!(said.last(), Some(Output::Net(Action::Connect(ConnId(2), _)))));
}

#[test]
fn a_word_that_cannot_be_read_ends_the_connection() {
    let mut bench = Bench::connector();
    let said = bench.receives(1, Frame::new(Kind::Control, Message::new(&b"\x01cut"[..])));
    assert_eq!(said[0], net(Action::Close(ConnId(1))));
    assert_eq!(bench.peer.role(), Role::Negotiating);
    let mut bench = Bench::connector();
    let said = bench.receives(1, Frame::new(Kind::Control, Message::new(&b"\x63unknown"[..])));
    assert_eq!(said, [], "what is not known says nothing");
}

#[test]
fn whoever_says_something_before_its_hello_is_no_peer() {
    let first = ConnId::FIRST_ACCEPTED.0 + 1;
    let unknown = || Frame::new(Kind::Control, Message::new(&b"\x63"[..]));
    let mut bench = Bench::listener(&[]);
    bench.net(NetEvent::Accepted(ConnId(first), None));
    assert_eq!(bench.receives(first, unknown()), [net(Action::Close(ConnId(first)))]);
    assert_eq!(bench.hears(first + 1, &Word::StepDown), [net(Action::Close(ConnId(first + 1)))]);
    let mut bench = Bench::new();
    bench.app(Command::Join);
    let said = bench.receives(1, unknown());
    let trouble = Trouble::Unreachable(Reason::Fault(PeerFault::NotAPeer));
    assert_eq!(said, [net(Action::Close(ConnId(1))), told(Event::Failed(trouble))]);
}

#[test]
fn leaving_gives_back_the_path_and_late_reports_are_closed() {
    let mut bench = Bench::connector();
    assert_eq!(bench.app(Command::Leave), [elect(Step::Unlock)]);
    let said = bench.elected(Seen::Done);
    assert_eq!(said.last(), Some(&told(Event::Left)));
    assert_eq!(bench.net(NetEvent::Connected(ConnId(9), None)), [net(Action::Close(ConnId(9)))]);
    let accepted = ConnId(ConnId::FIRST_ACCEPTED.0 + 1);
    assert_eq!(bench.net(NetEvent::Accepted(accepted, None)), [net(Action::Close(accepted))]);
    let said = bench.many(server::Command::Disconnect(ConnId(1)));
    assert!(said.contains(&net(Action::Close(ConnId(1)))), "{said:?}");
}
