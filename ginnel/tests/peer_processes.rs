//! Peers that are processes of their own: killed, stopped and forked, while files disappear around them.
#![cfg(unix)]
#![expect(unsafe_code, reason = "locks are looked at, and processes are forked, by hand")]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "peer_processes/member.rs"]
mod member;

use std::env;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ginnel::{Error, LISTENER, Peer, PeerEvent, PeerHandle, PeerOptions, Role, SocketError};
use rustix::process::{Pid, Signal, WaitOptions, waitpid};

use member::Member;

const LONG: Duration = Duration::from_secs(60);

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    (dir, path)
}

/// The process behind [`Member`]; does nothing when the tests run.
#[test]
fn member() {
    let Some(path) = env::var_os("GINNEL_MEMBER").map(PathBuf::from) else { return };
    let options = PeerOptions::new().standby(env::var("GINNEL_STANDBY").is_ok_and(|it| !it.is_empty()));
    let (peer, driver) = Peer::join_with(&path, &options).unwrap().shared();
    std::thread::spawn(|| driver.run());
    let orders = peer.clone();
    std::thread::spawn(move || {
        for order in io::stdin().lines() {
            obey(&orders, &path, &order.unwrap());
        }
    });
    loop {
        match peer.next().unwrap() {
            PeerEvent::Role(role) => eprintln!("role {role:?}"),
            // Somebody who connects twice may have left the first time before it is told of.
            PeerEvent::Joined(neighbour) => eprintln!("joined {}", neighbour.pid.unwrap_or(0)),
            PeerEvent::Left(..) => eprintln!("left"),
            PeerEvent::Message(_, message) => {
                eprintln!("message {}", String::from_utf8_lossy(&message.body))
            }
            PeerEvent::Request(request) => peer.reply(request, std::process::id().to_string()),
            PeerEvent::Trouble(why) => eprintln!("trouble {why}"),
            PeerEvent::Cancelled(..) => {}
        }
    }
}

fn obey(peer: &PeerHandle, path: &Path, order: &str) {
    match order.split_once(' ').unwrap_or((order, "")) {
        ("fork", _) => eprintln!("forked {}", fork_and_stay()),
        // Whatever closes any descriptor of a file drops the process's record locks on it. fcntl(2)
        ("stray", _) => {
            drop(File::open(path.with_extension("lock")).unwrap());
            eprintln!("closed");
        }
        ("send", text) => {
            peer.send(LISTENER, text.to_owned()).unwrap();
            eprintln!("sent");
        }
        ("ask", _) => eprintln!("stands {:?} {}", peer.role(), peer.epoch()),
        (other, _) => panic!("{other:?}"),
    }
}

/// Leaves a child behind that keeps every descriptor, for a minute at most.
fn fork_and_stay() -> i32 {
    // SAFETY: the child makes async-signal-safe calls only, and never returns. fork(2), signal-safety(7)
    match unsafe { libc::fork() } {
        // SAFETY: as above.
        0 => unsafe {
            libc::alarm(60);
            loop {
                libc::pause();
            }
        },
        child => child,
    }
}

/// The process that holds byte 0 of a lock file. It is kept open, since closing it is told to whoever watches it.
fn leader(lock: &File) -> Option<u32> {
    // SAFETY: the structure is integers, for which zero is a value.
    let mut asked: libc::flock = unsafe { std::mem::zeroed() };
    (asked.l_type, asked.l_whence, asked.l_len) = (libc::F_WRLCK as _, libc::SEEK_SET as _, 1);
    // SAFETY: the structure lives across the call. fcntl(2)
    assert_eq!(unsafe { libc::fcntl(lock.as_raw_fd(), libc::F_GETLK, &raw mut asked) }, 0);
    let unlocked: i16 = libc::F_UNLCK as _;
    (asked.l_type != unlocked).then_some(asked.l_pid as u32)
}

fn lock_of(path: &Path) -> File {
    File::options().read(true).write(true).open(path.with_extension("lock")).unwrap()
}

/// Who listens, as whoever comes now finds it.
fn who_listens(path: &Path) -> u32 {
    let mut peer = Peer::join_with(path, &PeerOptions::new().standby(false)).unwrap();
    assert_eq!(peer.role(), Role::Connector);
    let answer = peer.call(LISTENER, "who are you?").unwrap();
    std::str::from_utf8(&answer.body).unwrap().parse().unwrap()
}

