use super::*;
use crate::PeerFault;
use crate::limits::Bound;
use crate::link::Limit;
use crate::machine::{CREDIT, Failure};
use crate::session::Request;

type Said = Vec<Output<Event<u32>, u32>>;

struct Bench {
    server: Server<u32>,
    now: Instant,
}

impl Bench {
    fn new(options: ServerOptions) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test begins at some moment")]
        let now = Instant::now();
        Self { server: Server::new(options), now }
    }

    /// Listening, with connections of these numbers.
    fn with(ids: &[u64]) -> Self {
        Self::with_options(ServerOptions::default(), ids)
    }

    fn with_options(options: ServerOptions, ids: &[u64]) -> Self {
        let mut bench = Self::new(options);
        bench.app(Command::Listen(address()));
        bench.net(NetEvent::Listening);
        for &id in ids {
            assert_eq!(
                bench.net(NetEvent::Accepted(ConnId(id), None)),
                [Output::App(Event::Joined(ConnId(id)))]
            );
        }
        bench
    }

    fn app(&mut self, command: Command<u32>) -> Said {
        self.server.handle(Input::App(command), self.now).collect()
    }

    fn net(&mut self, event: NetEvent<u32>) -> Said {
        self.server.handle(Input::Net(event), self.now).collect()
    }
}

fn address() -> Address {
    Address::path("/tmp/s").unwrap()
}

fn close(id: u64) -> Output<Event<u32>, u32> {
    Output::Net(Action::Close(ConnId(id)))
}

fn send(id: u64, number: u64, body: &'static str) -> Output<Event<u32>, u32> {
    Output::Net(Action::Send(ConnId(id), SendId(number), Message::new(body).into()))
}

fn told(event: Event<u32>) -> Output<Event<u32>, u32> {
    Output::App(event)
}

#[test]
fn listening_is_asked_for_once_and_what_comes_of_it_is_told() {
    let mut bench = Bench::new(ServerOptions::default());
    assert_eq!(bench.app(Command::Listen(address())), [Output::Net(Action::Listen(address()))]);
    assert_eq!(bench.app(Command::Listen(address())), []);
    assert_eq!(
        bench.net(NetEvent::ListenFailed(Failure::Errno(98))),
        [told(Event::ListenFailed(Failure::Errno(98)))]
    );
    assert_eq!(bench.app(Command::Listen(address())).len(), 1, "it may try again");
    assert_eq!(bench.net(NetEvent::Listening), [told(Event::Listening)]);
    assert!(bench.server.is_listening());
}

#[test]
fn stopping_takes_leave_of_everybody_and_refuses_latecomers() {
    let mut bench = Bench::with(&[1, 2]);
    assert_eq!(bench.app(Command::Stop), [Output::Net(Action::Unlisten), close(1), close(2)]);
    assert_eq!(bench.server.connection_count(), 0);
    assert_eq!(bench.net(NetEvent::Accepted(ConnId(3), None)), [close(3)]);
    assert_eq!(bench.app(Command::Stop), []);
    let mut bench = Bench::new(ServerOptions::default());
    bench.app(Command::Listen(address()));
    bench.app(Command::Stop);
    assert_eq!(bench.net(NetEvent::Listening), [Output::Net(Action::Unlisten)], "too late");
}

#[test]
fn a_connection_is_told_apart_from_the_others() {
    let mut bench = Bench::with(&[1, 2]);
    assert_eq!(bench.server.connections().collect::<Vec<_>>(), [ConnId(1), ConnId(2)]);
    let said = bench.net(NetEvent::Received(ConnId(2), Message::new("hi").into()));
    assert_eq!(said, [told(Event::Message(ConnId(2), Message::new("hi")))]);
    assert_eq!(bench.app(Command::Send(ConnId(1), Message::new("ho"))), [send(1, 1, "ho")]);
    bench.net(NetEvent::Sent(ConnId(1), SendId(1)));
    let loss = Loss::Closed { goodbye: true };
    assert_eq!(bench.net(NetEvent::Lost(ConnId(1), loss)), [told(Event::Left(ConnId(1), loss))]);
    assert!(!bench.server.is_connected(ConnId(1)) && bench.server.is_connected(ConnId(2)));
    let back = Event::Returned(ConnId(1), SendId(0), Message::new("late"), Refused::Gone);
    assert_eq!(bench.app(Command::Send(ConnId(1), Message::new("late"))), [told(back)]);
    assert_eq!(bench.app(Command::Disconnect(ConnId(2))), [close(2)]);
    assert_eq!(bench.app(Command::Disconnect(ConnId(2))), []);
}

