//! Paths at which no peers can meet: each is an error that says what is wrong, and nothing is changed.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ginnel::{ConnectionOptions, Error, Peer, PeerFault, PeerOptions, Role, SeqPacket, SocketError, Wire};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    (dir, path)
}

/// Everything that could be changed about a directory and what is in it.
#[derive(PartialEq, Eq, Debug)]
struct Listing(BTreeMap<PathBuf, (u64, u32, u32, u64, i64, i64)>);

impl Listing {
    fn of(dir: &Path) -> Self {
        let inside = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let all = inside.chain([dir.to_owned()]).map(|path| {
            let it = fs::symlink_metadata(&path).unwrap();
            (path, (it.ino(), it.mode(), it.uid(), it.size(), it.mtime(), it.mtime_nsec()))
        });
        Self(all.collect())
    }

    fn names(&self, dir: &Path) -> Vec<&str> {
        self.0
            .keys()
            .filter_map(|path| path.strip_prefix(dir).ok()?.to_str())
            .filter(|it| !it.is_empty())
            .collect()
    }
}

/// Joins in vain, and shows that nothing was changed.
#[track_caller]
fn refused(path: &Path) -> Error {
    let dir = path.parent().unwrap();
    let before = Listing::of(dir);
    let error = Peer::join(path).err().unwrap_or_else(|| panic!("nobody can meet at {}", path.display()));
    assert_eq!(Listing::of(dir), before, "{error}");
    error
}

#[track_caller]
fn fact(error: &Error) -> SocketError {
    match error {
        Error::Io(inner) => *SocketError::of(inner).unwrap_or_else(|| panic!("{error:?}")),
        other => panic!("{other:?}"),
    }
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED: only root can give files to others");
    }
    root
}

/// Who owns nothing here.
const NOBODY: u32 = 65534;

#[test]
fn a_directory_that_is_missing_is_not_found() {
    let (dir, _) = place();
    let before = Listing::of(dir.path());
    let error = Peer::join(dir.path().join("missing/s")).unwrap_err();
    assert!(matches!(&error, Error::Io(it) if it.kind() == io::ErrorKind::NotFound), "{error:?}");
    File::create(dir.path().join("file")).unwrap();
    let error = Peer::join(dir.path().join("file/s")).unwrap_err();
    assert!(matches!(&error, Error::Io(it) if it.kind() == io::ErrorKind::NotADirectory), "{error:?}");
    fs::remove_file(dir.path().join("file")).unwrap();
    assert_eq!(Listing::of(dir.path()).names(dir.path()), before.names(dir.path()));
}

#[test]
fn a_directory_in_which_everybody_can_replace_files_is_refused_unless_it_is_sticky() {
    let (dir, path) = place();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = refused(&path);
    let owner = rustix::process::geteuid().as_raw();
    assert!(
        matches!(fact(&error), SocketError::OpenDirectory { owner: it, mode } if it == owner && mode & 0o777 == 0o777)
    );
    assert!(
        error.to_string().contains(&format!("owner {owner}")) && error.to_string().contains("777"),
        "{error}"
    );
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(Peer::join(&path).unwrap().role(), Role::Listener);
}

#[test]
fn a_directory_of_another_user_is_refused_by_name() {
    if !is_root() {
        return;
    }
    let (dir, path) = place();
    chown(dir.path(), Some(NOBODY), None).unwrap();
    let error = refused(&path);
    assert!(matches!(fact(&error), SocketError::OpenDirectory { owner: NOBODY, .. }), "{error:?}");
    assert!(error.to_string().contains("65534"), "{error}");
}

#[test]
fn whatever_is_no_socket_stays_where_it_is() {
    let (dir, path) = place();
    let elsewhere = dir.path().join("live");
    let live = UnixListener::bind(&elsewhere).unwrap();
    let makers: [&dyn Fn(); 4] = [
        &|| fs::write(&path, "a file").unwrap(),
        &|| fs::create_dir(&path).unwrap(),
        &|| symlink(&elsewhere, &path).unwrap(),
        &|| symlink("nowhere", &path).unwrap(),
    ];
    for make in makers {
        make();
        let error = refused(&path);
        assert_eq!(fact(&error), SocketError::NotASocketFile);
        fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
    }
    drop(live);
}

