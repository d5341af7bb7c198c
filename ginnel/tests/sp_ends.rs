//! Ends of SP where things meet that seldom do: a full inbox, late looks, answers to nobody. The same on every system.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use ginnel::sp::{
    Options, Pair0, Pair1, Pattern, Pub, Pull, Push, Rep, Req, Respondent, Socket, Sub, Surveyor,
};
use ginnel::{Error, Policy};
use support::*;

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(20);

fn later(length: Duration) -> Option<Instant> {
    Instant::now().checked_add(length)
}

fn greeting(end: u8) -> [u8; 8] {
    [0, b'S', b'P', 0, 0, end, 0, 0]
}

/// As a message stands behind `ipc://`.
fn framed(body: &[u8]) -> Vec<u8> {
    [&[1][..], &(body.len() as u64).to_be_bytes(), body].concat()
}

/// Somebody at a place of this end's own, who has greeted as that end; and what keeps the place.
fn far_side<P: Pattern>(near: &mut Socket<P>, end: u8) -> (impl Sized + use<P>, Bare) {
    let (guard, path) = place();
    near.listen(&ipc(&path)).expect("the place is free");
    let mut far = bare(&path);
    far.write_all(&greeting(end)).expect("it fits");
    (guard, far)
}

#[test]
fn what_was_held_back_by_a_full_inbox_is_read_once_there_is_room() {
    let mut pair = Pair0::new().unwrap();
    let (_guard, mut far) = far_side(&mut pair, 0x10);
    let sending = thread::spawn(move || {
        for number in 0..3000_u32 {
            far.write_all(&framed(&number.to_be_bytes())).unwrap();
        }
        far
    });
    pair.set_deadline(later(PATIENCE));
    pair.next_event().unwrap();
    // Nothing more happens to the pipe, and meanwhile the inbox fills.
    pair.set_deadline(later(Duration::from_millis(200)));
    assert!(pair.next_event().unwrap_err().is_timeout());
    pair.set_deadline(later(PATIENCE));
    for number in 0..3000_u32 {
        assert_eq!(pair.recv().unwrap()[..], number.to_be_bytes());
    }
    drop(sending.join().unwrap());
}

#[test]
fn whoever_only_sends_lets_others_in() {
    let (_guard, path) = place();
    let mut publisher = Pub::new().unwrap();
    let url = ipc(&path);
    publisher.listen(&url).unwrap();
    let hearing = thread::spawn(move || {
        let mut sub = Sub::new().unwrap();
        sub.subscribe("").unwrap();
        sub.keep_dialing(&url).unwrap();
        sub.set_deadline(later(PATIENCE));
        sub.recv()
    });
    while !hearing.is_finished() {
        publisher.send("x").unwrap();
    }
    assert_eq!(hearing.join().unwrap().unwrap(), "x");
}

#[test]
fn whoever_only_feeds_hears_of_a_second_worker() {
    let (_guard, path) = place();
    let mut push = Push::new().unwrap();
    push.set_deadline(later(PATIENCE));
    push.listen(&ipc(&path)).unwrap();
    let work = || {
        let url = ipc(&path);
        thread::spawn(move || {
            let mut pull = Pull::new().unwrap();
            pull.keep_dialing(&url).unwrap();
            pull.set_deadline(later(PATIENCE));
            // It leaves once it has something.
            pull.recv().unwrap()
        })
    };
    let workers = [work(), work()];
    while !workers.iter().all(thread::JoinHandle::is_finished) {
        push.feed("x").unwrap();
    }
    for worker in workers {
        assert_eq!(worker.join().unwrap(), "x");
    }
}

#[test]
fn answers_that_came_in_time_are_heard_by_whoever_looks_late() {
    let mut surveyor = Surveyor::with(&Options::new().survey_time(Duration::from_millis(50))).unwrap();
    let (_guard, mut far) = far_side(&mut surveyor, 0x63);
    surveyor.next_event().unwrap();
    let mut survey = surveyor.survey("q").unwrap();
    let mut asked = [0; 8 + 1 + 8 + 4 + 1];
    far.read_exact(&mut asked).unwrap();
    far.write_all(&framed(&[&asked[17..21], b"a"].concat())).unwrap();
    // The survey is over before anybody looks.
    thread::sleep(Duration::from_millis(100));
    assert_eq!(survey.next().unwrap().unwrap(), "a");
    assert_eq!(survey.next().unwrap(), None);
}

