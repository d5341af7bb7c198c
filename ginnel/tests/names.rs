//! What lies around a path: leftovers of the dead, other copies of this library, a limit reached half-way.
#![cfg(unix)]
#![expect(unsafe_code, reason = "record locks of a foreign copy are taken by hand")]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use ginnel::{Datagram, Peer, PeerEvent, Role, SocketError, Stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    (dir, path)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn private_names_of_the_dead_are_removed_and_nothing_else() {
    let (dir, path) = place();
    let private = |digits: &str| dir.path().join(format!(".s.{digits}.gnl"));
    drop(UnixListener::bind(private("00000000000000aa")).unwrap());
    let alive = UnixListener::bind(private("00000000000000bb")).unwrap();
    fs::write(private("00000000000000cc"), "a file").unwrap();
    drop(UnixListener::bind(dir.path().join(".other.00000000000000dd.gnl")).unwrap());
    drop(Stream::listen(&path).unwrap());
    let left =
        [".other.00000000000000dd.gnl", ".s.00000000000000bb.gnl", ".s.00000000000000cc.gnl", "s.lock"];
    assert_eq!(names(dir.path()), left);
    drop(alive);
    drop(Stream::listen(&path).unwrap());
    assert_eq!(names(dir.path()), [left[0], left[2], left[3]]);
}

fn leadership(l_type: libc::c_int) -> libc::flock {
    libc::flock { l_type: l_type as i16, l_whence: libc::SEEK_SET as i16, l_start: 0, l_len: 1, l_pid: 0 }
}

#[test]
fn a_lock_of_another_copy_of_this_library_in_the_process_counts_and_survives_us() {
    let (dir, path) = place();
    let lock = dir.path().join("s.lock");
    let copy = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock).unwrap();
    let mut mine = leadership(libc::F_WRLCK);
    // SAFETY: the structure lives across the call. fcntl(2)
    assert_eq!(unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_SETLK, &raw const mine) }, 0);
    for _ in 0..2 {
        assert_eq!(Stream::listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        // SAFETY: as above. It asks who holds the byte, our own process included.
        assert_eq!(unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_OFD_GETLK, &raw mut mine) }, 0);
        assert_eq!(mine.l_type, libc::F_WRLCK as i16, "our look at the file dropped its lock");
        mine = leadership(libc::F_WRLCK);
    }
    let none = leadership(libc::F_UNLCK);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_SETLK, &raw const none) }, 0);
    drop(Stream::listen(&path).unwrap());
}

/// Who holds byte 0 of the lock file, this process included. The descriptor stays open: closing it would drop the lock.
fn holder(lock: &Path) -> Option<u32> {
    let lock = OpenOptions::new().read(true).write(true).open(lock).unwrap().into_raw_fd();
    let mut asked = leadership(libc::F_WRLCK);
    // SAFETY: the structure lives across the call. fcntl(2)
    assert_eq!(unsafe { libc::fcntl(lock, libc::F_OFD_GETLK, &raw mut asked) }, 0);
    (asked.l_type != libc::F_UNLCK as i16).then_some(asked.l_pid as u32)
}