#[test]
fn a_lock_that_is_no_regular_file_is_refused() {
    let (dir, path) = place();
    let lock = dir.path().join("s.lock");
    let target = dir.path().join("target");
    fs::write(&target, "").unwrap();
    let makers: [&dyn Fn(); 3] =
        [&|| fs::create_dir(&lock).unwrap(), &|| symlink(&target, &lock).unwrap(), &|| {
            symlink("nowhere", &lock).unwrap()
        }];
    for make in makers {
        make();
        let error = refused(&path);
        assert_eq!(fact(&error), SocketError::NotALockFile);
        fs::remove_file(&lock).or_else(|_| fs::remove_dir(&lock)).unwrap();
    }
}

#[test]
fn a_lock_of_another_user_is_refused_by_name() {
    if !is_root() {
        return;
    }
    let (dir, path) = place();
    let lock = dir.path().join("s.lock");
    fs::write(&lock, "").unwrap();
    lchown(&lock, Some(NOBODY), None).unwrap();
    for dead in [false, true] {
        if dead {
            drop(UnixListener::bind(&path).unwrap());
        }
        let error = refused(&path);
        assert_eq!(fact(&error), SocketError::ForeignLock { owner: NOBODY });
        assert!(error.to_string().contains("65534"), "{error}");
    }
}

#[test]
fn a_live_socket_of_another_type_is_left_alone() {
    let (_dir, path) = place();
    let packets = {
        let name = rustix::net::SocketAddrUnix::new(&path).unwrap();
        let packets =
            rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::SEQPACKET, None)
                .unwrap();
        rustix::net::bind(&packets, &name).unwrap();
        rustix::net::listen(&packets, 4).unwrap();
        packets
    };
    let error = refused(&path);
    assert!(matches!(&error, Error::Io(why) if why.raw_os_error() == Some(libc::EPROTOTYPE)), "{error:?}");
    drop(SeqPacket::connect(&path).unwrap());
    drop(packets);
    fs::remove_file(&path).unwrap();
    let datagrams = UnixDatagram::bind(&path).unwrap();
    let error = refused(&path);
    assert!(matches!(&error, Error::Io(why) if why.raw_os_error() == Some(libc::EPROTOTYPE)), "{error:?}");
    drop(datagrams);
    // A dead one of whatever type is replaced.
    assert_eq!(Peer::join(&path).unwrap().role(), Role::Listener);
}

#[test]
fn a_foreign_listener_that_says_nothing_is_never_displaced() {
    let (dir, path) = place();
    let foreign = UnixListener::bind(&path).unwrap();
    let before = fs::symlink_metadata(&path).unwrap();
    for _ in 0..2 {
        let error = Peer::join(&path).unwrap_err();
        assert_eq!(fact(&error), SocketError::AddressInUse);
        let after = fs::symlink_metadata(&path).unwrap();
        let same = |it: &fs::Metadata| (it.ino(), it.mode(), it.mtime(), it.mtime_nsec());
        assert_eq!(same(&after), same(&before));
        assert_eq!(Listing::of(dir.path()).names(dir.path()), ["s", "s.lock"]);
    }
    foreign.set_nonblocking(true).unwrap();
    while foreign.accept().is_ok() {}
    let _client = UnixStream::connect(&path).unwrap();
    assert!(foreign.accept().is_ok(), "it is reached as before");
}

#[test]
fn a_foreign_listener_that_speaks_otherwise_is_left_alone() {
    use std::io::Write as _;
    let (_dir, path) = place();
    let foreign = UnixListener::bind(&path).unwrap();
    let answering = std::thread::spawn(move || {
        let (mut client, _) = foreign.accept().unwrap();
        // It may be gone before all of it is written.
        let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        (foreign, client)
    });
    let error = refused(&path);
    assert!(matches!(error, Error::Peer(PeerFault::ForeignGreeting)), "{error:?}");
    answering.join().unwrap();
}

#[test]
fn peers_meet_neither_at_abstract_names_nor_at_descriptors_nor_on_other_wires() {
    let abstract_name = format!("@ginnel-peers-{}", std::process::id());
    for address in [&abstract_name[..], "fd:0"] {
        let error = Peer::join(address).unwrap_err();
        assert_eq!(fact(&error), SocketError::NotAPath, "{address}");
    }
    let (dir, path) = place();
    let before = Listing::of(dir.path());
    let lines = PeerOptions::new().connection(ConnectionOptions::new().wire(Wire::Lines));
    assert_eq!(fact(&Peer::join_with(&path, &lines).unwrap_err()), SocketError::NotAPeerWire);
    assert_eq!(Listing::of(dir.path()), before);
}

