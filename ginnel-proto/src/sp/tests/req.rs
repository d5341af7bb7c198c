use super::*;

const RESEND: Duration = Duration::from_secs(60);

fn unwanted(count: u64) -> Dropped {
    Dropped { unwanted: count, ..Dropped::default() }
}

fn never_again() -> Options {
    Options { resend: None, ..Options::default() }
}

#[test]
fn those_who_answer_are_asked_in_turn() {
    let mut req = Bench::<Req>::plain(&[1, 2]);
    for (pipe, send) in [(1, 1), (2, 1), (1, 2)] {
        let (id, said) = req.ask("q");
        assert_eq!(said, [given_behind(id.0, pipe, send, "q")]);
        assert_ne!(id.0 >> 31, 0, "the topmost bit is set");
    }
}

#[test]
fn each_answer_is_of_its_own_question_in_whatever_order() {
    let mut req = Bench::<Req>::plain(&[1, 2]);
    let ((a, _), (b, _)) = (req.ask("a"), req.ask("b"));
    assert_eq!(req.answered(a), None);
    assert_eq!(req.hears(2, words(&[b.0], b"to b")), []);
    assert_eq!(req.hears(1, words(&[a.0], b"to a")), []);
    assert_eq!((req.answered(a), req.answered(b)), (answer("to a"), answer("to b")));
    assert_eq!((req.answered(a), req.answered(b)), (None, None), "once");
    assert_eq!(req.socket.deadline(), None);
}

#[test]
fn when_the_pipe_is_lost_another_is_asked_at_once_under_the_same_number() {
    let mut req = Bench::<Req>::plain(&[1, 2]);
    let (id, _) = req.ask("q");
    assert_eq!(req.lost(1), [detached(1, Gone::There), given_behind(id.0, 2, 1, "q")]);
    assert_eq!(req.dropped(), Dropped::default(), "what was cut is asked again");
    req.hears(2, words(&[id.0], b"yo"));
    assert_eq!(req.answered(id), answer("yo"));
}

#[test]
fn without_another_pipe_it_waits_for_one() {
    let mut req = Bench::<Req>::plain(&[1]);
    let (id, _) = req.ask("q");
    req.gives_back(1, 1, words(&[id.0], b"q"));
    assert_eq!(req.lost(1), [detached(1, Gone::There)]);
    assert_eq!(req.accepted(2), [attached(2), given_behind(id.0, 2, 1, "q")]);
}

#[test]
fn a_pipe_that_is_closed_here_counts_as_lost() {
    let mut req = Bench::<Req>::plain(&[1, 2]);
    let (id, _) = req.ask("q");
    let said = req.app(Command::Close(ConnId(1)));
    assert_eq!(said, [close(1), detached(1, Gone::Here), given_behind(id.0, 2, 1, "q")]);
}

#[test]
fn if_nobody_answers_for_long_it_is_asked_again_under_the_same_number() {
    let mut req = Bench::<Req>::plain(&[1, 2]);
    let (id, _) = req.ask("q");
    assert_eq!(req.socket.deadline(), Some(req.now + RESEND));
    assert_eq!(req.after(RESEND - SECOND), []);
    assert_eq!(req.after(SECOND), [given_behind(id.0, 2, 1, "q")]);
    assert_eq!(req.socket.deadline(), Some(req.now + RESEND));
    req.hears(1, words(&[id.0], b"late, and good"));
    assert_eq!(req.answered(id), answer("late, and good"));
    req.hears(2, words(&[id.0], b"the second"));
    assert_eq!((req.answered(id), req.dropped()), (None, unwanted(1)));
}

#[test]
fn told_never_to_ask_again_it_does_not_and_the_question_is_lost_with_its_pipe() {
    let mut req = Bench::<Req>::with(&never_again(), &[1, 2]);
    let (id, _) = req.ask("q");
    assert_eq!(req.socket.deadline(), None);
    assert_eq!(req.lost(1), [detached(1, Gone::There)]);
    assert!(req.socket.pattern().has_answer(id));
    assert_eq!(req.answered(id), Some(Answered::Lost));
    assert_eq!(req.answered(id), None, "once");
    assert_eq!(req.dropped(), Dropped::default(), "whoever asked was told");
}

#[test]
fn told_never_to_ask_again_it_still_waits_for_the_first_pipe() {
    let mut req = Bench::<Req>::with(&never_again(), &[]);
    let (id, said) = req.ask("q");
    assert_eq!(said, []);
    assert_eq!(req.accepted(1), [attached(1), given_behind(id.0, 1, 1, "q")]);
}

