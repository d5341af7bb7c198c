use std::time::{Duration, Instant};

use super::*;
use crate::Wire;
use crate::link::{Misuse, Refusal};

/// Two ends whose bytes are carried by hand.
struct Ends {
    near: Session<u32>,
    far: Session<u32>,
}

impl Ends {
    fn new(options: &SessionOptions) -> Self {
        Self { near: Session::new(options), far: Session::new(options) }
    }

    fn carry(&mut self) {
        let Self { near, far } = self;
        for _ in 0..3 {
            pass(near, far);
            pass(far, near);
        }
    }
}

fn pass(from: &mut Session<u32>, to: &mut Session<u32>) {
    while let Some(transmit) = from.line.link().transmit() {
        let bytes: Vec<u8> = transmit.slices().iter().flat_map(|slice| slice.to_vec()).collect();
        let fds = transmit.fds().to_vec();
        to.line.received(&bytes, fds);
        from.line.link().transmitted(bytes.len());
    }
}

fn request(next: Next<u32>) -> Request<u32> {
    match next {
        Next::Delivery(Delivery::Request(request)) => request,
        other => panic!("{other:?} is no request"),
    }
}

fn text(body: &'static str) -> Message<u32> {
    Message::new(body)
}

#[test]
fn a_question_finds_its_answer_whatever_came_between() {
    let mut ends = Ends::new(&SessionOptions::default());
    let one = ends.near.ask(text("one")).unwrap();
    let two = ends.near.ask(text("two").with_fds(vec![7])).unwrap();
    ends.carry();
    let first = request(ends.far.poll_next().unwrap());
    let second = request(ends.far.poll_next().unwrap());
    assert_eq!(second.message, text("two").with_fds(vec![7]));
    ends.far.answer(second.id, Answer::Response(text("2"))).unwrap();
    ends.far.push(text("between")).unwrap();
    ends.far.answer(first.id, Answer::Failure(text("no"))).unwrap();
    ends.carry();
    ends.near.gather().unwrap();
    assert_eq!(ends.near.take_answer(one), Some(Answer::Failure(text("no"))));
    assert_eq!(ends.near.take_answer(two), Some(Answer::Response(text("2"))));
    assert_eq!(ends.near.poll_next(), Ok(Next::Delivery(Delivery::Message(text("between")))));
    assert_eq!(ends.near.poll_next(), Ok(Next::Pending));
}

#[test]
fn a_cancelled_question_is_withdrawn_or_told_and_its_answer_dropped() {
    let mut ends = Ends::new(&SessionOptions::default());
    let given = ends.near.ask(text("given out")).unwrap();
    ends.carry();
    let served = request(ends.far.poll_next().unwrap());
    let kept = ends.near.ask(text("still in the inbox")).unwrap();
    ends.carry();
    ends.far.gather().unwrap();
    ends.near.forget(given);
    ends.near.forget(kept);
    ends.carry();
    ends.far.gather().unwrap();
    assert_eq!(ends.far.poll_next(), Ok(Next::Delivery(Delivery::Cancelled(served.id))));
    assert_eq!(ends.far.poll_next(), Ok(Next::Pending), "the other one was withdrawn unseen");
    ends.far.answer(served.id, Answer::Response(text("late"))).unwrap();
    ends.carry();
    ends.near.gather().unwrap();
    assert_eq!(ends.near.take_answer(given), None);
}

#[test]
fn a_full_inbox_stops_gathering_and_loses_nothing() {
    let inbox = Bound { messages: 3, ..Bound::CONNECTION };
    let mut ends = Ends::new(&SessionOptions { inbox, ..SessionOptions::default() });
    for _ in 0..10 {
        ends.near.push(text("x")).unwrap();
    }
    ends.carry();
    assert_eq!(ends.far.gather(), Err(Gathered::Full(Limit::Inbox { bytes: 3, messages: 3 })));
    assert_eq!(ends.far.gather(), Err(Gathered::Full(Limit::Inbox { bytes: 3, messages: 3 })));
    for _ in 0..10 {
        assert_eq!(ends.far.poll_next(), Ok(Next::Delivery(Delivery::Message(text("x")))));
    }
    assert_eq!(ends.far.poll_next(), Ok(Next::Pending));
}

#[test]
fn too_many_requests_are_refused_and_the_number_is_free_again() {
    let mut ends = Ends::new(&SessionOptions::default());
    let ids: Vec<_> = (0..1024).map(|_| ends.near.ask(text("")).unwrap()).collect();
    let refused = ends.near.ask(text("kept")).unwrap_err();
    assert_eq!(refused.refusal, Limit::Calls { pending: 1024 }.into());
    assert_eq!(refused.into_message(), text("kept"));
    ends.near.forget(ids[0]);
    assert!(ends.near.ask(text("")).unwrap_err().refusal.passes(), "only the queue is full now");
}

