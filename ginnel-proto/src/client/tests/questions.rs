//! Questions and answers, ours and theirs.

use super::*;

#[test]
fn a_question_finds_its_answer_and_a_lost_one_is_told() {
    let mut bench = Bench::in_state("connected");
    let (one, two) = (bench.client.upcoming(), CallId(bench.client.upcoming().0 + 1));
    bench.app(Command::Ask(Message::new("1")));
    bench.app(Command::Ask(Message::new("2")));
    bench.net(NetEvent::Sent(ConnId(1), SendId(2)));
    let response = || Frame::new(Kind::Response(one), Message::new("!"));
    let said = bench.net(NetEvent::Received(ConnId(1), response()));
    assert_eq!(said, [Output::App(Event::Answered(one, Answer::Response(Message::new("!"))))]);
    assert_eq!(bench.net(NetEvent::Received(ConnId(1), response())), [], "only once");
    let said = bench.net(NetEvent::Lost(ConnId(1), Loss::Closed { goodbye: false }));
    assert_eq!(said[0], Output::App(Event::CallLost(two)));
}

#[test]
fn a_question_that_was_not_handed_over_goes_on() {
    let mut bench = Bench::in_state("reconnecting");
    let id = bench.client.upcoming();
    bench.app(Command::Ask(Message::new("?")));
    bench.now += SECOND;
    bench.say(Input::Timeout);
    let said = bench.net(NetEvent::Connected(ConnId(2), None));
    let question = Frame::new(Kind::Request(id), Message::new("?"));
    assert_eq!(said[1], Output::Net(Action::Send(ConnId(2), SendId(1), question)));
}

#[test]
fn a_forgotten_question_is_withdrawn_or_cancelled() {
    let mut bench = Bench::in_state("reconnecting");
    bench.app(Command::Ask(Message::new("?")));
    assert_eq!(bench.app(Command::Forget(CallId(1))), []);
    assert_eq!(bench.client.unsent(), Load::default(), "it never leaves");
    let mut bench = Bench::in_state("connected");
    bench.app(Command::Ask(Message::new("?")));
    let cancel = Frame::empty(Kind::Cancel(CallId(1)));
    assert_eq!(
        bench.app(Command::Forget(CallId(1))),
        [Output::Net(Action::Send(ConnId(1), SendId(2), cancel))]
    );
}

#[test]
fn an_answer_goes_to_the_connection_that_asked_or_nowhere() {
    let mut bench = Bench::in_state("connected");
    let ask = |id| Frame::new(Kind::Request(CallId(id)), Message::new("?"));
    let said = bench.net(NetEvent::Received(ConnId(1), ask(5)));
    assert_eq!(said, [Output::App(Event::Request(Request::new(ConnId(1), CallId(5), Message::new("?"))))]);
    let answer = || Answer::Response(Message::new("!"));
    assert_eq!(bench.app(Command::Answer(ConnId(1), CallId(5), answer())).len(), 1);
    assert_eq!(bench.app(Command::Answer(ConnId(1), CallId(5), answer())), [], "once");
    bench.net(NetEvent::Received(ConnId(1), ask(6)));
    bench.net(NetEvent::Lost(ConnId(1), Loss::Errno(104)));
    bench.now += SECOND;
    bench.say(Input::Timeout);
    bench.net(NetEvent::Connected(ConnId(2), None));
    bench.net(NetEvent::Received(ConnId(2), ask(6)));
    assert_eq!(bench.app(Command::Answer(ConnId(1), CallId(6), answer())), [], "that connection is gone");
}

#[test]
fn whoever_asks_twice_with_one_number_is_left_and_the_client_comes_back() {
    let mut bench = Bench::in_state("connected");
    let ask = || NetEvent::Received(ConnId(1), Frame::new(Kind::Request(CallId(5)), Message::new("?")));
    bench.net(ask());
    let said = bench.net(ask());
    assert_eq!(said[0], close(1));
    assert!(matches!(bench.client.status(), Status::Reconnecting { attempt: 0, .. }));
}

#[test]
fn an_answer_never_goes_over_another_connection() {
    let mut bench = Bench::in_state("connected");
    bench.app(Command::Send(Message::new(vec![0; CREDIT])));
    bench.net(NetEvent::Received(ConnId(1), Frame::new(Kind::Request(CallId(1)), Message::new("?"))));
    bench.app(Command::Answer(ConnId(1), CallId(1), Answer::Response(Message::new("stale"))));
    bench.app(Command::Send(Message::new("kept")));
    bench.net(NetEvent::Lost(ConnId(1), Loss::Errno(104)));
    assert_eq!(bench.client.unsent().messages, 1);
    bench.now += SECOND;
    bench.say(Input::Timeout);
    let said = bench.net(NetEvent::Connected(ConnId(2), None));
    assert_eq!(said[1..], [send(2, 3, "kept")]);
}

#[test]
fn whoever_asks_and_takes_no_answers_is_left() {
    let mut bench = Bench::in_state("connected");
    bench.app(Command::Send(Message::new(vec![0; CREDIT])));
    let ask = |id| NetEvent::Received(ConnId(1), Frame::new(Kind::Request(CallId(id)), Message::new("?")));
    for id in 1..=1024 {
        assert_eq!(bench.net(ask(id)).len(), 1);
        bench.app(Command::Answer(ConnId(1), CallId(id), Answer::Response(Message::new("!"))));
    }
    // One that takes an answer back may ask again.
    bench.net(NetEvent::Received(ConnId(1), Frame::empty(Kind::Cancel(CallId(7)))));
    assert_eq!(bench.net(ask(2000)).len(), 1);
    assert_eq!(bench.net(ask(2001))[0], close(1));
}