#[test]
fn a_killed_listener_is_replaced_though_a_forked_child_keeps_every_descriptor() {
    for standby in [true, false] {
        let (_dir, path) = place();
        let mut first = Member::listens(&path);
        let mut others = [(); 2].map(|()| Member::follows(&path, &first, standby));
        first.tell("fork");
        first.orphan = Pid::from_raw(first.until("forked").parse().unwrap());
        let before = lock_of(&path);
        assert_eq!(leader(&before), Some(first.pid()));
        first.kill();
        for other in &mut others {
            other.until("role Negotiating");
        }
        let became = others.each_mut().map(|other| other.either("role Listener", "role Connector"));
        let next = became.iter().position(|role| role == "role Listener").unwrap();
        assert_eq!(became[1 - next], "role Connector", "one follows the other");
        let pid = others[next].pid();
        assert_eq!(leader(&before), Some(pid));
        assert_eq!(who_listens(&path), pid);
    }
}

#[test]
fn a_stopped_listener_is_not_replaced_and_goes_on() {
    let (_dir, path) = place();
    let mut first = Member::listens(&path);
    let mut second = Member::follows(&path, &first, true);
    let (socket, stood) = (fs::metadata(&path).unwrap().ino(), first.stands());
    first.signal(Signal::STOP);
    waitpid(Some(Pid::from_child(&first.child)), WaitOptions::UNTRACED).unwrap();
    second.tell("send wake up");
    second.until("sent");
    let mut third = Member::start(&path, true);
    // For as long as somebody elsewhere is found to be silent for ever, it is only slow.
    let (_elsewhere, silent) = place();
    let _listener = UnixListener::bind(&silent).unwrap();
    for _ in 0..2 {
        let given_up = Peer::join(&silent).unwrap_err();
        assert!(matches!(&given_up, Error::Io(it) if it.kind() == io::ErrorKind::AddrInUse), "{given_up}");
    }
    assert_eq!(leader(&lock_of(&path)), Some(first.pid()));
    assert!(second.stands().starts_with("Connector"));
    first.signal(Signal::CONT);
    assert_eq!(first.until("message"), "wake up");
    third.until(&format!("joined {}", first.pid()));
    assert_eq!((fs::metadata(&path).unwrap().ino(), first.stands()), (socket, stood));
}

#[test]
fn a_socket_file_that_is_removed_is_published_again_and_nobody_is_lost() {
    let (_dir, path) = place();
    let mut first = Member::listens(&path);
    let mut second = Member::follows(&path, &first, true);
    first.until("joined");
    for round in 0..5 {
        let before = fs::metadata(&path).unwrap();
        // A new inode, not the number of the old one.
        let keeper = tempfile::tempdir().unwrap();
        fs::hard_link(&path, keeper.path().join("kept")).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(who_listens(&path), first.pid());
        assert_ne!(fs::metadata(&path).unwrap().ino(), before.ino());
        second.tell(&format!("send still here {round}"));
        second.until("sent");
        let mut seen = Vec::new();
        while seen.last().is_none_or(|line: &String| !line.starts_with("message")) {
            seen.push(first.line());
        }
        assert_eq!(seen.pop().unwrap(), format!("message still here {round}"));
        let told = |line: &String| line.starts_with("role") || line.starts_with("trouble");
        assert!(!seen.iter().any(told), "{seen:?}");
        drop(keeper);
    }
    assert!(second.stands().starts_with("Connector"));
}

#[test]
fn a_lock_file_that_is_removed_makes_the_listener_step_down_and_everybody_meets_again() {
    let (_dir, path) = place();
    let mut members = [Member::listens(&path), Member::start(&path, true), Member::start(&path, false)];
    let first = members[0].pid();
    for member in &mut members[1..] {
        member.until(&format!("joined {first}"));
    }
    fs::remove_file(path.with_extension("lock")).unwrap();
    for member in &mut members {
        member.until("role Negotiating");
    }
    // While they find each other some may have to begin again: what counts is where all end.
    let mut roles = members.each_mut().map(|member| member.either("role Listener", "role Connector"));
    loop {
        let listens: Vec<_> = (0..3).filter(|&it| roles[it] == "role Listener").collect();
        if let [one] = listens[..]
            && leader(&lock_of(&path)) == Some(members[one].pid())
        {
            assert_eq!(who_listens(&path), members[one].pid());
            break;
        }
        roles = members.each_mut().map(|member| {
            let stands = member.stands();
            format!("role {}", stands.split_once(' ').unwrap().0)
        });
    }
}

