//! What a peer that knows nothing for certain does to the names in a directory: nothing.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ginnel_proto::client::Reason;
use ginnel_proto::election::Refusal;
use ginnel_proto::peer::Hello;

use super::*;
use crate::engine::Engine;
use crate::sys::double::{Double, Meddle};
use crate::sys::{Name, SocketKind, Would};
use crate::{Listener, ListenerOptions};

/// The real kernel, of which some calls fail.
#[derive(Clone, Debug)]
struct Failing {
    /// These connects fail, the first being number 1.
    connects: Calls,
    /// These sockets cannot be made.
    sockets: Calls,
    errno: i32,
    seen: Arc<Mutex<Counted>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Calls {
    None,
    All,
    Number(usize),
}

#[derive(Debug, Default)]
struct Counted {
    connects: usize,
    sockets: usize,
    /// Calls that changed a name.
    changes: Vec<&'static str>,
}

impl Calls {
    fn has(self, number: usize) -> bool {
        self == Self::All || self == Self::Number(number)
    }
}

impl Failing {
    fn none() -> Self {
        Self { connects: Calls::None, sockets: Calls::None, errno: 0, seen: Arc::default() }
    }

    fn error(&self) -> io::Error {
        io::Error::from_raw_os_error(self.errno)
    }

    fn changes(&self) -> Vec<&'static str> {
        self.seen.lock().unwrap().changes.clone()
    }
}

impl Meddle for Failing {
    fn changes_name(&self, call: &'static str) {
        self.seen.lock().unwrap().changes.push(call);
    }

    fn socket(&self, kind: SocketKind, nonblocking: bool) -> io::Result<OwnedFd> {
        let mut seen = self.seen.lock().unwrap();
        seen.sockets += 1;
        if self.sockets.has(seen.sockets) { Err(self.error()) } else { Kernel.socket(kind, nonblocking) }
    }

    fn connect(&self, fd: BorrowedFd<'_>, name: &Name) -> Would<()> {
        let mut seen = self.seen.lock().unwrap();
        seen.connects += 1;
        match self.connects.has(seen.connects) {
            true if self.errno == libc::EAGAIN => Ok(None),
            true => Err(self.error()),
            false => Kernel.connect(fd, name),
        }
    }
}

/// What came of joining.
#[derive(PartialEq, Eq, Debug)]
enum Outcome {
    Has(Role),
    Failed(Trouble),
}

type Driven = Engine<PeerMachine, SocketNet<Double<Failing>>>;

/// Joins on this kernel.
fn join(path: &Path, sys: &Failing) -> (Driven, Instant) {
    let mut net = SocketNet::on(Double(sys.clone()), NetOptions::default()).unwrap();
    net.contend(path.to_owned()).unwrap();
    let options = machine::PeerOptions::new(Address::path(path).unwrap(), Hello::new("").unwrap());
    let mut peer = Engine::new(PeerMachine::new(options), net);
    let now = Instant::now();
    peer.command(Command::Join, now);
    (peer, now)
}

/// Turns until it has a role or has failed. The clock jumps to whatever is waited for.
fn outcome((peer, now): &mut (Driven, Instant)) -> Outcome {
    loop {
        while let Some(event) = peer.poll_event() {
            match event {
                Event::Role(role) => return Outcome::Has(role),
                Event::Failed(trouble) => return Outcome::Failed(trouble),
                _ => {}
            }
        }
        turn(peer, now);
    }
}

fn turn(peer: &mut Driven, now: &mut Instant) {
    if !peer.turn(*now, true).unwrap()
        && let Some(at) = peer.deadline()
    {
        *now = at.max(*now);
    }
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    (dir, path)
}

/// A path at which somebody lived.
fn dead() -> (tempfile::TempDir, PathBuf) {
    let (dir, path) = place();
    drop(UnixListener::bind(&path).unwrap());
    (dir, path)
}