#[test]
fn reports_of_whoever_is_gone_change_nothing() {
    let mut bench = Bench::with(&[1]);
    let late: [NetEvent<u32>; 6] = [
        NetEvent::Received(ConnId(9), Message::new("x").into()),
        NetEvent::Sent(ConnId(9), SendId(1)),
        NetEvent::Room(ConnId(9)),
        NetEvent::Refused(ConnId(9), SendId(1), Message::new("x").into(), Refused::Gone),
        NetEvent::Lost(ConnId(9), Loss::Errno(104)),
        NetEvent::ConnectFailed(ConnId(9), Failure::Busy),
    ];
    for event in late {
        assert_eq!(bench.net(event), []);
    }
    assert_eq!(bench.net(NetEvent::Connected(ConnId(9), None)), [close(9)]);
}

#[test]
fn a_broadcast_reaches_everybody_with_one_body_and_names_who_missed_it() {
    let queue = Bound { messages: 1, ..Bound::CONNECTION };
    let mut bench = Bench::with_options(ServerOptions { queue, ..ServerOptions::default() }, &[1, 2, 3]);
    let body = Bytes::from(vec![7; 10_000]);
    let said = bench.app(Command::Broadcast(body.clone()));
    assert_eq!(said.len(), 3);
    for output in said {
        let Output::Net(Action::Send(_, _, frame)) = output else { panic!("it is sent") };
        assert_eq!(frame.message.body.as_ptr(), body.as_ptr(), "shared, not copied");
    }
    bench.net(NetEvent::Sent(ConnId(2), SendId(1)));
    let said = bench.app(Command::Broadcast(Bytes::from_static(b"next")));
    assert_eq!(said, [told(Event::Missed(ConnId(1))), send(2, 2, "next"), told(Event::Missed(ConnId(3)))]);
}

#[test]
fn all_queues_together_are_bounded_and_nobody_is_shut_out() {
    let options = ServerOptions { total: 4 * CREDIT + 1024, ..ServerOptions::default() };
    let mut bench = Bench::with_options(options, &[1, 2]);
    let frame = || Frame::from(Message::new(vec![0; CREDIT]));
    assert_eq!(bench.server.admit(ConnId(1), &frame()), Some(Ok(())));
    bench.app(Command::Send(ConnId(1), frame().message));
    bench.app(Command::Send(ConnId(1), frame().message));
    let refused = bench.server.admit(ConnId(1), &frame());
    assert!(matches!(refused, Some(Err(Refusal::Limit(Limit::Queue { .. })))), "{refused:?}");
    assert_eq!(bench.server.admit(ConnId(2), &frame()), Some(Ok(())), "nothing waits for this one");
    assert_eq!(bench.server.admit(ConnId(9), &frame()), None);
    bench.net(NetEvent::Room(ConnId(1)));
    bench.net(NetEvent::Sent(ConnId(1), SendId(2)));
    assert_eq!(bench.server.admit(ConnId(1), &frame()), Some(Ok(())));
    assert_eq!(bench.server.held, 0);
}

#[test]
fn many_who_never_read_hold_no_more_than_the_total_and_one_who_does_has_its_share() {
    const TOTAL: usize = 1 << 20;
    for size in [0, 10, 100, 1000] {
        let all: Vec<u64> = (1..=1000).collect();
        let options = ServerOptions { total: TOTAL, ..ServerOptions::default() };
        let mut bench = Bench::with_options(options, &all);
        let body = || Message::new(vec![0; size]);
        loop {
            let said = bench.app(Command::Broadcast(body().body));
            if said.iter().filter(|said| matches!(said, Output::App(Event::Missed(_)))).count() == 1000 {
                break;
            }
        }
        let each = size + 16 + EACH;
        let most = TOTAL.max(1000 * each);
        assert!(bench.server.held <= most, "{size} bytes: {} are held", bench.server.held);
        // One takes what waits for it, and has room for as many again as fit its share.
        let last = bench.server.last(ConnId(7)).unwrap();
        bench.net(NetEvent::Sent(ConnId(7), last));
        let mut room = 0;
        while bench.server.admit(ConnId(7), &body().into()) == Some(Ok(())) {
            bench.app(Command::Send(ConnId(7), body()));
            room += 1;
        }
        assert!(room >= (TOTAL / 2 / 1000 / each).max(1), "{size} bytes: room for {room}");
        let gone: Vec<_> =
            all.iter().map(|&id| bench.net(NetEvent::Lost(ConnId(id), Loss::Errno(104)))).collect();
        drop(gone);
        assert_eq!(bench.server.held, 0);
    }
}