#[test]
fn a_lock_that_a_stray_close_has_dropped_is_taken_again() {
    let (_dir, path) = place();
    let mut first = Member::listens(&path);
    let mut second = Member::follows(&path, &first, true);
    let lock = lock_of(&path);
    let stood = first.stands();
    for _ in 0..20 {
        assert_eq!(leader(&lock), Some(first.pid()));
        first.tell("stray");
        first.until("closed");
        while leader(&lock).is_none() {
            std::thread::yield_now();
        }
    }
    assert_eq!(leader(&lock), Some(first.pid()));
    assert_eq!(first.stands(), stood);
    second.tell("send hello");
    assert_eq!(first.until("message"), "hello");
    assert_eq!(who_listens(&path), first.pid());
}

/// Forks, runs this in the child, and shows that it did not panic there.
fn in_a_forked_child(test: impl FnOnce()) {
    // SAFETY: the child ends by `_exit`, and needs none of the locks that other threads may have held but the
    // allocator's and that of standard error, which glibc and the test see to. fork(2)
    match unsafe { libc::fork() } {
        0 => {
            let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
            // SAFETY: it ends the child without running anything of the parent's. _exit(2)
            unsafe { libc::_exit(i32::from(!passed)) }
        }
        child => {
            let ended = waitpid(Pid::from_raw(child), WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(ended.1.exit_status(), Some(0), "it failed in the child");
        }
    }
}

#[test]
fn a_forked_child_can_use_no_inherited_peer_and_drops_it_without_a_trace() {
    let alone = "a_forked_child_can_use_no_inherited_peer_and_drops_it_without_a_trace";
    if env::var_os("GINNEL_ALONE").is_none() {
        // Other tests have threads, which may hold something at the moment of the fork.
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", alone, "--test-threads=1", "--nocapture"]).env("GINNEL_ALONE", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let (_dir, path) = place();
    let mut listener = Member::listens(&path);
    let mut connector = Peer::join(&path).unwrap();
    let id = connector.listener().unwrap();
    listener.until("joined");
    let forked = |error: &Error| {
        assert!(
            matches!(error, Error::Io(it) if SocketError::of(it) == Some(&SocketError::Forked)),
            "{error:?}"
        );
    };
    let unusable = |peer: &mut Peer, id| {
        // What had happened before the fork may still be told.
        let told = loop {
            if let Err(error) = peer.next() {
                break error;
            }
        };
        forked(&told);
        forked(&peer.recv().unwrap_err());
        forked(&peer.call(id, "from the child").unwrap_err().error);
        forked(&peer.send(id, "from the child").unwrap_err().error);
        forked(&peer.flush(id).unwrap_err().error);
        peer.broadcast("from the child");
    };
    in_a_forked_child(|| unusable(&mut connector, LISTENER));
    let mut connector = Some(connector);
    in_a_forked_child(|| drop(connector.take()));
    let mut connector = connector.unwrap();
    connector.send(id, "from the parent").unwrap();
    assert_eq!(listener.until("message"), "from the parent", "and nothing from the child");
    assert_eq!(connector.call(id, "?").unwrap().body, listener.pid().to_string());

    // The same for one who listens, with a neighbour.
    let (_dir, path) = place();
    let mut peer = Peer::join(&path).unwrap();
    let mut neighbour = Member::start(&path, true);
    let id = loop {
        if let PeerEvent::Joined(it) = peer.next().unwrap() {
            break it.id;
        }
    };
    let socket = fs::metadata(&path).unwrap().ino();
    in_a_forked_child(|| unusable(&mut peer, id));
    let mut peer = Some(peer);
    in_a_forked_child(|| drop(peer.take()));
    in_a_forked_child(|| forked(&peer.take().unwrap().dispose(LONG).unwrap_err()));
    let mut peer = peer.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().ino(), socket, "the name stays");
    // A process sees none of its own locks.
    let parent = std::process::id();
    in_a_forked_child(|| assert_eq!(leader(&lock_of(&path)), Some(parent)));
    peer.send(id, "from the parent").unwrap();
    assert_eq!(neighbour.until("message"), "from the parent", "and nothing from the child");
    assert_eq!(peer.role(), Role::Listener);
}
