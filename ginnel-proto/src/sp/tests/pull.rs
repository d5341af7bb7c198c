use super::*;
use crate::limits::Bound;

#[test]
fn work_is_taken_from_all_in_the_order_in_which_it_came() {
    let mut pull = Bench::<Pull>::plain(&[1, 2]);
    for (pipe, body) in [(2, "a"), (1, "b"), (2, "c"), (1, "")] {
        assert_eq!(pull.hears(pipe, body), []);
        assert!(pull.socket.pattern().has_arrived());
    }
    assert_eq!(pull.taken(), ["a", "b", "c", ""]);
    assert!(!pull.socket.pattern().has_arrived());
}

#[test]
fn what_has_come_stays_when_its_pipe_goes_and_what_comes_later_is_not_heard() {
    let mut pull = Bench::<Pull>::plain(&[1]);
    pull.hears(1, "before");
    pull.app(Command::Close(ConnId(1)));
    pull.hears(1, "after");
    assert_eq!(pull.taken(), ["before"]);
    assert_eq!(pull.dropped(), Dropped::default(), "nobody has promised to hear it");
}

#[test]
fn a_full_inbox_is_told_and_takes_what_was_read_already() {
    let inbox = Bound { bytes: 10, messages: 3, fds: 0 };
    for (bodies, taken) in [(["1", "2", "3"], 1), (["12345678", "9", "0"], 1)] {
        let mut pull = Bench::<Pull>::with(&Options { inbox, ..Options::default() }, &[1]);
        for body in bodies {
            assert!(pull.socket.pattern().has_room());
            pull.hears(1, body);
        }
        assert!(!pull.socket.pattern().has_room(), "{bodies:?}");
        pull.hears(1, "more");
        for _ in 0..=taken {
            pull.socket.pattern_mut().receive().expect("it has arrived");
        }
        assert!(pull.socket.pattern().has_room());
    }
}
