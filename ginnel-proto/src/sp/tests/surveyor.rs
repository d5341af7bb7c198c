use super::*;

fn surveyor(pipes: &[u64]) -> Bench<Surveyor> {
    let options = Options { send_queue: Some(2), receive_queue: Some(2), ..Options::default() };
    Bench::with(&options, pipes)
}

#[test]
fn everybody_is_asked_and_all_answers_are_heard_until_the_survey_is_over() {
    let mut bench = surveyor(&[1, 2]);
    let (id, said) = bench.ask("q");
    assert_eq!(said, [given_behind(id.0, 1, 1, "q"), given_behind(id.0, 2, 1, "q")]);
    assert!(!bench.socket.pattern().has_answer(id));
    bench.hears(2, words(&[id.0], b"b"));
    bench.hears(1, words(&[id.0], b"a"));
    assert_eq!(
        (bench.answered(id), bench.answered(id), bench.answered(id)),
        (answer("b"), answer("a"), None)
    );
    assert_eq!(bench.socket.deadline(), Some(bench.now + SECOND));
    assert_eq!(bench.after(SECOND), []);
    assert!(bench.socket.pattern().has_answer(id));
    assert_eq!(bench.answered(id), Some(Answered::Over));
    assert_eq!(bench.socket.deadline(), None);
}

#[test]
fn what_was_heard_in_time_is_there_when_the_survey_is_over() {
    let mut bench = surveyor(&[1]);
    let (id, _) = bench.ask("q");
    bench.hears(1, words(&[id.0], b"a"));
    bench.after(SECOND);
    assert_eq!((bench.answered(id), bench.answered(id)), (answer("a"), Some(Answered::Over)));
}

#[test]
fn late_answers_and_those_that_nobody_wants_are_counted() {
    let mut bench = surveyor(&[1]);
    let (over, _) = bench.ask("q");
    bench.after(SECOND);
    let (forgotten, _) = bench.ask("q");
    bench.order(AskCommand::Forget(forgotten));
    assert_eq!(bench.socket.deadline(), None);
    for id in [over, forgotten, AskId(7)] {
        assert_eq!(bench.hears(1, words(&[id.0], b"late")), []);
    }
    assert_eq!(bench.dropped(), Dropped { unwanted: 3, ..Dropped::default() });
    assert_eq!(bench.answered(over), Some(Answered::Over));
    assert!(bench.is_attached(1));
}

#[test]
fn several_surveys_are_open_at_once_and_end_each_in_its_time() {
    let mut bench = surveyor(&[1]);
    let (a, _) = bench.ask("a");
    bench.after(SECOND / 2);
    let (b, _) = bench.ask("b");
    bench.after(SECOND / 2);
    assert_eq!((bench.answered(a), bench.answered(b)), (Some(Answered::Over), None));
    bench.hears(1, words(&[b.0], b"to b"));
    bench.after(SECOND / 2);
    assert_eq!((bench.answered(b), bench.answered(b)), (answer("to b"), Some(Answered::Over)));
}

#[test]
fn answers_that_come_too_fast_are_dropped_and_counted_survey_by_survey() {
    let mut bench = surveyor(&[1]);
    let ((a, _), (b, _)) = (bench.ask("a"), bench.ask("b"));
    for _ in 0..3 {
        bench.hears(1, words(&[a.0], b"x"));
    }
    bench.hears(1, words(&[b.0], b"y"));
    assert_eq!(bench.dropped(), Dropped { unreceived: 1, ..Dropped::default() });
    assert_eq!(bench.answered(b), answer("y"));
}

#[test]
fn whoever_is_behind_misses_the_newest_surveys() {
    let mut bench = surveyor(&[1]);
    bench.order(AskCommand::Ask(large()));
    for dropped in [0, 0, 1, 2] {
        assert_eq!(bench.ask("q").1, []);
        assert_eq!(bench.dropped(), Dropped { unsent: dropped, ..Dropped::default() });
    }
    assert_eq!(bench.writes(1, 1).len(), 2);
}

#[test]
fn surveys_that_one_had_who_is_lost_are_counted_cut_or_not() {
    let mut bench = surveyor(&[1]);
    let (id, _) = bench.ask("sent");
    bench.ask("cut");
    bench.ask("back");
    bench.net(NetEvent::Sent(ConnId(1), SendId(1)));
    bench.gives_back(1, 3, words(&[id.0], b"back"));
    bench.lost(1);
    assert_eq!(bench.dropped(), Dropped { unsent: 2, ..Dropped::default() });
}

#[test]
fn what_ends_inside_its_header_closes_the_pipe() {
    let mut bench = surveyor(&[1, 2]);
    assert_eq!(bench.hears(1, "abc"), blamed(1, SpFault::ShortHeader { bytes: 3 }));
    let (id, _) = bench.ask("q");
    bench.hears(2, words(&[id.0], b"a"));
    assert_eq!(bench.answered(id), answer("a"));
}

#[test]
fn a_survey_without_anybody_ends_in_its_time() {
    let mut bench = surveyor(&[]);
    let (id, said) = bench.ask("q");
    assert_eq!((said, bench.answered(id)), (vec![], None));
    bench.after(SECOND);
    assert_eq!(bench.answered(id), Some(Answered::Over));
}

#[test]
fn a_survey_for_ever_is_not_over_at_once() {
    let options = Options { survey: Duration::MAX, ..Options::default() };
    let mut bench = Bench::<Surveyor>::with(&options, &[1]);
    let (id, _) = bench.ask("q");
    bench.after(SECOND * 1000);
    assert_eq!(bench.answered(id), None);
    bench.hears(1, words(&[id.0], b"a"));
    assert_eq!((bench.answered(id), bench.dropped()), (answer("a"), Dropped::default()));
}
