//! What a socket is found by: a path that fits a socket address, or a name within an open directory.
//!
//! There is no `/proc/self/fd`: whoever holds a directory reaches its names by calls of this system's own.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use ginnel_proto::election::Inode;
use rustix::fs::AtFlags;
use rustix::io::Errno;
use rustix::net::SocketAddrUnix;

use crate::SocketError;
use crate::sys::{Status, Would, posix, special};

/// Bytes of a path that fit a socket address: one less than `sun_path`, for the NUL. unix(4)
pub(crate) const SUN_PATH: usize = 103;

/// Are there names that are no files?
pub(crate) const HAS_ABSTRACT_NAMES: bool = false;

/// What a socket is found by.
#[derive(Debug)]
pub struct Name {
    /// The path, or the name within a directory.
    path: SocketAddrUnix,
    within: Option<Within>,
}

/// A name of an open directory.
#[derive(Debug)]
struct Within {
    directory: OwnedFd,
    name: Vec<u8>,
    /// The file that has to be there.
    only: Option<Inode>,
}

/// A path that fits, as the kernel takes it.
pub(crate) fn plain_name(path: &Path) -> io::Result<Name> {
    Ok(Name { path: SocketAddrUnix::new(path)?, within: None })
}

/// Names that are no files exist on Linux alone.
pub(crate) fn abstract_name(_name: &[u8]) -> io::Result<Name> {
    Err(SocketError::NoAbstractNames.into())
}

/// A name of an open directory.
pub(in crate::sys) fn within(
    directory: BorrowedFd<'_>,
    name: &[u8],
    only: Option<Inode>,
) -> io::Result<Name> {
    let directory = rustix::io::fcntl_dupfd_cloexec(directory, 3)?;
    let within = Within { directory, name: name.to_owned(), only };
    Ok(Name { path: SocketAddrUnix::new(name)?, within: Some(within) })
}

impl Within {
    /// A socket file cannot be connected to by a descriptor, so it is looked at before and behind: what is there at both
    /// moments was reached, unless somebody has put another there in between and this one back.
    fn check(&self) -> io::Result<()> {
        let Some(only) = self.only else { return Ok(()) };
        match status_at(self.directory.as_fd(), &self.name)? {
            Some(there) if there.inode == only => Ok(()),
            _ => Err(Errno::NOENT.into()),
        }
    }
}

pub(in crate::sys) fn bind(fd: BorrowedFd<'_>, name: &Name) -> io::Result<()> {
    match &name.within {
        None => Ok(rustix::net::bind(fd, &name.path)?),
        Some(within) => special::bind_at(within.directory.as_fd(), fd, &name.path),
    }
}

pub(in crate::sys) fn connect(fd: BorrowedFd<'_>, name: &Name) -> Would<()> {
    let Some(within) = &name.within else {
        return connected(rustix::net::connect(fd, &name.path).map_err(io::Error::from));
    };
    within.check()?;
    let done = special::connect_at(within.directory.as_fd(), fd, &name.path);
    within.check()?;
    connected(done)
}

/// A full queue is told as a refusal here, so nothing ever has to be waited for but a listener that wants to accept first
/// (`LOCAL_CONNWAIT`), and whoever reads is told what comes of that. connect(2)
fn connected(done: io::Result<()>) -> Would<()> {
    match done.map_err(|error| (error.raw_os_error(), error)) {
        Ok(()) | Err((Some(libc::EISCONN | libc::EINPROGRESS | libc::EALREADY), _)) => Ok(Some(())),
        Err((Some(libc::EAGAIN | libc::EINTR), _)) => Ok(None),
        Err((_, error)) => Err(error),
    }
}

/// Makes a call with the socket address that a name is to whoever calls.
pub(in crate::sys) fn addressed<T>(
    name: &Name,
    call: impl FnOnce(&SocketAddrUnix) -> io::Result<T>,
) -> io::Result<T> {
    match &name.within {
        None => call(&name.path),
        Some(within) => special::inside(within.directory.as_fd(), || call(&name.path)),
    }
}

/// What a name is, without following a link.
pub(in crate::sys) fn status_at(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<Status>> {
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(posix::status(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