fn names(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// It connects as often before it takes a dead socket's place: without a lock, in its turn, with byte 0 in hand.
const CONNECTS: usize = 3;

/// Everything else than "nobody is there".
const UNKNOWN: [i32; 16] = [
    libc::EACCES,
    libc::EPERM,
    libc::EMFILE,
    libc::ENFILE,
    libc::ENOMEM,
    libc::ENOBUFS,
    libc::EPROTOTYPE,
    libc::EIO,
    libc::EINVAL,
    libc::ELOOP,
    libc::ENOTDIR,
    libc::ETIMEDOUT,
    libc::ENETUNREACH,
    libc::EADDRNOTAVAIL,
    libc::ENOSYS,
    libc::ESTALE,
];

#[test]
fn a_dead_socket_is_replaced_after_three_looks() {
    let (dir, path) = dead();
    let sys = Failing::none();
    let mut peer = join(&path, &sys);
    assert_eq!(outcome(&mut peer), Outcome::Has(Role::Listener));
    assert_eq!(sys.seen.lock().unwrap().connects, CONNECTS);
    let changes = sys.changes();
    assert!(
        ["open_lock", "bind", "rename", "unlink"].iter().all(|call| changes.contains(call)),
        "{changes:?}"
    );
    assert_eq!(names(dir.path()), ["s", "s.lock"]);
}

#[test]
fn an_error_that_does_not_say_that_nobody_is_there_changes_no_name() {
    for errno in UNKNOWN {
        for number in 1..=CONNECTS {
            let (_dir, path) = dead();
            let before = std::fs::metadata(&path).unwrap();
            let sys = Failing { connects: Calls::Number(number), errno, ..Failing::none() };
            let mut peer = join(&path, &sys);
            let failed = outcome(&mut peer);
            assert!(
                matches!(failed, Outcome::Failed(_)),
                "{failed:?} after errno {errno} at connect {number}"
            );
            if number < CONNECTS {
                let reason = Trouble::Unreachable(Reason::Error { errno });
                assert_eq!(failed, Outcome::Failed(reason), "at connect {number}");
            }
            // The first has said that nobody is there: from then on there is a lock file.
            let allowed: &[_] = if number == 1 { &[] } else { &["open_lock"] };
            assert_eq!(sys.changes(), allowed, "errno {errno} at connect {number}");
            drop(peer);
            assert_eq!(sys.changes(), allowed, "leaving changes nothing either");
            let after = std::fs::metadata(&path).unwrap();
            assert_eq!((after.ino(), after.mtime_nsec()), (before.ino(), before.mtime_nsec()));
        }
    }
}

#[test]
fn whoever_has_no_socket_to_look_with_changes_no_name() {
    for errno in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::EACCES] {
        for number in 1..=CONNECTS {
            let (_dir, path) = dead();
            let sys = Failing { sockets: Calls::Number(number), errno, ..Failing::none() };
            let failed = outcome(&mut join(&path, &sys));
            assert!(matches!(failed, Outcome::Failed(_)), "{failed:?}");
            let changes = sys.changes();
            assert!(changes.iter().all(|call| number > 1 && *call == "open_lock"), "{changes:?}");
        }
    }
}

#[test]
fn private_names_of_others_stay_while_it_is_unknown_whether_they_live() {
    for errno in UNKNOWN {
        let (dir, path) = dead();
        let private = dir.path().join(".s.00000000000000aa.gnl");
        drop(UnixListener::bind(&private).unwrap());
        let sys = Failing { connects: Calls::Number(CONNECTS + 1), errno, ..Failing::none() };
        let mut peer = join(&path, &sys);
        assert_eq!(outcome(&mut peer), Outcome::Has(Role::Listener), "errno {errno}");
        assert_eq!(names(dir.path()), [".s.00000000000000aa.gnl", "s", "s.lock"]);
    }
}

#[test]
fn a_full_queue_of_whoever_leads_is_tried_again_with_pauses_and_nothing_is_touched() {
    let (_dir, path) = place();
    let leader =
        Listener::open(SocketKind::Stream, &Address::path(&path).unwrap(), ListenerOptions::default())
            .unwrap();
    let sys = Failing { connects: Calls::All, errno: libc::EAGAIN, ..Failing::none() };
    let (mut peer, mut now) = join(&path, &sys);
    let began = now;
    while sys.seen.lock().unwrap().connects < 20 {
        turn(&mut peer, &mut now);
    }
    assert!(peer.poll_event().is_none());
    assert!(now - began >= std::time::Duration::from_millis(20), "it did not pause");
    assert!(sys.changes().is_empty(), "{:?}", sys.changes());
    drop(leader);
}

#[test]
fn a_full_queue_of_a_foreign_listener_is_left_alone() {
    let (dir, path) = place();
    let foreign = UnixListener::bind(&path).unwrap();
    let sys = Failing { connects: Calls::All, errno: libc::EAGAIN, ..Failing::none() };
    let failed = outcome(&mut join(&path, &sys));
    assert_eq!(failed, Outcome::Failed(Trouble::Refused(Refusal::InUse)));
    assert_eq!(sys.changes(), ["open_lock"]);
    assert_eq!(names(dir.path()), ["s", "s.lock"]);
    drop(foreign);
}
