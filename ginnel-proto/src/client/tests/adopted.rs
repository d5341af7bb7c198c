//! A client of a connection that stands already.

use super::*;

const fn open(held: Load) -> Adopted {
    Adopted::Open(held)
}

#[test]
fn an_adopted_connection_stands_at_once_and_does_not_come_back() {
    let mut bench = Bench::in_state("disconnected");
    bench.client =
        Client::adopted(ConnId(0), Calls::default(), open(Load::default()), ClientOptions::default());
    assert_eq!(bench.client.status(), Status::Connected);
    assert_eq!(bench.app(Command::Send(Message::new("x"))), [send(0, 1, "x")]);
    let said = bench.net(NetEvent::Lost(ConnId(0), Loss::Closed { goodbye: true }));
    assert_eq!(said, [Output::App(Event::Cut(SendId(1))), stopped(Reason::Closed)]);
    assert_eq!(bench.app(Command::Connect), [], "there is nowhere to connect to");
    assert_eq!(bench.client.status(), Status::Disconnected { reason: Reason::Closed });
}

#[test]
fn what_an_adopted_connection_holds_goes_first_and_is_waited_for() {
    let mut bench = Bench::in_state("disconnected");
    let held = Load { bytes: 10, messages: 1, fds: 0 };
    bench.client = Client::adopted(ConnId(0), Calls::default(), open(held), ClientOptions::default());
    assert_eq!(bench.app(Command::Send(Message::new("x"))), [], "the link is not empty");
    assert_eq!(bench.client.first_unsent(), Some(SendId(0)));
    bench.net(NetEvent::Sent(ConnId(0), SendId(0)));
    assert_eq!(bench.client.first_unsent(), Some(SendId(1)));
    assert_eq!(bench.net(NetEvent::Room(ConnId(0))), [send(0, 1, "x")]);
}

#[test]
fn one_that_has_not_greeted_is_adopted_too() {
    let mut bench = Bench::in_state("disconnected");
    let calls = Calls::default();
    bench.client =
        Client::adopted(ConnId(0), calls, Adopted::Opening(Load::default()), ClientOptions::default());
    assert_eq!(bench.app(Command::Send(Message::new("x"))), []);
    let said = bench.net(NetEvent::Connected(ConnId(0), None));
    assert_eq!(said, [status(Status::Connected), send(0, 1, "x")]);
    let calls = Calls::default();
    bench.client =
        Client::adopted(ConnId(0), calls, Adopted::Opening(Load::default()), ClientOptions::default());
    let said = bench.net(NetEvent::ConnectFailed(ConnId(0), Failure::Closed));
    assert_eq!(said, [stopped(Reason::Closed)]);
}

#[test]
fn what_an_adopted_connection_held_comes_back_also_before_it_is_greeted() {
    let mut bench = Bench::in_state("disconnected");
    let calls = Calls::default();
    let held = Load { bytes: 10, messages: 2, fds: 1 };
    bench.client = Client::adopted(ConnId(0), calls, Adopted::Opening(held), ClientOptions::default());
    let message = || Message::new("x").with_fds(vec![7]);
    let refused = NetEvent::Refused(ConnId(0), SendId(0), message().into(), Refused::Descriptors);
    let returned = Event::Returned(SendId(0), message(), Refused::Descriptors);
    assert_eq!(bench.net(refused), [Output::App(returned)]);
    assert_eq!(bench.client.first_unsent(), Some(SendId(0)), "the rest is still there");
}