#[test]
fn odd_settings_are_no_panic() {
    let options = Options::new().stay_awake(Duration::MAX).hops(0).open_requests(0).redial(Duration::MAX);
    let mut pair = Pair0::with(&options).unwrap();
    let (_guard, mut far) = far_side(&mut pair, 0x10);
    pair.next_event().unwrap();
    far.read_exact(&mut [0; 8]).unwrap();
    let echo = thread::spawn(move || {
        let mut message = [0; 10];
        while far.read_exact(&mut message).is_ok() {
            far.write_all(&message).unwrap();
        }
    });
    pair.set_deadline(later(PATIENCE));
    for _ in 0..1000 {
        pair.send("x").unwrap();
        assert_eq!(pair.recv().unwrap(), "x");
    }
    drop(pair);
    echo.join().unwrap();
}

#[test]
fn socket_has_no_port_and_is_always_there() {
    let mut rep = Rep::new().unwrap();
    let handed_in = rep.listen("socket://").unwrap();
    assert_eq!(rep.bound_port(handed_in).unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(rep.close_listener(handed_in));
}

#[test]
fn a_policy_judges_whoever_comes_over_tcp_and_no_name_of_this_process() {
    let mut rep = Rep::with(&Options::new().allow(Policy::nobody())).unwrap();
    let name = format!("inproc://{}", std::process::id());
    rep.listen(&name).unwrap();
    let listener = rep.listen("tcp://127.0.0.1:0").unwrap();
    let tcp = format!("tcp://{}", rep.bound_port(listener).unwrap());
    let (rep, driver) = rep.shared();
    thread::spawn(|| driver.run());
    let mut req = Req::new().unwrap();
    req.set_deadline(later(PATIENCE));
    req.dial(&name).unwrap();
    assert!(req.dial(&tcp).is_err(), "the kernel names nobody there");
    drop(rep);
}

#[test]
fn a_pair_that_has_its_pipe_says_so_when_it_dials() {
    let (_guard, path) = place();
    let mut other = Pair1::new().unwrap();
    other.listen(&ipc(&path)).unwrap();
    let (other, driver) = other.shared();
    thread::spawn(|| driver.run());
    let mut pair = Pair1::new().unwrap();
    pair.set_deadline(later(PATIENCE));
    let (_place, _far) = far_side(&mut pair, 0x11);
    pair.next_event().unwrap();
    let error = pair.dial(&ipc(&path)).unwrap_err();
    assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::ResourceBusy), "{error}");
    drop(other);
}

#[test]
fn an_answer_goes_to_whoever_asked_through_the_end_that_was_asked() {
    let end = || {
        let mut rep = Rep::new().unwrap();
        let (guard, mut far) = far_side(&mut rep, 0x30);
        rep.next_event().unwrap();
        far.read_exact(&mut [0; 8]).unwrap();
        (rep, far, guard)
    };
    let ((mut one, mut asks, _here), (mut other, mut bystander, _there)) = (end(), end());
    asks.write_all(&framed(&[0x80, 0, 0, 1, b'q'])).unwrap();
    let request = one.recv().unwrap();
    other.reply(request, "a");
    assert_eq!(other.dropped().unanswerable, 1);
    assert_eq!(there(&mut bystander), b"");
}

#[test]
fn respondents_that_come_late_do_not_disturb_a_survey() {
    let (_guard, path) = place();
    let mut surveyor = Surveyor::with(&Options::new().survey_time(Duration::from_millis(100))).unwrap();
    surveyor.listen(&ipc(&path)).unwrap();
    let mut survey = surveyor.survey("q").unwrap();
    let mut late = Respondent::new().unwrap();
    late.keep_dialing(&ipc(&path)).unwrap();
    assert_eq!(survey.next().unwrap(), None);
}
