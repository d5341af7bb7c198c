use bytes::Bytes;

use super::*;
use crate::election::{Seen, Step};
use crate::limits::Bound;
use crate::link::{Misuse, Refusal};
use crate::machine::{Crowd, Failure, Loss};
use crate::{Address, Answer, Message};

type Said = Vec<Output<Event<u32>, u32>>;

const ENOENT: i32 = 2;
const ECONNREFUSED: i32 = 111;
const SOCKET: Inode = Inode { device: 1, number: 7 };

struct Bench {
    peer: Peer<u32>,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut PeerOptions)) -> Self {
        let mut options = PeerOptions::new(address(), hello("me"));
        change(&mut options);
        #[expect(clippy::disallowed_methods, reason = "a test begins at some moment")]
        let now = Instant::now();
        Self { peer: Peer::new(options), now }
    }

    /// One that follows connection 1.
    fn connector() -> Self {
        let mut bench = Self::new();
        bench.app(Command::Join);
        bench.greeted(1, "first");
        bench
    }

    /// One that listens, and has these neighbours.
    fn listener(neighbours: &[u64]) -> Self {
        let mut bench = Self::new();
        bench.app(Command::Join);
        bench.net(failed(1, ENOENT));
        bench.lead();
        for &id in neighbours {
            bench.net(NetEvent::Accepted(ConnId(id), None));
            bench.hears(id, &Word::Hello(hello("other")));
        }
        bench
    }

    /// From an open lock file to a socket at the path.
    fn lead(&mut self) -> Said {
        let mut said = Vec::new();
        let alone = [Seen::Done, Seen::Done, Seen::Done];
        alone.into_iter().for_each(|seen| said = self.elected(seen));
        let reached = said.iter().find_map(|output| match output {
            Output::Net(Action::Connect(id, _)) => Some(id.0),
            _ => None,
        });
        self.net(failed(reached.expect("it looks once more"), ENOENT));
        let published = [
            Seen::Done,
            Seen::Absent,
            Seen::Done,
            Seen::Done,
            Seen::Found(SOCKET),
            Seen::Done,
            Seen::Done,
            Seen::Recorded(3),
            Seen::Done,
            Seen::Done,
            Seen::Done,
            Seen::Done,
            Seen::Done,
            Seen::Found(SOCKET),
        ];
        published.into_iter().for_each(|seen| said = self.elected(seen));
        assert_eq!(self.peer.role(), Role::Listener, "{said:?}");
        said
    }

    fn greeted(&mut self, id: u64, name: &str) -> Said {
        let mut said = self.net(NetEvent::Connected(ConnId(id), None));
        said.extend(self.hears(id, &Word::Hello(hello(name))));
        said
    }

    fn hears(&mut self, id: u64, word: &Word) -> Said {
        self.receives(id, Frame::new(Kind::Control, Message::new(word.encode())))
    }

    fn receives(&mut self, id: u64, frame: impl Into<Frame<u32>>) -> Said {
        self.net(NetEvent::Received(ConnId(id), frame.into()))
    }

    fn elected(&mut self, seen: Seen) -> Said {
        self.net(NetEvent::Elected(seen))
    }

    fn app(&mut self, command: Command<u32>) -> Said {
        self.peer.handle(Input::App(command), self.now).collect()
    }

    fn many(&mut self, command: server::Command<u32>) -> Said {
        self.app(Command::Many(command))
    }

    fn net(&mut self, event: NetEvent<u32>) -> Said {
        self.peer.handle(Input::Net(event), self.now).collect()
    }

    fn later(&mut self) -> Said {
        self.now = self.peer.deadline().expect("it waits for a moment");
        self.peer.handle(Input::Timeout, self.now).collect()
    }
}

fn address() -> Address {
    Address::path("/tmp/s").unwrap()
}

fn hello(name: &str) -> Hello {
    Hello::new(name).unwrap()
}

fn failed(id: u64, errno: i32) -> NetEvent<u32> {
    NetEvent::ConnectFailed(ConnId(id), Failure::Errno(errno))
}

fn lost(id: u64) -> NetEvent<u32> {
    NetEvent::Lost(ConnId(id), Loss::Closed { goodbye: false })
}

fn net(action: Action<u32>) -> Output<Event<u32>, u32> {
    Output::Net(action)
}

