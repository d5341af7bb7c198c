use bytes::Bytes;

use super::*;
use crate::election::{Seen, Step};
use crate::limits::Bound;
use crate::link::{Misuse, Refusal};
use crate::machine::{Crowd, Failure, Loss};
use crate::{Address, Answer, Message};

mod listening;

type Said = Vec<Output<Event<u32>, u32>>;

const ENOENT: i32 = 2;
const ECONNREFUSED: i32 = if cfg!(windows) { 10061 } else { 111 };
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
