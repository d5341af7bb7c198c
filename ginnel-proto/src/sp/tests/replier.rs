use super::*;
use crate::limits::Bound;

const NUMBER: u32 = 1 << 31 | 42;

fn one(rep: &mut Bench<Rep>) -> Request {
    let mut taken = rep.taken();
    assert_eq!(taken.len(), 1);
    taken.remove(0)
}

fn asked(rep: &mut Bench<Rep>, pipe: u64) -> Request {
    assert_eq!(rep.hears(pipe, words(&[NUMBER], b"q")), []);
    one(rep)
}

fn unanswerable(count: u64) -> Dropped {
    Dropped { unanswerable: count, ..Dropped::default() }
}

#[test]
fn an_answer_goes_back_the_way_that_the_question_came() {
    for hops in 0..8_u32 {
        let mut rep = Bench::<Rep>::plain(&[1, 2]);
        let way: Vec<u32> = (1..=hops).chain([NUMBER]).collect();
        rep.hears(2, words(&way, b"q"));
        let request = one(&mut rep);
        assert_eq!(
            (request.pipe(), request.trace().words(), &request.body[..]),
            (ConnId(2), &way[..], &b"q"[..])
        );
        let said = rep.order(Rep::reply(request, "a".into()));
        match way[..] {
            [number] => assert_eq!(said, [given_behind(number, 2, 1, "a")]),
            _ => assert_eq!(said, [given(2, 1, words(&way, b"a"))]),
        }
    }
}

#[test]
fn as_many_words_as_are_allowed_are_delivered_and_one_more_is_dropped() {
    for ttl in [1, 8, 15] {
        let mut rep = Bench::<Rep>::with(&Options { ttl, ..Options::default() }, &[1]);
        let way: Vec<u32> = (1..u32::from(ttl)).chain([NUMBER]).collect();
        rep.hears(1, words(&way, b"q"));
        assert_eq!(one(&mut rep).trace().words(), way);
        let longer: Vec<u32> = [7].into_iter().chain(way).collect();
        assert_eq!(rep.hears(1, words(&longer, b"q")), []);
        assert_eq!(rep.dropped(), Dropped { hops: 1, ..Dropped::default() });
        assert!(rep.taken().is_empty() && rep.is_attached(1));
    }
}

#[test]
fn a_header_that_does_not_end_closes_the_pipe() {
    for (body, bytes) in [(words(&[], b""), 0), (words(&[], b"\x80\0\0"), 3), (words(&[1, 2], b"abc"), 11)] {
        let mut rep = Bench::<Rep>::plain(&[1, 2]);
        assert_eq!(rep.hears(1, body), blamed(1, SpFault::ShortHeader { bytes }));
        assert_eq!(asked(&mut rep, 2).body, "q");
    }
}

#[test]
fn answers_go_in_any_order_and_each_to_whoever_asked() {
    let mut rep = Bench::<Rep>::plain(&[1, 2]);
    let (first, second) = (asked(&mut rep, 1), asked(&mut rep, 2));
    assert_eq!(rep.order(Rep::reply(second, "b".into())), [given_behind(NUMBER, 2, 1, "b")]);
    assert_eq!(rep.order(Rep::reply(first, "a".into())), [given_behind(NUMBER, 1, 1, "a")]);
}

#[test]
fn an_answer_whose_pipe_is_gone_is_counted() {
    let mut rep = Bench::<Rep>::plain(&[1, 2]);
    let request = asked(&mut rep, 1);
    rep.lost(1);
    assert_eq!(rep.order(Rep::reply(request, "a".into())), []);
    assert_eq!(rep.dropped(), unanswerable(1));
}

#[test]
fn answers_that_were_not_written_when_the_pipe_was_lost_are_counted_cut_or_not() {
    let mut rep = Bench::<Rep>::plain(&[1]);
    for way in [&[NUMBER][..], &[1, NUMBER], &[NUMBER], &[NUMBER]] {
        rep.hears(1, words(way, b"q"));
        let request = one(&mut rep);
        rep.order(Rep::reply(request, "a".into()));
    }
    rep.net(NetEvent::Sent(ConnId(1), SendId(1)));
    rep.gives_back(1, 4, words(&[NUMBER], b"a"));
    rep.lost(1);
    assert_eq!(rep.dropped(), unanswerable(3), "the first was sent, two were cut, one came back");
}