#[test]
fn a_goodbye_ends_the_other_side_after_what_came_before() {
    let mut ends = Ends::new(&SessionOptions::default());
    ends.near.push(text("last")).unwrap();
    ends.near.line.goodbye();
    ends.carry();
    assert!(!ends.far.said_goodbye());
    assert_eq!(ends.far.poll_next(), Ok(Next::Delivery(Delivery::Message(text("last")))));
    assert_eq!(ends.far.poll_next(), Ok(Next::Ended));
    assert!(ends.far.said_goodbye());
    assert_eq!(ends.near.push(text("more")).unwrap_err().refusal, Refusal::Misuse(Misuse::Closing));
}

#[test]
fn an_end_between_frames_is_an_end_and_inside_one_a_fault() {
    let mut ends = Ends::new(&SessionOptions::default());
    ends.near.push(text("whole")).unwrap();
    ends.carry();
    ends.far.line.ended();
    assert!(matches!(ends.far.poll_next(), Ok(Next::Delivery(_))));
    assert_eq!(ends.far.poll_next(), Ok(Next::Ended));
    let mut ends = Ends::new(&SessionOptions::default());
    ends.carry();
    ends.far.line.received(&[9, 0, 0], Vec::new());
    ends.far.line.ended();
    assert_eq!(ends.far.poll_next(), Err(PeerFault::CutShort { bytes: 3 }));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test begins at some moment")]
fn a_ping_is_answered_and_a_silent_peer_is_found() {
    let patience = Patience { ping: Some(Duration::from_secs(1)), ..Patience::default() };
    let mut ends = Ends::new(&SessionOptions { patience, ..SessionOptions::default() });
    ends.carry();
    ends.near.gather().unwrap();
    ends.far.gather().unwrap();
    let start = Instant::now();
    let second = Duration::from_secs(1);
    assert_eq!(ends.near.line.look(start), Ok(Some(start + second)));
    assert_eq!(ends.near.line.look(start + second), Ok(Some(start + 2 * second)));
    pass(&mut ends.near, &mut ends.far);
    ends.far.gather().unwrap();
    pass(&mut ends.far, &mut ends.near);
    ends.near.gather().unwrap();
    assert_eq!(
        ends.near.line.look(start + second),
        Ok(Some(start + 2 * second)),
        "it answered at this moment"
    );
    assert!(ends.near.line.look(start + 2 * second).is_ok());
    assert_eq!(ends.near.line.look(start + 3 * second), Err(PeerFault::Unresponsive));
}

#[test]
fn requests_that_nobody_serves_are_refused_so_that_nobody_waits() {
    let mut ends = Ends::new(&SessionOptions::default());
    let id = ends.near.ask(text("hello?")).unwrap();
    ends.carry();
    let asked = request(ends.far.poll_next().unwrap());
    ends.far.refuse(asked.id);
    ends.carry();
    ends.near.gather().unwrap();
    assert_eq!(ends.near.take_answer(id), Some(Answer::not_served()));
}

#[test]
fn calls_exist_on_the_native_wire_only() {
    let link = LinkOptions { wire: Wire::Lines, ..LinkOptions::default() };
    let mut ends = Ends::new(&SessionOptions { link, ..SessionOptions::default() });
    let refused = ends.near.ask(text("?")).unwrap_err();
    assert_eq!(refused.refusal, Misuse::NoCalls.into());
    ends.near.line.goodbye();
    assert!(ends.near.line().outbound().is_empty());
}

#[test]
fn asking_twice_with_one_number_or_too_often_is_the_askers_fault() {
    let ask = |far: &mut Session<u32>, id: u64| {
        let frame = [&8u32.to_le_bytes()[..], &[2, 0, 0, 0], &id.to_le_bytes()].concat();
        far.line.received(&frame, Vec::new());
    };
    let mut ends = Ends::new(&SessionOptions::default());
    ends.carry();
    ask(&mut ends.far, 5);
    ask(&mut ends.far, 5);
    assert_eq!(request(ends.far.poll_next().unwrap()).id, CallId(5));
    for _ in 0..2 {
        assert_eq!(ends.far.poll_next(), Err(PeerFault::CallReused { id: 5 }), "the fault stays");
    }
    let mut ends = Ends::new(&SessionOptions::default());
    ends.carry();
    (0..1025).for_each(|id| ask(&mut ends.far, id));
    for id in 0..1024 {
        assert_eq!(request(ends.far.poll_next().unwrap()).id, CallId(id));
    }
    assert_eq!(ends.far.poll_next(), Err(PeerFault::TooManyCalls { limit: 1024 }));
}