#[test]
fn one_that_does_not_read_holds_up_nobody_else() {
    let mut bench = Bench::with(&[1, 2]);
    let large = || Message::new(vec![0; CREDIT]);
    assert_eq!(bench.app(Command::Send(ConnId(1), large())).len(), 1);
    assert_eq!(bench.app(Command::Send(ConnId(1), large())).len(), 0, "no credit");
    assert_eq!(bench.app(Command::Send(ConnId(2), large())).len(), 1);
    assert_eq!(bench.net(NetEvent::Room(ConnId(1))).len(), 1);
    assert_eq!(bench.server.unsent(ConnId(1)).messages, 2);
}

#[test]
fn questions_go_both_ways_and_each_is_answered_once() {
    let mut bench = Bench::with(&[1]);
    let ask = |id| NetEvent::Received(ConnId(1), Frame::new(Kind::Request(CallId(id)), Message::new("?")));
    let request = Request::new(ConnId(1), CallId(5), Message::new("?"));
    assert_eq!(bench.net(ask(5)), [told(Event::Request(request))]);
    let answer = || Command::Answer(ConnId(1), CallId(5), Answer::Response(Message::new("!")));
    assert_eq!(bench.app(answer()).len(), 1);
    assert_eq!(bench.app(answer()), []);
    let id = bench.server.upcoming(ConnId(1)).unwrap();
    assert_eq!(bench.app(Command::Ask(ConnId(1), Message::new("and you?"))).len(), 1);
    let response = Frame::new(Kind::Response(id), Message::new("fine"));
    let said = bench.net(NetEvent::Received(ConnId(1), response));
    assert_eq!(said, [told(Event::Answered(ConnId(1), id, Answer::Response(Message::new("fine"))))]);
    bench.net(ask(6));
    let cancel = NetEvent::Received(ConnId(1), Frame::empty(Kind::Cancel(CallId(6))));
    assert_eq!(bench.net(cancel), [told(Event::Cancelled(ConnId(1), CallId(6)))]);
}

#[test]
fn whoever_asks_twice_with_one_number_is_cut_and_the_others_stay() {
    let mut bench = Bench::with(&[1, 2]);
    let ask = || NetEvent::Received(ConnId(1), Frame::new(Kind::Request(CallId(5)), Message::new("?")));
    bench.net(ask());
    let fault = Loss::Fault(PeerFault::CallReused { id: 5 });
    assert_eq!(bench.net(ask()), [close(1), told(Event::Left(ConnId(1), fault))]);
    assert!(bench.server.is_connected(ConnId(2)));
}

#[test]
fn what_waited_for_one_that_left_comes_back() {
    let mut bench = Bench::with(&[1]);
    bench.app(Command::Send(ConnId(1), Message::new(vec![0; CREDIT])));
    bench.app(Command::Send(ConnId(1), Message::new("waits").with_fds(vec![4])));
    let said = bench.net(NetEvent::Lost(ConnId(1), Loss::Errno(32)));
    let waits = Message::new("waits").with_fds(vec![4]);
    let back = Event::Returned(ConnId(1), SendId(2), waits, Refused::Gone);
    let cut = Event::Cut(ConnId(1), SendId(1));
    assert_eq!(said, [told(cut), told(back), told(Event::Left(ConnId(1), Loss::Errno(32)))]);
}

fn ask(id: u64, call: u64) -> NetEvent<u32> {
    NetEvent::Received(ConnId(id), Frame::new(Kind::Request(CallId(call)), Message::new("?")))
}

fn answer(id: u64, call: u64, body: Vec<u8>) -> Command<u32> {
    Command::Answer(ConnId(id), CallId(call), Answer::Response(Message::new(body)))
}

