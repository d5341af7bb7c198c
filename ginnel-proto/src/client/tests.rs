mod adopted;
mod questions;

use std::time::Duration;

use super::*;
use crate::Message;
use crate::calls::Answer;
use crate::limits::Bound;
use crate::link::Limit;
use crate::machine::{CREDIT, SendId};
use crate::session::Request;

const SECOND: Duration = Duration::from_secs(1);

/// A client whose outputs are collected, and a clock that is set by hand.
struct Bench {
    client: Client<u32>,
    now: Instant,
}

type Said = Vec<Output<Event<u32>, u32>>;

impl Bench {
    fn new(options: ClientOptions) -> Self {
        let address = Address::path("/tmp/s").unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test begins at some moment")]
        let now = Instant::now();
        Self { client: Client::new(address, options), now }
    }

    fn say(&mut self, input: Input<Command<u32>, u32>) -> Said {
        self.client.handle(input, self.now).collect()
    }

    fn app(&mut self, command: Command<u32>) -> Said {
        self.say(Input::App(command))
    }

    fn net(&mut self, event: NetEvent<u32>) -> Said {
        self.say(Input::Net(event))
    }

    /// In the state of this name, as a table of states wants it.
    fn in_state(name: &str) -> Self {
        let mut bench = Self::new(ClientOptions::default());
        if name == "disconnected" {
            return bench;
        }
        bench.app(Command::Connect);
        if name == "connecting" {
            return bench;
        }
        bench.net(NetEvent::Connected(ConnId(1), None));
        if name == "connected" {
            return bench;
        }
        bench.net(NetEvent::Lost(ConnId(1), Loss::Closed { goodbye: false }));
        bench
    }
}

fn status(status: Status) -> Output<Event<u32>, u32> {
    Output::App(Event::Status(status))
}

fn connect(id: u64) -> Output<Event<u32>, u32> {
    Output::Net(Action::Connect(ConnId(id), Address::path("/tmp/s").unwrap()))
}

fn close(id: u64) -> Output<Event<u32>, u32> {
    Output::Net(Action::Close(ConnId(id)))
}

fn send(id: u64, number: u64, body: &'static str) -> Output<Event<u32>, u32> {
    Output::Net(Action::Send(ConnId(id), SendId(number), Message::new(body).into()))
}

fn stopped(reason: Reason) -> Output<Event<u32>, u32> {
    status(Status::Disconnected { reason })
}

const STATES: [&str; 4] = ["disconnected", "connecting", "connected", "reconnecting"];

#[test]
fn connecting_is_asked_for_once_in_every_state() {
    let table: [(&str, Said); 4] = [
        ("disconnected", vec![connect(1), status(Status::Connecting { attempt: 1 })]),
        ("connecting", vec![]),
        ("connected", vec![]),
        ("reconnecting", vec![]),
    ];
    for (state, expected) in table {
        assert_eq!(Bench::in_state(state).app(Command::Connect), expected, "{state}");
    }
}

#[test]
fn connecting_while_it_pauses_ends_the_pause() {
    let mut bench = Bench::in_state("reconnecting");
    bench.app(Command::Connect);
    assert_eq!(bench.client.deadline(), Some(bench.now));
    assert_eq!(bench.say(Input::Timeout), [connect(2), status(Status::Connecting { attempt: 1 })]);
}

#[test]
fn disconnecting_closes_what_there_is_in_every_state() {
    let table: [(&str, Said); 4] = [
        ("disconnected", vec![stopped(Reason::Intentional)]),
        ("connecting", vec![close(1), stopped(Reason::Intentional)]),
        ("connected", vec![close(1), stopped(Reason::Intentional)]),
        ("reconnecting", vec![stopped(Reason::Intentional)]),
    ];
    for (state, expected) in table {
        assert_eq!(Bench::in_state(state).app(Command::Disconnect), expected, "{state}");
    }
}

#[test]
fn a_late_connection_is_closed_in_every_state() {
    for state in STATES {
        assert_eq!(Bench::in_state(state).net(NetEvent::Connected(ConnId(77), None)), [close(77)], "{state}");
        assert_eq!(Bench::in_state(state).net(NetEvent::Accepted(ConnId(78), None)), [close(78)], "{state}");
    }
    let mut bench = Bench::in_state("connecting");
    bench.app(Command::Disconnect);
    assert_eq!(bench.net(NetEvent::Connected(ConnId(1), None)), [close(1)], "it was stopped meanwhile");
}

#[test]
fn late_reports_of_another_connection_change_nothing_in_any_state() {
    for state in STATES {
        let mut bench = Bench::in_state(state);
        let before = bench.client.status();
        let late: [NetEvent<u32>; 7] = [
            NetEvent::ConnectFailed(ConnId(77), Failure::Busy),
            NetEvent::Received(ConnId(77), Message::new("x").into()),
            NetEvent::Sent(ConnId(77), SendId(1)),
            NetEvent::Room(ConnId(77)),
            NetEvent::Refused(ConnId(77), SendId(1), Message::new("x").into(), Refused::Gone),
            NetEvent::Lost(ConnId(77), Loss::Errno(104)),
            NetEvent::Listening,
        ];
        for event in late {
            assert_eq!(bench.net(event), [], "{state}");
        }
        assert_eq!(bench.client.status(), before);
    }
}