fn told(event: Event<u32>) -> Output<Event<u32>, u32> {
    Output::App(event)
}

fn many(event: server::Event<u32>) -> Output<Event<u32>, u32> {
    told(Event::Many(event))
}

fn elect(step: Step) -> Output<Event<u32>, u32> {
    net(Action::Elect(step))
}

fn send(id: ConnId, body: &'static str) -> server::Command<u32> {
    server::Command::Send(id, Message::new(body))
}

fn sent(id: u64, number: u64, body: &'static str) -> Output<Event<u32>, u32> {
    net(Action::Send(ConnId(id), SendId(number), Message::new(body).into()))
}

fn returned(id: ConnId, number: u64, body: &'static str, why: Refused) -> Output<Event<u32>, u32> {
    many(server::Event::Returned(id, SendId(number), Message::new(body), why))
}

#[test]
fn whoever_is_greeted_follows_and_hears_what_was_said_right_behind_the_greeting() {
    let mut bench = Bench::new();
    let said = bench.app(Command::Join);
    assert!(matches!(
        said[..],
        [Output::Net(Action::Introduce(_)), Output::Net(Action::Connect(ConnId(1), _))]
    ));
    assert_eq!(bench.peer.role(), Role::Negotiating);
    let greeted = bench.greeted(1, "first");
    let expected = [told(Event::Role(Role::Connector)), told(Event::Joined(ConnId(1), hello("first")))];
    assert_eq!(greeted, expected);
    let said = bench.receives(1, Message::new("hi"));
    assert_eq!(said, [many(server::Event::Message(ConnId(1), Message::new("hi")))]);
    assert_eq!(bench.peer.listener(), Some(ConnId(1)));
    assert_eq!(bench.peer.deadline(), None, "it waits for nothing");
}

#[test]
fn the_process_of_whoever_listens_is_watched() {
    let process = crate::machine::ProcessId { pid: 5, id: 6 };
    let mut bench = Bench::with(|options| options.process = Some(process));
    let said = bench.app(Command::Join);
    let Output::Net(Action::Introduce(mine)) = &said[0] else { panic!("{said:?}") };
    let Ok(Some(Word::Hello(mine))) = Word::decode(mine) else { panic!("its own hello can be read") };
    assert_eq!(mine.process, Some(process));
    let said = bench.hears(1, &Word::Hello(mine));
    assert_eq!(said[0], net(Action::Watch(ConnId(1), process)));
}

#[test]
fn where_nobody_is_an_election_begins_and_any_other_error_begins_none() {
    for errno in [ENOENT, ECONNREFUSED] {
        let mut bench = Bench::new();
        bench.app(Command::Join);
        assert_eq!(bench.net(failed(1, errno)), [elect(Step::OpenLock)]);
    }
    // EPERM, EIO, ENOMEM, EACCES, ENFILE, EMFILE, ENOSPC, EPROTOTYPE
    for errno in [1, 5, 12, 13, 23, 24, 28, 91] {
        let mut bench = Bench::new();
        bench.app(Command::Join);
        let trouble = Trouble::Unreachable(Reason::Error { errno });
        assert_eq!(bench.net(failed(1, errno)), [told(Event::Failed(trouble))]);
        let again = bench.later();
        assert_eq!(again, [net(Action::Connect(ConnId(2), address()))], "it tries again after a pause");
    }
}

#[test]
fn one_that_speaks_otherwise_is_trouble_and_nothing_is_touched() {
    let mut bench = Bench::new();
    bench.app(Command::Join);
    let fault = crate::PeerFault::ForeignGreeting;
    let said = bench.net(NetEvent::ConnectFailed(ConnId(1), Failure::Fault(fault)));
    assert_eq!(said, [told(Event::Failed(Trouble::Unreachable(Reason::Fault(fault))))]);
}

#[test]
fn an_echo_is_no_listener() {
    let mut bench = Bench::new();
    bench.app(Command::Join);
    let mut greeting = crate::Link::<u32>::new(&crate::LinkOptions::default());
    let bytes = greeting.transmit().expect("a greeting").slices()[0].to_vec();
    greeting.received(&bytes, Vec::new());
    assert_eq!(greeting.poll_frame(), Ok(None));
    let said = bench.net(NetEvent::Connected(ConnId(1), greeting.greeting().copied()));
    let trouble = Trouble::Unreachable(Reason::Fault(PeerFault::Echo));
    assert_eq!(said, [net(Action::Close(ConnId(1))), told(Event::Failed(trouble))]);
    bench.later();
    let said = bench.net(NetEvent::Connected(ConnId(2), greeting.greeting().copied()));
    assert_eq!(said, [net(Action::Close(ConnId(2)))], "what stays as it is is told once");
}