#[test]
fn whoever_asks_and_takes_no_answers_is_cut() {
    let mut bench = Bench::with(&[1, 2]);
    bench.app(Command::Send(ConnId(1), Message::new(vec![0; CREDIT])));
    for call in 1..=1024 {
        assert_eq!(bench.net(ask(1, call)).len(), 1);
        assert_eq!(bench.app(answer(1, call, vec![0; 10])), [], "it waits");
    }
    bench.net(NetEvent::Received(ConnId(1), Frame::empty(Kind::Cancel(CallId(7)))));
    assert_eq!(bench.net(ask(1, 2000)).len(), 1, "one that takes an answer back may ask again");
    let fault = Loss::Fault(PeerFault::TooManyCalls { limit: 1024 });
    let said = bench.net(ask(1, 2001));
    assert!(said.contains(&close(1)) && said.contains(&told(Event::Left(ConnId(1), fault))), "{said:?}");
    assert!(bench.server.is_connected(ConnId(2)));
}

#[test]
fn descriptors_of_answers_are_bounded_too() {
    let mut bench = Bench::with(&[1]);
    let mut undelivered = 0;
    for call in 1..=300 {
        bench.net(ask(1, call));
        let message = Message::new("!").with_fds(vec![7]);
        let said = bench.app(Command::Answer(ConnId(1), CallId(call), Answer::Response(message)));
        undelivered += said.iter().filter(|said| matches!(said, Output::App(Event::Undelivered(..)))).count();
    }
    assert_eq!(undelivered, 300 - 4 * 64);
}

#[test]
fn a_question_that_never_left_is_lost_with_its_connection() {
    let mut bench = Bench::with(&[1]);
    bench.app(Command::Ask(ConnId(1), Message::new("?")));
    let frame = Frame::new(Kind::Request(CallId(1)), Message::new("?"));
    bench.net(NetEvent::Refused(ConnId(1), SendId(1), frame, Refused::Gone));
    let said = bench.net(NetEvent::Lost(ConnId(1), Loss::Errno(104)));
    assert_eq!(said[0], told(Event::CallLost(ConnId(1), CallId(1))));
}

#[test]
fn an_answer_that_is_too_much_is_replaced_by_a_failure_that_says_so() {
    let options = ServerOptions { answers: 1000, ..ServerOptions::default() };
    let mut bench = Bench::with_options(options, &[1]);
    bench.net(ask(1, 1));
    bench.net(ask(1, 2));
    bench.app(answer(1, 1, vec![0; 5000]));
    let said = bench.app(answer(1, 2, vec![0; 10]));
    let [Output::Net(Action::Send(_, _, frame)), Output::App(Event::Undelivered(ConnId(1), CallId(2), _))] =
        &said[..]
    else {
        panic!("{said:?}")
    };
    assert_eq!(frame.kind, Kind::Failure(CallId(2)));
    assert!(frame.message.body.starts_with(b"the answer cannot be sent: the queue is full"));
}

#[test]
fn what_the_link_refuses_is_told_to_whoever_waits_for_it() {
    let mut bench = Bench::with(&[1]);
    bench.net(ask(1, 1));
    bench.app(answer(1, 1, vec![9; 9]));
    let frame = Frame::new(Kind::Response(CallId(1)), Message::new(vec![9; 9]));
    let why = Refused::Refusal(Limit::Message { length: 9, limit: 8 }.into());
    let said = bench.net(NetEvent::Refused(ConnId(1), SendId(1), frame, why));
    let sorry = "the answer cannot be sent: the body has 9 bytes, the other side takes 8";
    let sorry = Frame::new(Kind::Failure(CallId(1)), Message::new(sorry));
    let returned = Event::Undelivered(ConnId(1), CallId(1), why);
    assert_eq!(said, [Output::Net(Action::Send(ConnId(1), SendId(2), sorry)), told(returned)]);
    bench.app(Command::Ask(ConnId(1), Message::new(vec![9; 9])));
    let frame = Frame::new(Kind::Request(CallId(1)), Message::new(vec![9; 9]));
    let said = bench.net(NetEvent::Refused(ConnId(1), SendId(3), frame, why));
    assert_eq!(said, [told(Event::CallReturned(ConnId(1), CallId(1), Message::new(vec![9; 9]), why))]);
}
