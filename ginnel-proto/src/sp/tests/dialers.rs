use super::*;
use crate::Address;

type Dialling = Bench<Bus>;

const FIRST: DialerId = DialerId(1);

fn address() -> Address {
    Address::path("/tmp/s").unwrap()
}

fn connect(conn: u64) -> Output<Event, u32> {
    Output::Net(Action::Connect(ConnId(conn), address()))
}

fn redial(redial: Duration, redial_most: Option<Duration>) -> Options {
    Options { redial, redial_most, ..Options::default() }
}

fn dial(options: &Options) -> Dialling {
    let mut bench = Bench::new(options);
    assert_eq!(bench.socket.upcoming_dialer(), FIRST);
    assert_eq!(bench.app(Command::Dial(address())), [connect(1)]);
    assert_eq!(bench.socket.dialled(FIRST), None, "it is under way");
    bench
}

fn connected(bench: &mut Dialling, conn: u64) -> Said {
    bench.net(NetEvent::Connected(ConnId(conn), None))
}

/// The attempt fails; how long the pause is.
fn fails(bench: &mut Dialling, conn: u64) -> Duration {
    match bench.net(NetEvent::ConnectFailed(ConnId(conn), Failure::Busy))[..] {
        [Output::App(Event::DialFailed(FIRST, Failure::Busy, pause))] => pause,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn a_pipe_that_was_dialled_is_dialled_again_when_it_is_lost() {
    let mut bench = dial(&Options::default());
    assert_eq!(connected(&mut bench, 1), [attached(1)]);
    assert_eq!(bench.socket.dialled(FIRST), Some(Ok(ConnId(1))));
    assert_eq!(bench.socket.dialer_of(ConnId(1)), Some(FIRST));
    assert_eq!(bench.lost(1), [detached(1, Gone::There)]);
    assert_eq!(bench.socket.dialled(FIRST), None, "it has not failed");
    assert_eq!(bench.after(SECOND), [connect(2)]);
    assert_eq!(connected(&mut bench, 2), [attached(2)]);
}

#[test]
fn one_that_is_closed_here_is_dialled_again_too() {
    let mut bench = dial(&Options::default());
    connected(&mut bench, 1);
    assert_eq!(bench.app(Command::Close(ConnId(1))), [close(1), detached(1, Gone::Here)]);
    assert_eq!(bench.after(SECOND), [connect(2)]);
}

#[test]
fn each_pause_is_within_its_bound_and_the_bound_stays_unless_told_otherwise() {
    let mut bench = dial(&redial(SECOND, None));
    for conn in 1..30 {
        let pause = fails(&mut bench, conn);
        assert!(pause <= SECOND);
        assert_eq!(bench.socket.deadline(), Some(bench.now + pause));
        assert_eq!(bench.socket.dialled(FIRST), Some(Err(Failure::Busy)));
        assert_eq!(bench.after(pause), [connect(conn + 1)]);
    }
}

#[test]
fn the_bound_doubles_up_to_its_most_and_begins_anew_with_a_pipe() {
    let mut bench = dial(&redial(SECOND, Some(SECOND * 5)));
    let mut longest = Duration::ZERO;
    for conn in 1..60 {
        let bound = SECOND * [1, 2, 4, 5][3.min(conn as usize - 1)];
        let pause = fails(&mut bench, conn);
        assert!(pause <= bound, "{pause:?} after {conn} failures");
        longest = longest.max(pause);
        bench.after(pause);
    }
    assert!(longest > SECOND, "it did double");
    connected(&mut bench, 60);
    bench.lost(60);
    assert!(bench.socket.deadline().is_some_and(|due| due <= bench.now + SECOND));
}

#[test]
fn a_most_that_is_less_than_the_first_pause_lets_it_stay() {
    let mut bench = dial(&redial(SECOND, Some(SECOND / 10)));
    for conn in 1..9 {
        let pause = fails(&mut bench, conn);
        assert!(pause <= SECOND);
        bench.after(pause);
    }
}

#[test]
fn a_pause_for_ever_is_no_pause_of_nothing() {
    for seed in 0..20 {
        let mut bench = dial(&Options { seed, ..redial(Duration::MAX, Some(Duration::MAX)) });
        fails(&mut bench, 1);
        assert!(bench.socket.deadline().is_none_or(|due| due > bench.now + SECOND), "seed {seed}");
    }
}

#[test]
fn hanging_up_while_it_dials_closes_the_attempt_and_what_still_comes_of_it() {
    let mut bench = dial(&Options::default());
    assert_eq!(bench.app(Command::HangUp(FIRST)), [close(1)]);
    assert_eq!(connected(&mut bench, 1), [close(1)], "late");
    assert_eq!(bench.net(NetEvent::ConnectFailed(ConnId(1), Failure::Busy)), [], "late");
    assert_eq!((bench.socket.deadline(), bench.socket.dialled(FIRST)), (None, None));
}

#[test]
fn hanging_up_closes_its_pipe() {
    let mut bench = dial(&Options::default());
    connected(&mut bench, 1);
    assert_eq!(bench.app(Command::HangUp(FIRST)), [close(1), detached(1, Gone::Here)]);
    assert_eq!(bench.socket.deadline(), None);
}

#[test]
fn hanging_up_in_a_pause_ends_it() {
    let mut bench = dial(&Options::default());
    fails(&mut bench, 1);
    assert_eq!(bench.app(Command::HangUp(FIRST)), []);
    assert_eq!(bench.after(SECOND), []);
    assert_eq!(bench.app(Command::HangUp(FIRST)), [], "twice is as good as once");
}

#[test]
fn a_connection_that_nobody_dialled_is_closed() {
    assert_eq!(connected(&mut dial(&Options::default()), 9), [close(9)]);
}

#[test]
fn stopping_hangs_up_everywhere_and_closes_every_pipe() {
    let mut bench = dial(&Options::default());
    connected(&mut bench, 1);
    assert_eq!(bench.app(Command::Dial(address())), [connect(2)]);
    bench.accepted(1 << 63);
    let said = bench.app(Command::Stop);
    let gone = |pipe| detached(pipe, Gone::Here);
    assert_eq!(said, [close(1), gone(1), close(2), close(1 << 63), gone(1 << 63)]);
    assert_eq!(bench.socket.deadline(), None);
    assert_eq!(bench.app(Command::Stop), []);
}

#[test]
fn a_pair_that_has_a_pipe_rejects_what_it_dialled_and_dials_again_later() {
    let mut pair = Bench::<Pair0>::plain(&[1 << 63]);
    pair.app(Command::Dial(address()));
    let said = pair.net(NetEvent::Connected(ConnId(1), None));
    assert_eq!(said, [close(1), Output::App(Event::Rejected(ConnId(1), Gone::Paired))]);
    assert_eq!(pair.after(SECOND), [connect(2)]);
    pair.lost(1 << 63);
    assert_eq!(pair.net(NetEvent::Connected(ConnId(2), None)), [attached(2)]);
}