#[test]
fn a_lost_connection_comes_back_after_a_pause_that_doubles() {
    let mut bench = Bench::in_state("reconnecting");
    let mut pauses = Vec::new();
    for attempt in 0..8u32 {
        let Status::Reconnecting { next_in, attempt: counted, .. } = bench.client.status() else {
            panic!("it pauses")
        };
        assert_eq!(counted, attempt);
        pauses.push(next_in);
        assert_eq!(bench.say(Input::Timeout), [], "not yet");
        bench.now += next_in;
        let id = u64::from(attempt) + 2;
        assert_eq!(
            bench.say(Input::Timeout),
            [connect(id), status(Status::Connecting { attempt: attempt + 1 })]
        );
        bench.net(NetEvent::ConnectFailed(ConnId(id), Failure::Errno(2)));
    }
    assert!(
        pauses[0] <= Duration::from_millis(20) && pauses[7] <= SECOND && pauses[7] >= SECOND / 2,
        "{pauses:?}"
    );
}

#[test]
fn after_a_connection_the_pauses_begin_anew() {
    let mut bench = Bench::in_state("reconnecting");
    for id in 2..8 {
        bench.now += SECOND;
        bench.say(Input::Timeout);
        bench.net(NetEvent::ConnectFailed(ConnId(id), Failure::Busy));
    }
    bench.now += SECOND;
    bench.say(Input::Timeout);
    bench.net(NetEvent::Connected(ConnId(8), None));
    bench.net(NetEvent::Lost(ConnId(8), Loss::Closed { goodbye: true }));
    let Status::Reconnecting { attempt: 0, next_in, reason: Reason::Closed } = bench.client.status() else {
        panic!("it pauses")
    };
    assert!(next_in <= Duration::from_millis(20));
}

#[test]
fn attempts_are_bounded_if_asked_for_and_the_reason_is_told() {
    let mut bench = Bench::new(ClientOptions { attempts: Some(2), ..ClientOptions::default() });
    bench.app(Command::Connect);
    bench.app(Command::Send(Message::new("kept")));
    bench.net(NetEvent::ConnectFailed(ConnId(1), Failure::Errno(2)));
    bench.now += SECOND;
    bench.say(Input::Timeout);
    let said = bench.net(NetEvent::ConnectFailed(ConnId(2), Failure::Errno(111)));
    let back = Output::App(Event::Returned(SendId(1), Message::new("kept"), Refused::Gone));
    assert_eq!(said, [back, stopped(Reason::MaxRetriesExceeded { attempts: 2 })]);
    let mut once = Bench::new(ClientOptions { attempts: Some(1), ..ClientOptions::default() });
    once.app(Command::Connect);
    let said = once.net(NetEvent::ConnectFailed(ConnId(1), Failure::Errno(2)));
    assert_eq!(said, [stopped(Reason::Error { errno: 2 })]);
}

#[test]
fn messages_wait_for_a_connection_and_leave_in_order() {
    let mut bench = Bench::in_state("disconnected");
    assert_eq!(bench.app(Command::Send(Message::new("1"))), []);
    bench.app(Command::Connect);
    bench.app(Command::Send(Message::new("2")));
    let said = bench.net(NetEvent::Connected(ConnId(1), None));
    assert_eq!(said, [status(Status::Connected), send(1, 1, "1"), send(1, 2, "2")]);
    assert_eq!(bench.client.unsent().messages, 2);
    bench.net(NetEvent::Sent(ConnId(1), SendId(2)));
    assert_eq!(bench.client.unsent(), Load::default());
}

#[test]
fn what_was_not_written_goes_over_the_next_connection_and_what_was_cut_does_not() {
    let mut bench = Bench::in_state("connected");
    for body in ["with the kernel", "cut", "not begun", "neither"] {
        bench.app(Command::Send(Message::new(body)));
    }
    bench.net(NetEvent::Sent(ConnId(1), SendId(1)));
    bench.net(NetEvent::Refused(ConnId(1), SendId(3), Message::new("not begun").into(), Refused::Gone));
    bench.net(NetEvent::Refused(ConnId(1), SendId(4), Message::new("neither").into(), Refused::Gone));
    let said = bench.net(NetEvent::Lost(ConnId(1), Loss::Errno(32)));
    assert_eq!(said[0], Output::App(Event::Cut(SendId(2))));
    bench.app(Command::Send(Message::new("new")));
    bench.now += SECOND;
    bench.say(Input::Timeout);
    let said = bench.net(NetEvent::Connected(ConnId(2), None));
    assert_eq!(said[1..], [send(2, 3, "not begun"), send(2, 4, "neither"), send(2, 5, "new")]);
}

