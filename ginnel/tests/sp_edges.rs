//! Ends of SP with sockets that are handed in, and with forks. What else is seldom stands in `sp_ends.rs`.
#![cfg(unix)]
#![expect(unsafe_code, reason = "forks have no safe interface")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use ginnel::SocketError;
use ginnel::sp::{Event, Pair1, Pull, Rep, Req, Surveyor};

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
fn one_who_is_silent_holds_up_no_close_and_is_not_let_in_after_it() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let mut pair = Pair1::new().unwrap();
    pair.adopt(near).unwrap();
    pair.close(PATIENCE).unwrap();
    // It was closed.
    far.read_to_end(&mut Vec::new()).unwrap();
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

/// On Windows a thread of the system's pool tells that somebody has connected, which may be after the survey.
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