#[test]
fn silence_is_waited_out_as_long_as_the_silent_one_leads() {
    let mut bench = Bench::new();
    bench.app(Command::Join);
    for _ in 0..3 {
        assert_eq!(bench.later(), [elect(Step::SeekLeader)]);
        assert_eq!(bench.elected(Seen::Held), []);
    }
    bench.greeted(1, "slow");
    assert_eq!(bench.peer.role(), Role::Connector);
}

#[test]
fn a_greeting_that_comes_while_it_is_asked_who_leads_is_not_forgotten() {
    let mut bench = Bench::new();
    bench.app(Command::Join);
    bench.later();
    assert_eq!(bench.greeted(1, "slow"), []);
    bench.elected(Seen::Held);
    assert_eq!(bench.peer.role(), Role::Connector);
}

#[test]
fn what_is_for_the_listener_waits_for_the_next_and_what_is_for_one_neighbour_comes_back() {
    let mut bench = Bench::connector();
    assert_eq!(bench.many(send(ConnId::LISTENER, "written")), [sent(1, 1, "written")]);
    bench.net(NetEvent::Sent(ConnId(1), SendId(1)));
    assert_eq!(bench.many(send(ConnId(1), "for you")), [sent(1, 2, "for you")]);
    assert_eq!(bench.many(send(ConnId::LISTENER, "for any")), [sent(1, 3, "for any")]);
    for (number, body) in [(2, "for you"), (3, "for any")] {
        let frame = Message::new(body).into();
        assert_eq!(bench.net(NetEvent::Refused(ConnId(1), SendId(number), frame, Refused::Gone)), []);
    }
    let said = bench.net(lost(1));
    assert_eq!(said[0], returned(ConnId(1), 2, "for you", Refused::Gone));
    assert!(matches!(said[1], Output::App(Event::Many(server::Event::Left(ConnId(1), _)))));
    assert_eq!(said[2], told(Event::Role(Role::Negotiating)));
    assert!(matches!(said[3], Output::Net(Action::Connect(ConnId(2), _))));
    assert_eq!(bench.many(send(ConnId(1), "too late")), [returned(ConnId(1), 0, "too late", Refused::Gone)]);
    assert_eq!(bench.many(send(ConnId::LISTENER, "queued")), []);
    let said = bench.greeted(2, "next");
    assert_eq!(said[2..], [sent(2, 3, "for any"), sent(2, 4, "queued")]);
}

#[test]
fn what_waits_is_bounded() {
    let mut bench = Bench::with(|options| options.client.queue = Bound { messages: 2, ..Bound::CONNECTION });
    bench.app(Command::Join);
    for _ in 0..2 {
        assert!(bench.peer.has_room(ConnId::LISTENER));
        bench.many(send(ConnId::LISTENER, "x"));
    }
    assert!(!bench.peer.has_room(ConnId::LISTENER));
    let refused = bench.peer.admit(ConnId::LISTENER, &Message::new("x").into());
    assert!(matches!(refused, Some(Err(Refusal::Limit(_)))));
}

#[test]
fn what_waits_comes_back_to_one_that_becomes_the_listener_itself() {
    let mut bench = Bench::new();
    bench.app(Command::Join);
    bench.many(send(ConnId::LISTENER, "for any"));
    bench.net(failed(1, ENOENT));
    let said = bench.lead();
    let oneself = Refused::Refusal(Misuse::Oneself.into());
    assert!(said.contains(&told(Event::Role(Role::Listener))), "{said:?}");
    assert!(said.contains(&returned(ConnId::LISTENER, 1, "for any", oneself)), "{said:?}");
    assert_eq!(bench.many(send(ConnId::LISTENER, "x")), [returned(ConnId::LISTENER, 0, "x", oneself)]);
    let refused = bench.peer.admit(ConnId::LISTENER, &Message::new("x").into());
    assert_eq!(refused, Some(Err(Misuse::Oneself.into())));
    assert_eq!(bench.peer.epoch(), 3);
}

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
