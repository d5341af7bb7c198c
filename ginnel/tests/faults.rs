//! What goes wrong around a socket, with real processes: signals, forks, other users, exhausted limits.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "signals, timers and forks have no safe interface")]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "faults/processes.rs"]
mod processes;
#[path = "faults/users.rs"]
mod users;

use std::env;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ginnel::{Listener, Policy, SeqPacket, SocketError, Stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use processes::{changes_directory, has_no_room_for_a_pidfd, is_activated, masks_everything};
use users::{connects, knocks};

/// A part played by a process of its own: this test binary again, running `part_in_another_process` alone.
fn part(name: &str, path: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "part_in_another_process", "--nocapture", "--test-threads=1"])
        .env("GINNEL_PART", name)
        .env("GINNEL_PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Runs a part and returns what it said on standard error.
fn told(mut command: Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", output.status);
    said
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

#[test]
fn part_in_another_process() -> io::Result<()> {
    let Ok(name) = env::var("GINNEL_PART") else { return Ok(()) };
    let path = PathBuf::from(env::var_os("GINNEL_PATH").unwrap());
    match name.as_str() {
        "writes to a closed peer" => writes_to_a_closed_peer(),
        "is interrupted" => is_interrupted(&path),
        "forks and drops" => forks_and_drops(&path),
        "runs out of descriptors" => runs_out_of_descriptors(&path),
        "has no descriptors until its deadline" => has_no_descriptors_until_its_deadline(&path),
        "hoards descriptors" => hoards_descriptors(),
        "listens" => {
            eprintln!("{:?}", Stream::listen(&path).map_err(|error| error.kind()));
            Ok(())
        }
        "connects" => connects(&path),
        "knocks" => knocks(&path),
        "changes directory" => changes_directory(&path),
        "masks everything" => masks_everything(&path),
        "has no room for a pidfd" => has_no_room_for_a_pidfd(),
        "is activated" => is_activated(),
        other => panic!("no part is called {other}"),
    }
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    (dir, path)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Who owns nothing here.
const NOBODY: u32 = 65534;

#[test]
fn a_write_to_a_closed_peer_raises_no_sigpipe() {
    told(part("writes to a closed peer", Path::new("")));
}

fn writes_to_a_closed_peer() -> io::Result<()> {
    // SAFETY: the default action is a valid disposition, and no other thread cares. signal(2)
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let (mut stream, closed) = Stream::pair()?;
    drop(closed);
    assert_eq!(stream.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    let null = File::open("/dev/null")?;
    assert_eq!(stream.send_with_fds(b"x", &[null.as_fd()]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    let (packets, closed) = SeqPacket::pair()?;
    drop(closed);
    assert_eq!(packets.send(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    assert_eq!(packets.send_batch(&[io::IoSlice::new(b"x")]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    Ok(())
}

static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count_signal(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_thousand_signals_a_second_interrupt_no_call_and_move_no_deadline() {
    let (_dir, path) = place();
    told(part("is interrupted", &path));
}

fn is_interrupted(path: &Path) -> io::Result<()> {
    let handler: extern "C" fn(libc::c_int) = count_signal;
    let millisecond = libc::timeval { tv_sec: 0, tv_usec: 1000 };
    let timer = libc::itimerval { it_interval: millisecond, it_value: millisecond };
    // SAFETY: the handler only adds to an atomic; an all-zero `sigaction` has no flags, so calls are interrupted;
    // both structures live across the calls. sigaction(2), setitimer(2)
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        assert_eq!(libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()), 0);
        assert_eq!(libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()), 0);
    }
    let listener = Listener::<Stream>::builder().backlog(0).listen(path)?;
    let target = path.to_owned();
    let client = std::thread::spawn(move || -> io::Result<()> {
        for _ in 0..50 {
            let mut stream = Stream::connect(&target)?;
            stream.write_all(&vec![1; 1 << 20])?;
            assert_eq!(stream.read(&mut [0; 1])?, 1);
        }
        Ok(())
    });
    for _ in 0..50 {
        let mut stream = listener.accept()?;
        stream.read_exact(&mut vec![0; 1 << 20])?;
        stream.write_all(b"x")?;
    }
    client.join().unwrap()?;
    let (mut waiting, _silent) = Stream::pair()?;
    let deadline = Instant::now() + Duration::from_millis(50);
    waiting.set_deadline(Some(deadline))?;
    assert_eq!(waiting.read(&mut [0; 1]).unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert!(Instant::now() >= deadline);
    assert!(SIGNALS.load(Ordering::Relaxed) > 10, "no signals came");
    Ok(())
}

#[test]
fn a_deadline_ends_every_wait_and_what_is_ready_is_still_taken() -> io::Result<()> {
    let (_dir, path) = place();
    let soon = || Some(Instant::now() + Duration::from_millis(5));
    let timed_out = |error: io::Error| assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    let mut listener = Listener::<Stream>::builder().backlog(0).listen(&path)?;
    listener.set_deadline(soon())?;
    timed_out(listener.accept().unwrap_err());
    let _first = Stream::connect(&path)?;
    timed_out(Stream::connect_deadline(&path, Instant::now() + Duration::from_millis(5)).unwrap_err());
    assert!(listener.accept().is_ok(), "it was ready before the deadline is looked at");
    let (made, mut other) = Stream::pair()?;
    let adopted = Stream::from(std::os::fd::OwnedFd::from(UnixStream::pair()?.0));
    for mut stream in [made, adopted] {
        stream.set_deadline(soon())?;
        if let Err(error) = stream.read(&mut [0; 1]) {
            timed_out(error);
        }
    }
    assert_eq!(other.read(&mut [0; 1])?, 0);
    let (mut packets, peer) = SeqPacket::pair()?;
    packets.set_deadline(soon())?;
    timed_out(packets.recv().unwrap_err());
    peer.send(b"late")?;
    assert_eq!(packets.recv()?.unwrap().body, "late");
    let full = loop {
        if let Err(error) = packets.send(&[0; 1024]) {
            break error;
        }
    };
    timed_out(full);
    packets.set_deadline(None)?;
    while let Ok(Some(_)) = peer.recv().map(|packet| packet.filter(|packet| packet.body.len() == 1024)) {
        if packets.send(b"there is room again").is_ok() {
            return Ok(());
        }
    }
    panic!("there was never room again");
}

#[test]
fn a_deadline_that_has_passed_already_ends_every_call_at_once() -> io::Result<()> {
    let (_dir, path) = place();
    let past = Instant::now();
    let timed_out = |error: io::Error| assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    let mut listener = Listener::<Stream>::builder().backlog(0).listen(&path)?;
    listener.set_deadline(Some(past))?;
    timed_out(listener.accept().unwrap_err());
    let _fills_the_queue = Stream::connect(&path)?;
    timed_out(Stream::connect_deadline(&path, past).unwrap_err());
    let (mut stream, _silent) = Stream::pair()?;
    stream.set_deadline(Some(past))?;
    timed_out(stream.read(&mut [0; 1]).unwrap_err());
    Ok(())
}

#[test]
fn a_listener_without_descriptors_still_keeps_its_deadline() {
    let (_dir, path) = place();
    told(part("has no descriptors until its deadline", &path));
}

fn has_no_descriptors_until_its_deadline(path: &Path) -> io::Result<()> {
    let mut listener = Stream::listen(path)?;
    let _client = Stream::connect(path)?;
    let limit = getrlimit(Resource::Nofile);
    let next = File::open("/dev/null")?.as_raw_fd() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(next), ..limit })?;
    listener.set_deadline(Some(Instant::now() + Duration::from_millis(20)))?;
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::TimedOut);
    setrlimit(Resource::Nofile, limit)?;
    listener.accept().map(drop)
}

#[test]
fn a_forked_child_that_drops_a_listener_leaves_its_parents_name() {
    let (_dir, path) = place();
    assert_eq!(told(part("forks and drops", &path)).trim(), "still there");
}

fn forks_and_drops(path: &Path) -> io::Result<()> {
    let listener = Stream::listen(path)?;
    // SAFETY: this process has no other thread that holds a lock, and the child ends by `_exit`. fork(2)
    match unsafe { libc::fork() } {
        0 => {
            drop(listener);
            // SAFETY: it ends the child without running anything of the parent's. _exit(2)
            unsafe { libc::_exit(0) }
        }
        child => {
            let child = rustix::process::Pid::from_raw(child).unwrap();
            rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty())?;
            let _connected = UnixStream::connect(path)?;
            assert!(listener.is_published()?);
            assert_eq!(Stream::listen(path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
            eprintln!("still there");
            Ok(())
        }
    }
}

#[test]
fn a_listener_without_descriptors_pauses_and_then_serves_everybody() {
    let (_dir, path) = place();
    let mut child = part("runs out of descriptors", &path).spawn().unwrap();
    assert_eq!(first_line(&mut child), "listening");
    let clients: Vec<_> = (0..60).map(|_| UnixStream::connect(&path).unwrap()).collect();
    child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    for mut client in clients {
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 1);
    }
    let mut rest = String::new();
    child.stderr.take().unwrap().read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
}

/// Counts warnings, which the library gives before each pause.
struct Warnings(std::sync::Arc<AtomicU32>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

fn runs_out_of_descriptors(path: &Path) -> io::Result<()> {
    let warnings = std::sync::Arc::new(AtomicU32::new(0));
    let counted = std::sync::Arc::clone(&warnings);
    tracing::subscriber::set_global_default(Warnings(counted)).expect("it is the first");
    let listener = Stream::listen(path)?;
    eprintln!("listening");
    io::stdin().read_line(&mut String::new())?;
    let limit = getrlimit(Resource::Nofile);
    let next = File::open("/dev/null")?.as_raw_fd() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(next + 20), ..limit })?;
    let (sender, receiver) = std::sync::mpsc::channel::<Stream>();
    let seen = std::sync::Arc::clone(&warnings);
    let keeper = std::thread::spawn(move || {
        // Holds on to everything until the library has paused three times.
        while seen.load(Ordering::SeqCst) < 3 {
            std::thread::yield_now();
        }
        receiver.iter().for_each(|mut stream| stream.write_all(b"x").expect("the client waits"));
    });
    for _ in 0..60 {
        sender.send(listener.accept()?).expect("the keeper is there");
    }
    drop(sender);
    keeper.join().unwrap();
    let pauses = warnings.load(Ordering::SeqCst);
    assert!((3..200).contains(&pauses), "{pauses} pauses: that is a spin");
    Ok(())
}

#[test]
fn too_many_descriptors_under_way_are_an_error_that_passes() {
    if is_root() {
        let mut command = part("hoards descriptors", Path::new(""));
        command.uid(NOBODY).gid(NOBODY);
        told(command);
    }
}

fn hoards_descriptors() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit })?;
    let (left, right) = SeqPacket::pair()?;
    let null = File::open("/dev/null")?;
    let mut under_way = 0;
    let error = loop {
        match left.send_with_fds(b"x", &[null.as_fd()]) {
            Ok(()) => under_way += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.raw_os_error(), Some(libc::ETOOMANYREFS), "{error} after {under_way}");
    left.send(b"without one").expect("what carries none still goes");
    for _ in 0..under_way {
        assert_eq!(right.recv()?.expect("a packet").fds.len(), 1);
    }
    left.send_with_fds(b"x", &[null.as_fd()])
}