/// A part played by a process of its own: this test binary again, running `part_in_another_process` alone.
fn part(name: &str, path: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "part_in_another_process", "--nocapture", "--test-threads=1"])
        .env("GINNEL_PART", name)
        .env("GINNEL_PATH", path)
        .stdin(Stdio::null())
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

#[test]
fn part_in_another_process() {
    let Ok(name) = env::var("GINNEL_PART") else { return };
    let path = PathBuf::from(env::var_os("GINNEL_PATH").unwrap());
    match name.as_str() {
        "joins" => eprintln!("{:?}", Peer::join(&path).map(|peer| peer.role())),
        "runs out of descriptors" => runs_out_of_descriptors(&path),
        other => panic!("no part is called {other}"),
    }
}

#[test]
fn what_another_user_may_not_reach_is_not_touched() {
    if !is_root() {
        return;
    }
    let (dir, path) = place();
    let nobody = |expected: &str| {
        let before = Listing::of(dir.path());
        let mut joins = part("joins", &path);
        joins.uid(NOBODY).gid(NOBODY);
        let said = told(joins);
        assert!(said.contains(expected), "{said}");
        assert_eq!(Listing::of(dir.path()), before, "{said}");
    };
    let _live = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    // It may not even look.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    nobody("PermissionDenied");
    // It may look and not connect.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    nobody(&format!("code: {}", libc::EACCES));
    // It could replace what is there, as far as the directory is concerned.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    nobody(&format!("code: {}", libc::EACCES));
}

#[test]
fn whoever_runs_out_of_descriptors_takes_nothing_from_anybody() {
    let (_dir, path) = place();
    told(part("runs out of descriptors", &path));
}

fn runs_out_of_descriptors(path: &Path) {
    let dir = path.parent().unwrap();
    // Somebody lives there: with too few descriptors nothing is known of him.
    let live = UnixListener::bind(path).unwrap();
    let restrict = |allowed: u64| {
        let limit = getrlimit(Resource::Nofile);
        let next = File::open("/dev/null").unwrap().as_raw_fd() as u64;
        setrlimit(Resource::Nofile, Rlimit { current: Some(next + allowed), ..limit }).unwrap();
        limit
    };
    let without = |allowed: u64| {
        let limit = restrict(allowed);
        let joined = Peer::join(path).map(drop);
        setrlimit(Resource::Nofile, limit).unwrap();
        joined
    };
    let is_exhausted = |error: &Error| match error {
        Error::Io(why) => why.raw_os_error() == Some(libc::EMFILE),
        _ => false,
    };
    let before = Listing::of(dir);
    let mut exhausted = 0;
    while let Err(error) = without(exhausted)
        && is_exhausted(&error)
    {
        let names = Listing::of(dir);
        let names = names.names(dir);
        assert!(names == ["s"] || names == ["s", "s.lock"], "{names:?}");
        exhausted += 1;
    }
    assert!(exhausted > 2, "it was exhausted {exhausted} times");
    let now = Listing::of(dir);
    assert_eq!(now.0[path], before.0[path], "a live listener was displaced");
    // Nobody lives there: it is replaced with all that it takes, or not at all.
    drop(live);
    let dead = fs::metadata(path).unwrap().ino();
    let is_replaced = || fs::metadata(path).unwrap().ino() != dead;
    let mut allowed = 0;
    loop {
        let limit = restrict(allowed);
        let joining = {
            let path = path.to_owned();
            std::thread::spawn(move || Peer::join(path))
        };
        // Once it has the path it keeps it, and goes on when there are descriptors again.
        while !joining.is_finished() && !is_replaced() {
            std::thread::yield_now();
        }
        setrlimit(Resource::Nofile, limit).unwrap();
        match joining.join().unwrap() {
            Ok(peer) => {
                assert!(peer.role() == Role::Listener && is_replaced());
                break;
            }
            Err(error) => assert!(is_exhausted(&error) && !is_replaced(), "{error:?}"),
        }
        allowed += 1;
    }
    assert!(allowed > 2, "it was exhausted {allowed} times");
    assert_eq!(Listing::of(dir).names(dir), ["s.lock"]);
}
