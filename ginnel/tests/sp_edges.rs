//! Ends of SP where things meet that seldom do: a full inbox, late looks, silence, forks.
#![cfg(unix)]
#![expect(unsafe_code, reason = "forks have no safe interface")]

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use ginnel::sp::{Event, Options, Pair0, Pair1, Pub, Pull, Push, Rep, Req, Respondent, Sub, Surveyor};
use ginnel::{Error, Policy, SocketError};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(20);

fn later(length: Duration) -> Option<Instant> {
    Instant::now().checked_add(length)
}

fn greeting(end: u8) -> [u8; 8] {
    [0, b'S', b'P', 0, 0, end, 0, 0]
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u64).to_be_bytes()[..], body].concat()
}

fn url(dir: &tempfile::TempDir) -> String {
    format!("ipc://{}/s", dir.path().display())
}

/// The far side of an adopted pair, which has greeted as this end.
fn far_side(end: u8) -> (UnixStream, UnixStream) {
    let (near, mut far) = UnixStream::pair().expect("a pair");
    far.write_all(&greeting(end)).expect("it fits");
    (near, far)
}

/// What a child does with what it has inherited. It is over before this returns.
fn in_child(work: impl FnOnce()) {
    // SAFETY: the child makes system calls and allocates; no other thread of this test holds a lock that it needs.
    match unsafe { libc::fork() } {
        0 => {
            let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // SAFETY: it ends without running what belongs to its parent.
            unsafe { libc::_exit(worked.is_err().into()) }
        }
        child => {
            let mut status = 0;
            // SAFETY: the child is ours, and the status is written before it is read.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "the child did not panic");
        }
    }
}