#[test]
fn a_question_stays_when_its_pipe_goes() {
    let mut rep = Bench::<Rep>::plain(&[1]);
    rep.hears(1, words(&[NUMBER], b"q"));
    rep.lost(1);
    assert_eq!(one(&mut rep).body, "q");
}

#[test]
fn one_who_does_not_read_answers_is_read_no_more_until_it_does() {
    let inbox = Bound { bytes: 100_000, messages: 2, fds: 0 };
    let mut rep = Bench::<Rep>::with(&Options { inbox, ..Options::default() }, &[1]);
    let (pause, resume) = (Output::Net(Action::Pause(ConnId(1))), Output::Net(Action::Resume(ConnId(1))));
    let requests: Vec<_> = (0..5).map(|_| asked(&mut rep, 1)).collect();
    let mut requests = requests.into_iter();
    let mut reply = |rep: &mut Bench<Rep>, body: Bytes| rep.order(Rep::reply(requests.next().unwrap(), body));
    assert_eq!(reply(&mut rep, large()).len(), 1, "the link has it");
    assert_eq!(reply(&mut rep, "1".into()), []);
    assert_eq!(reply(&mut rep, "2".into()), []);
    assert_eq!(reply(&mut rep, "3".into()), [pause], "three wait, two may");
    assert_eq!(reply(&mut rep, "4".into()), [], "it is paused already");
    let said = rep.writes(1, 1);
    assert_eq!(said.len(), 5);
    assert_eq!(said[4], resume, "everything is with the link");
    assert_eq!(rep.writes(1, 5), [], "it was resumed already");
}

#[test]
fn one_whose_answers_are_too_large_is_read_no_more_either() {
    let inbox = Bound { bytes: 9, messages: 9, fds: 0 };
    let mut rep = Bench::<Rep>::with(&Options { inbox, ..Options::default() }, &[1]);
    let (first, second) = (asked(&mut rep, 1), asked(&mut rep, 1));
    assert_eq!(rep.order(Rep::reply(first, large())).len(), 1, "the link has it");
    let said = rep.order(Rep::reply(second, "0123456789".into()));
    assert_eq!(said, [Output::Net(Action::Pause(ConnId(1)))]);
    let said = rep.writes(1, 1);
    assert_eq!(said[1..], [Output::Net(Action::Resume(ConnId(1)))]);
}

#[test]
fn a_full_inbox_is_told() {
    let inbox = Bound { bytes: 1 << 20, messages: 2, fds: 0 };
    let mut rep = Bench::<Rep>::with(&Options { inbox, ..Options::default() }, &[1]);
    for room in [true, true, false] {
        assert_eq!(rep.socket.pattern().has_room(), room);
        rep.hears(1, words(&[NUMBER], b"q"));
    }
    rep.taken();
    assert!(rep.socket.pattern().has_room());
}

#[test]
fn a_respondent_answers_as_a_rep_does() {
    assert_eq!((Rep::END, Respondent::END), (Protocol::Rep, Protocol::Respondent));
    let mut respondent = Bench::<Respondent>::plain(&[1]);
    respondent.hears(1, words(&[NUMBER], b"q"));
    let request = respondent.taken().remove(0);
    assert_eq!(respondent.order(Respondent::reply(request, "a".into())), [given_behind(NUMBER, 1, 1, "a")]);
}

#[test]
fn an_answer_for_a_pipe_that_is_gone_goes_to_nobody_else() {
    let mut front = Bench::<RawRep>::plain(&[1]);
    front.hears(1, words(&[NUMBER], b"q"));
    let mut passing = front.socket.pattern_mut().fetch().expect("a question");
    front.lost(1);
    front.accepted(2);
    passing.body = words(&[NUMBER], b"a");
    assert_eq!(front.order(passing), []);
    assert_eq!(front.dropped(), unanswerable(1));
}