#[test]
fn what_came_back_is_given_back_if_it_is_disconnected_before_the_loss_is_told() {
    let mut bench = Bench::in_state("connected");
    bench.app(Command::Send(Message::new("kept").with_fds(vec![7])));
    let frame = Message::new("kept").with_fds(vec![7]).into();
    assert_eq!(bench.net(NetEvent::Refused(ConnId(1), SendId(1), frame, Refused::Gone)), []);
    let back = Event::Returned(SendId(1), Message::new("kept").with_fds(vec![7]), Refused::Gone);
    let expected = [close(1), Output::App(back), stopped(Reason::Intentional)];
    assert_eq!(bench.app(Command::Disconnect), expected);
    assert_eq!(bench.client.unsent(), Load::default());
}

#[test]
fn no_more_is_given_to_the_link_than_it_has_credit_for() {
    let mut bench = Bench::in_state("connected");
    let half = || Message::new(vec![0; CREDIT / 2]);
    assert_eq!(bench.app(Command::Send(half())).len(), 1);
    assert_eq!(bench.app(Command::Send(half())).len(), 1);
    assert_eq!(bench.app(Command::Send(half())).len(), 0, "the credit is used up");
    assert_eq!(bench.net(NetEvent::Room(ConnId(1))).len(), 1);
}

#[test]
fn the_queue_is_bounded() {
    let queue = Bound { messages: 2, ..Bound::CONNECTION };
    let mut bench = Bench::new(ClientOptions { queue, ..ClientOptions::default() });
    let frame = || Frame::from(Message::new("x"));
    for _ in 0..2 {
        assert_eq!(bench.client.admit(&frame()), Ok(()));
        bench.app(Command::Send(Message::new("x")));
    }
    assert!(matches!(bench.client.admit(&frame()), Err(Refusal::Limit(Limit::Queue { messages: 2, .. }))));
}

#[test]
fn a_message_whose_descriptors_are_refused_comes_back() {
    let mut bench = Bench::in_state("connected");
    bench.app(Command::Send(Message::new("x").with_fds(vec![7])));
    let frame = Frame::from(Message::new("x").with_fds(vec![7]));
    let said = bench.net(NetEvent::Refused(ConnId(1), SendId(1), frame, Refused::Descriptors));
    assert_eq!(
        said,
        [Output::App(Event::Returned(SendId(1), Message::new("x").with_fds(vec![7]), Refused::Descriptors))]
    );
    assert_eq!(bench.client.unsent(), Load::default());
}

#[test]
fn what_the_link_refuses_is_told_to_whoever_waits_for_it() {
    let mut bench = Bench::in_state("connected");
    let why = Refused::Refusal(Limit::Message { length: 9, limit: 8 }.into());
    bench.app(Command::Ask(Message::new("?")));
    let frame = Frame::new(Kind::Request(CallId(1)), Message::new("?"));
    let said = bench.net(NetEvent::Refused(ConnId(1), SendId(1), frame, why));
    assert_eq!(said, [Output::App(Event::CallReturned(CallId(1), Message::new("?"), why))]);
    bench.net(NetEvent::Received(ConnId(1), Frame::new(Kind::Request(CallId(5)), Message::new("?"))));
    bench.app(Command::Answer(ConnId(1), CallId(5), Answer::Response(Message::new("!"))));
    let frame = Frame::new(Kind::Response(CallId(5)), Message::new("!"));
    let said = bench.net(NetEvent::Refused(ConnId(1), SendId(2), frame, why));
    assert_eq!(said[0], Output::App(Event::Returned(SendId(2), Message::new("!"), why)));
    let Output::Net(Action::Send(_, _, sorry)) = &said[1] else { panic!("{said:?}") };
    assert_eq!(sorry.kind, Kind::Failure(CallId(5)), "whoever asked must not wait for ever");
}

#[test]
fn what_the_link_refuses_costs_no_credit() {
    let mut bench = Bench::in_state("connected");
    let large = || Message::new(vec![0; 2 * CREDIT]);
    assert_eq!(bench.app(Command::Send(large())).len(), 1);
    assert_eq!(bench.app(Command::Send(Message::new("next"))), []);
    let why = Refused::Refusal(Limit::Message { length: 2 * CREDIT, limit: CREDIT }.into());
    let said = bench.net(NetEvent::Refused(ConnId(1), SendId(1), large().into(), why));
    assert_eq!(said[1], send(1, 2, "next"), "nobody else would give room");
    bench.app(Command::Send(large()));
    bench.app(Command::Send(Message::new("waits")));
    let said = bench.net(NetEvent::Refused(ConnId(1), SendId(3), large().into(), why));
    assert_eq!(said.len(), 1, "the link holds something, and will be empty");
}

#[test]
fn a_pause_without_end_is_no_busy_loop() {
    let options = ClientOptions { base: Duration::MAX, cap: Duration::MAX, ..ClientOptions::default() };
    let mut bench = Bench::new(options);
    bench.app(Command::Connect);
    bench.net(NetEvent::ConnectFailed(ConnId(1), Failure::Busy));
    assert!(bench.client.deadline().unwrap() > bench.now + 1000 * SECOND);
}
