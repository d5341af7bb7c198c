//! On Unix a place is a path in a temporary directory.

use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use ginnel_os::{Credentials, Neighbour};
use tempfile::TempDir;

/// Where a test meets itself.
pub(crate) type Place = PathBuf;

/// A socket of std's at the other end, which knows nothing of this library.
pub(crate) type Bare = UnixStream;

/// A listener that ends can leave its path to another.
pub(crate) const HAS_STANDBYS: bool = true;

/// One direction of a connection can be closed alone.
pub(crate) const HAS_HALF_CLOSES: bool = true;

/// How many frames of another may be read after something has come and before that is told.
pub(crate) const LATE: usize = 0;

/// How many large messages may still be written to one who has closed, before that is seen.
pub(crate) const UNSEEN: usize = 0;

/// A place of this test's own, and what removes it at the end.
pub(crate) fn place() -> (TempDir, Place) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("s");
    (dir, path)
}

/// The place as a URL of SP.
pub(crate) fn ipc(path: &Path) -> String {
    format!("ipc://{}", path.display())
}

/// Connects to a place.
pub(crate) fn bare(path: &Path) -> Bare {
    UnixStream::connect(path).expect("somebody listens there")
}

/// What is there to read now.
pub(crate) fn there(peer: &mut Bare) -> Vec<u8> {
    peer.set_nonblocking(true).expect("a socket");
    let mut bytes = Vec::new();
    match peer.read_to_end(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        other => drop(other.expect("a socket")),
    }
    peer.set_nonblocking(false).expect("a socket");
    bytes
}

/// Somebody owns the place, or has and left nothing but the lock file.
pub(crate) fn is_owned(path: &Path) -> bool {
    let files = path.parent().expect("a directory").read_dir().expect("a directory");
    let name = |file: io::Result<std::fs::DirEntry>| file.expect("a file").file_name();
    let mut names: Vec<_> = files.map(name).map(|name| name.into_string().expect("a text")).collect();
    names.sort();
    assert!(names == ["s", "s.lock"] || names == ["s.lock"], "{names:?}");
    names.len() == 2
}

/// Nobody owns the place any more.
pub(crate) fn is_free(path: &Path) -> bool {
    !is_owned(path)
}

/// The credentials are those of this process.
pub(crate) fn is_this_process(peer: &Credentials) -> bool {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    (peer.pid, peer.uid, peer.gid) == (Some(std::process::id()), uid, gid)
}

/// A neighbour that is this process.
pub(crate) fn is_neighbour_here(peer: &Neighbour) -> bool {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    (peer.pid, peer.uid, peer.gid) == (Some(std::process::id()), Some(uid), Some(gid))
}
