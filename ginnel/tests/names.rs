//! What lies around a path: leftovers of the dead, other copies of this library, a limit reached half-way.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::env;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use ginnel::{Datagram, SocketError, Stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[cfg(target_os = "linux")]
#[path = "names/locks.rs"]
mod locks;

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
    drop(Stream::listen(format!("{}/{pipe}", dir.path().display())).unwrap());
    assert_eq!(names(dir.path()), [format!("{pipe}.lock")], "behind a directory it is the name of a file");
}