#[test]
fn a_claim_that_is_refused_gives_back_nothing_that_others_of_the_process_hold() {
    let (dir, path) = place();
    let lock = dir.path().join("s.lock");
    let owner = Stream::listen(&path).unwrap();
    for _ in 0..3 {
        assert_eq!(Stream::listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(Datagram::bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(holder(&lock), Some(std::process::id()));
    }
    drop(owner);
    assert_eq!(holder(&lock), None);
}

#[test]
fn a_peer_that_leaves_gives_back_nothing_that_another_of_the_process_holds() {
    let (dir, path) = place();
    let mut listener = Peer::join(&path).unwrap();
    for _ in 0..3 {
        let joining = {
            let path = path.clone();
            std::thread::spawn(move || Peer::join(path).unwrap())
        };
        while !matches!(listener.next().unwrap(), PeerEvent::Joined(_)) {}
        let mut connector = joining.join().unwrap();
        // It takes the duplicate that it was sent, and opens the lock file for it.
        while !matches!(connector.next().unwrap(), PeerEvent::Joined(_)) {}
        listener.broadcast("behind the duplicate");
        connector.recv().unwrap();
        drop(connector);
        while !matches!(listener.next().unwrap(), PeerEvent::Left(..)) {}
        assert_eq!(holder(&dir.path().join("s.lock")), Some(std::process::id()));
    }
    assert_eq!(listener.role(), Role::Listener);
}

#[test]
fn a_claim_that_fails_half_way_leaves_nothing_behind() {
    let test = "a_claim_that_fails_half_way_leaves_nothing_behind";
    if env::var_os("GINNEL_ALONE").is_none() {
        // The limit belongs to the whole process, so this needs one of its own.
        let mut alone = Command::new(env::current_exe().unwrap());
        alone.args(["--exact", test, "--test-threads=1"]).env("GINNEL_ALONE", "1").stdout(Stdio::null());
        let status = alone.status();
        assert!(status.unwrap().success());
        return;
    }
    let (dir, path) = place();
    drop(UnixListener::bind(&path).unwrap());
    let limit = getrlimit(Resource::Nofile);
    for spare in 0..8 {
        let next = File::open("/dev/null").unwrap().as_raw_fd() as u64;
        setrlimit(Resource::Nofile, Rlimit { current: Some(next + spare), ..limit }).unwrap();
        let results = [Stream::listen(&path).map(drop), Datagram::bind(&path).map(drop)];
        setrlimit(Resource::Nofile, limit).unwrap();
        for result in results {
            if let Err(error) = result {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
            }
        }
        assert_eq!(File::open("/dev/null").unwrap().as_raw_fd() as u64, next, "a descriptor leaked");
        let left = names(dir.path());
        assert!(left.iter().all(|name| name == "s" || name == "s.lock"), "{left:?}");
    }
    let listener = Stream::listen(&path).unwrap();
    assert!(UnixStream::connect(&path).is_ok());
    drop(listener);
    assert_eq!(names(dir.path()), ["s.lock"]);
}

#[test]
fn a_portable_name_is_found_in_the_users_own_directory() {
    let test = "a_portable_name_is_found_in_the_users_own_directory";
    if env::var_os("GINNEL_ALONE").is_none() {
        let runtime = tempfile::tempdir().unwrap();
        let mut alone = Command::new(env::current_exe().unwrap());
        alone.args(["--exact", test, "--test-threads=1"]).env("GINNEL_ALONE", "1").stdout(Stdio::null());
        assert!(alone.env("XDG_RUNTIME_DIR", runtime.path()).status().unwrap().success());
        assert_eq!(names(&runtime.path().join("ginnel")), ["app.sock.lock"]);
        return;
    }
    let listener = Stream::listen("named:app").unwrap();
    let _client = Stream::connect("named:app").unwrap();
    listener.accept().unwrap();
}

#[test]
fn of_many_threads_one_owns_the_path_at_a_time() {
    let (dir, path) = place();
    let owners = AtomicU32::new(0);
    let owned = AtomicU32::new(0);
    std::thread::scope(|threads| {
        for thread in 0..8_u32 {
            let (path, owners, owned) = (&path, &owners, &owned);
            threads.spawn(move || {
                for round in 0..500 {
                    // A listener and a receiver of datagrams contend for the name alike.
                    let claim = if (thread + round) % 4 == 0 {
                        Datagram::bind(path).map(|_| owned.fetch_add(1, Ordering::SeqCst)).map(drop)
                    } else {
                        Stream::listen(path).map(|listener| {
                            assert_eq!(owners.fetch_add(1, Ordering::SeqCst), 0, "two owners");
                            assert!(listener.is_published().unwrap());
                            UnixStream::connect(path).unwrap();
                            owners.fetch_sub(1, Ordering::SeqCst);
                            owned.fetch_add(1, Ordering::SeqCst);
                        })
                    };
                    if let Err(error) = claim {
                        assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
                    }
                }
            });
        }
    });
    assert!(owned.load(Ordering::SeqCst) > 0, "somebody always gets it");
    assert_eq!(names(dir.path()), ["s.lock"]);
}

#[test]
fn a_named_pipe_is_refused_as_what_it_is() {
    let pipe = r"\\.\pipe\app";
    let refused = |error: io::Error| {
        assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
        assert_eq!(SocketError::of(&error), Some(&SocketError::NoPipes));
    };
    refused(Stream::listen(pipe).unwrap_err());
    refused(Stream::connect(pipe).unwrap_err());
    refused(Datagram::bind(pipe).unwrap_err());
    let dir = tempfile::tempdir().unwrap();
    drop(Stream::listen(&dir.path().join(pipe)).unwrap());
    assert_eq!(names(dir.path()), [format!("{pipe}.lock")], "behind a directory it is the name of a file");
}