#[test]
fn what_was_held_back_by_a_full_inbox_is_read_once_there_is_room() {
    let (near, mut far) = far_side(0x10);
    let mut pair = Pair0::new().unwrap();
    pair.adopt(near).unwrap();
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
fn a_socket_that_is_dead_already_is_told_of() {
    let (mut pair, driver) = Pair1::new().unwrap().shared();
    thread::spawn(|| driver.run());
    pair.set_deadline(later(PATIENCE));
    for _ in 0..10 {
        let (near, far) = UnixStream::pair().unwrap();
        drop(far);
        let id = pair.adopt(near).unwrap();
        assert!(matches!(pair.next_event().unwrap(), Event::Rejected(other, _) if other == id));
    }
}

#[test]
fn whoever_only_sends_lets_others_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut publisher = Pub::new().unwrap();
    publisher.listen(&url(&dir)).unwrap();
    let url = url(&dir);
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
    let dir = tempfile::tempdir().unwrap();
    let mut push = Push::new().unwrap();
    push.set_deadline(later(PATIENCE));
    push.listen(&url(&dir)).unwrap();
    let work = || {
        let url = url(&dir);
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
fn a_survey_reaches_those_who_have_connected() {
    let dir = tempfile::tempdir().unwrap();
    let mut surveyor = Surveyor::new().unwrap();
    surveyor.listen(&url(&dir)).unwrap();
    let mut far = UnixStream::connect(dir.path().join("s")).unwrap();
    far.write_all(&greeting(0x63)).unwrap();
    let survey = surveyor.survey("q").unwrap();
    let mut asked = [0; 8 + 1 + 8 + 4 + 1];
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    far.read_exact(&mut asked).unwrap();
    assert_eq!((&asked[..8], asked.last()), (&greeting(0x62)[..], Some(&b'q')));
    drop(survey);
}

#[test]
fn answers_that_came_in_time_are_heard_by_whoever_looks_late() {
    let (near, mut far) = far_side(0x63);
    let mut surveyor = Surveyor::with(&Options::new().survey_time(Duration::from_millis(50))).unwrap();
    surveyor.adopt(near).unwrap();
    surveyor.next_event().unwrap();
    let mut survey = surveyor.survey("q").unwrap();
    let mut asked = [0; 8 + 8 + 4 + 1];
    far.read_exact(&mut asked).unwrap();
    far.write_all(&framed(&[&asked[16..20], b"a"].concat())).unwrap();
    // The survey is over before anybody looks.
    thread::sleep(Duration::from_millis(100));
    assert_eq!(survey.next().unwrap().unwrap(), "a");
    assert_eq!(survey.next().unwrap(), None);
}

#[test]
fn one_who_is_silent_holds_up_no_close_and_is_not_let_in_after_it() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let mut pair = Pair1::new().unwrap();
    pair.adopt(near).unwrap();
    pair.close(PATIENCE).unwrap();
    // It was closed.
    far.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn odd_settings_are_no_panic() {
    let (near, mut far) = far_side(0x10);
    let options = Options::new().stay_awake(Duration::MAX).hops(0).open_requests(0).redial(Duration::MAX);
    let mut pair = Pair0::with(&options).unwrap();
    pair.adopt(near).unwrap();
    far.read_exact(&mut [0; 8]).unwrap();
    let echo = thread::spawn(move || {
        let mut message = [0; 9];
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
    let (near, _far) = far_side(0x11);
    let dir = tempfile::tempdir().unwrap();
    let mut other = Pair1::new().unwrap();
    other.listen(&url(&dir)).unwrap();
    let (other, driver) = other.shared();
    thread::spawn(|| driver.run());
    let mut pair = Pair1::new().unwrap();
    pair.set_deadline(later(PATIENCE));
    pair.adopt(near).unwrap();
    pair.next_event().unwrap();
    let error = pair.dial(&url(&dir)).unwrap_err();
    assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::ResourceBusy), "{error}");
    drop(other);
}

#[test]
fn an_answer_goes_to_whoever_asked_through_the_end_that_was_asked() {
    let end = || {
        let (near, mut far) = far_side(0x30);
        let mut rep = Rep::new().unwrap();
        rep.adopt(near).unwrap();
        far.read_exact(&mut [0; 8]).unwrap();
        rep.next_event().unwrap();
        (rep, far)
    };
    let ((mut one, mut asks), (mut other, mut bystander)) = (end(), end());
    asks.write_all(&framed(&[0x80, 0, 0, 1, b'q'])).unwrap();
    let request = one.recv().unwrap();
    other.reply(request, "a");
    assert_eq!(other.dropped().unanswerable, 1);
    bystander.set_nonblocking(true).unwrap();
    assert_eq!(bystander.read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_forked_child_leaves_its_parents_listener_and_pipes_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut rep = Rep::new().unwrap();
    rep.listen(&url(&dir)).unwrap();
    let mut child = Some(rep);
    in_child(|| {
        let mut rep = child.take().unwrap();
        let (near, _far) = UnixStream::pair().unwrap();
        let refused = rep.adopt(near).unwrap_err();
        assert_eq!(SocketError::of(&refused.error), Some(&SocketError::Forked));
        assert!(rep.listen("tcp://127.0.0.1:0").is_err());
        let _ = rep.close(Duration::from_millis(10));
    });
    let mut rep = child.unwrap();
    let url = url(&dir);
    let asking = thread::spawn(move || {
        let mut req = Req::new().unwrap();
        req.keep_dialing(&url).unwrap();
        req.set_deadline(later(PATIENCE));
        req.request("q")
    });
    rep.set_deadline(later(PATIENCE));
    let request = rep.recv().unwrap();
    rep.reply(request, "a");
    rep.flush().unwrap();
    assert_eq!(asking.join().unwrap().unwrap(), "a");
}

#[test]
fn a_forked_child_takes_nothing_of_what_its_parent_has_begun_to_read() {
    let message = |number: u32| number.to_be_bytes().repeat(250);
    let (near, mut far) = far_side(0x50);
    let mut pull = Pull::new().unwrap();
    pull.adopt(near).unwrap();
    pull.next_event().unwrap();
    // So much fits the kernel's buffer, and is more than one turn takes.
    far.write_all(&(0..150).flat_map(|number| framed(&message(number))).collect::<Vec<_>>()).unwrap();
    pull.set_deadline(later(PATIENCE));
    assert_eq!(pull.recv().unwrap()[..], message(0));
    in_child(|| while pull.recv().is_ok() {});
    for number in 1..150 {
        assert_eq!(pull.recv().unwrap()[..], message(number));
    }
}

#[test]
fn respondents_that_come_late_do_not_disturb_a_survey() {
    let dir = tempfile::tempdir().unwrap();
    let mut surveyor = Surveyor::with(&Options::new().survey_time(Duration::from_millis(100))).unwrap();
    surveyor.listen(&url(&dir)).unwrap();
    let mut survey = surveyor.survey("q").unwrap();
    let mut late = Respondent::new().unwrap();
    late.keep_dialing(&url(&dir)).unwrap();
    assert_eq!(survey.next().unwrap(), None);
}