#[test]
fn an_answer_to_what_nobody_asked_is_counted() {
    let mut req = Bench::<Req>::plain(&[1]);
    let (id, _) = req.ask("q");
    assert_eq!(req.hears(1, words(&[id.0 ^ 1], b"x")), []);
    assert_eq!(req.hears(1, words(&[7], b"no number at all")), []);
    assert_eq!(req.dropped(), unwanted(2));
    assert_eq!(req.answered(id), None);
    assert!(req.is_attached(1));
}

#[test]
fn what_ends_inside_its_header_closes_the_pipe_and_the_question_goes_elsewhere() {
    for bytes in 0..4 {
        let mut req = Bench::<Req>::plain(&[1, 2]);
        let (id, _) = req.ask("q");
        let said = req.hears(1, vec![0x80; bytes]);
        assert_eq!(said[..2], blamed(1, SpFault::ShortHeader { bytes }));
        assert_eq!(said[2..], [given_behind(id.0, 2, 1, "q")]);
    }
}

#[test]
fn what_was_forgotten_is_neither_asked_again_nor_answered() {
    let mut req = Bench::<Req>::plain(&[1, 2]);
    let (id, _) = req.ask("q");
    assert_eq!(req.order(AskCommand::Forget(id)), []);
    assert_eq!(req.socket.deadline(), None);
    assert!(req.socket.pattern().has_answer(id), "nobody need wait for it");
    req.hears(1, words(&[id.0], b"late"));
    assert_eq!((req.answered(id), req.dropped()), (None, unwanted(1)));
    assert_eq!(req.lost(1), [detached(1, Gone::There)]);
}

#[test]
fn an_answer_and_a_loss_can_be_forgotten_too() {
    let mut req = Bench::<Req>::with(&never_again(), &[1, 2]);
    let ((a, _), (b, _)) = (req.ask("a"), req.ask("b"));
    req.hears(1, words(&[a.0], b"x"));
    req.lost(2);
    for id in [a, b] {
        assert_eq!(req.order(AskCommand::Forget(id)), []);
        assert_eq!(req.answered(id), None);
    }
}

#[test]
fn one_who_is_behind_is_not_asked_and_what_waits_goes_first() {
    let mut req = Bench::<Req>::plain(&[1]);
    let (first, _) = req.ask("first");
    req.order(AskCommand::Ask(large()));
    let (third, said) = req.ask("third");
    assert_eq!(said, []);
    assert_eq!(req.accepted(2), [attached(2), given_behind(third.0, 2, 1, "third")]);
    req.hears(1, words(&[first.0], b"x"));
    assert_eq!(req.answered(first), answer("x"));
}

#[test]
fn an_answer_that_comes_while_it_waits_to_be_asked_again_is_good() {
    let mut req = Bench::<Req>::plain(&[1]);
    let (id, _) = req.ask("q");
    req.order(AskCommand::Ask(large()));
    assert_eq!(req.after(RESEND), [], "nobody takes it now");
    req.hears(1, words(&[id.0], b"after all"));
    assert_eq!(req.answered(id), answer("after all"));
    let said = req.writes(1, 2);
    assert_eq!(said.len(), 1, "the other one only is asked again: {said:?}");
}

#[test]
fn as_many_may_be_open_as_it_was_told_until_somebody_takes_the_answer() {
    let mut req = Bench::<Req>::with(&Options { asks: 2, ..Options::default() }, &[1]);
    let takes = |req: &Bench<Req>| req.socket.pattern().takes(req.socket.pipes());
    let (id, _) = req.ask("a");
    assert!(takes(&req));
    req.ask("b");
    assert!(!takes(&req));
    req.hears(1, words(&[id.0], b"x"));
    assert!(!takes(&req));
    req.answered(id);
    assert!(takes(&req));
}

#[test]
fn numbers_begin_somewhere_rise_by_one_and_come_round_with_the_topmost_bit_set() {
    let mut req = Bench::<Req>::plain(&[]);
    let (a, _) = req.ask("a");
    let (b, _) = req.ask("b");
    assert_eq!(b.0, (a.0 + 1) | 1 << 31);
    assert_eq!(AskId(u32::MAX).next(), AskId(1 << 31));
    let other = Bench::<Req>::new(&Options { seed: 1, ..Options::default() });
    assert_ne!(other.socket.pattern().upcoming(), a);
}
