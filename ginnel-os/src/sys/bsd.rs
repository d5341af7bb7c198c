//! What only FreeBSD has, or has not.
#![expect(unsafe_code, reason = "calls of this system that rustix lacks take pointers")]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::addr::{SocketAddrArg, SocketAddrOpaque};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::kqueue::msg;
use super::{Rename, SocketKind};
use crate::ancillary::Layout;

/// How control messages lie here: a length of four bytes, two `int`s, and everything aligned to a register. `_ALIGN` in
/// `<machine/_align.h>`
pub(crate) const CONTROL: Layout = Layout {
    length: size_of::<libc::socklen_t>(),
    align: size_of::<libc::c_long>(),
    // What fits a cluster of 2,048 bytes as pointers.
    most_fds: 254,
    stamp: Some(libc::SCM_CREDS2),
    pidfd: None,
};

/// Received descriptors are close-on-exec.
pub(super) const RECEIVE: i32 = libc::MSG_CMSG_CLOEXEC;
/// Where the system knows it, the length of what was cut is told.
pub(super) const WHOLE: i32 = libc::MSG_TRUNC;
/// The level of options of local sockets.
pub(super) const LOCAL: i32 = libc::SOL_LOCAL;
/// Somebody has closed the file.
pub(super) const NOTE_CLOSED: u32 = libc::NOTE_CLOSE | libc::NOTE_CLOSE_WRITE;
/// Nothing tells of locks of this process.
pub(super) const LOCK_QUESTIONS: &[i32] = &[libc::F_GETLK];
/// A directory is only pointed at, FreeBSD 13.1.
pub(super) const DIRECTORY: OFlags = PATH.union(OFlags::DIRECTORY);

const PATH: OFlags = OFlags::from_bits_retain(libc::O_PATH as _);

/// All three kinds are there. unix(4)
pub(super) fn can_have(_kind: SocketKind) -> io::Result<()> {
    Ok(())
}

/// The kernel has seen to it.
pub(super) fn close_on_exec(_fd: &OwnedFd) {}

/// Each call has a flag for that.
pub(super) fn quieten(_fd: BorrowedFd<'_>) {}

fn flags(nonblocking: bool) -> SocketFlags {
    if nonblocking { SocketFlags::CLOEXEC | SocketFlags::NONBLOCK } else { SocketFlags::CLOEXEC }
}

pub(super) fn socket(family: AddressFamily, kind: SocketType, nonblocking: bool) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(family, kind, flags(nonblocking), None)?)
}

pub(super) fn socket_pair(kind: SocketType, nonblocking: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, kind, flags(nonblocking), None)?)
}

pub(super) fn accept(fd: BorrowedFd<'_>, nonblocking: bool) -> rustix::io::Result<OwnedFd> {
    rustix::net::accept_with(fd, flags(nonblocking))
}

/// Is it a socket of the local family?
pub(super) fn is_local(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(rustix::net::sockopt::socket_domain(fd)? == AddressFamily::UNIX)
}

/// Does it listen?
pub(super) fn is_listening(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(rustix::net::sockopt::socket_acceptconn(fd)?)
}

/// Packets of local sockets have no time, but may have the credentials of their sender, each of them.
/// `LOCAL_CREDS_PERSISTENT`, FreeBSD 13
pub(super) fn stamp_packets(fd: BorrowedFd<'_>) -> io::Result<()> {
    msg::set_option(fd, (LOCAL, libc::LOCAL_CREDS_PERSISTENT), 1)
}

/// It stands among the credentials, FreeBSD 13.
pub(super) fn peer_pid(_fd: BorrowedFd<'_>, peer: &libc::xucred) -> Option<i32> {
    // SAFETY: the number is a part of the union that the kernel fills. `cr_pid`, <sys/ucred.h>
    Some(unsafe { peer.cr_pid__c_anonymous_union.cr_pid })
}

/// A descriptor that only points at the file: its inode number is not used again meanwhile.
pub(super) fn hold(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<OwnedFd>> {
    let flags = PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(Some(retry_on_intr(|| rustix::fs::openat(directory, name, flags, Mode::empty()))?))
}

/// There is no call that renames without replacing, or exchanges.
pub(super) fn rename(_: BorrowedFd<'_>, _: &[u8], _: &[u8], _: Rename) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

type At =
    unsafe extern "C" fn(libc::c_int, libc::c_int, *const libc::sockaddr, libc::socklen_t) -> libc::c_int;

unsafe extern "C" {
    fn bindat(
        directory: libc::c_int,
        fd: libc::c_int,
        name: *const libc::sockaddr,
        length: libc::socklen_t,
    ) -> libc::c_int;
    fn connectat(
        directory: libc::c_int,
        fd: libc::c_int,
        name: *const libc::sockaddr,
        length: libc::socklen_t,
    ) -> libc::c_int;
}

fn at(ask: At, directory: BorrowedFd<'_>, fd: BorrowedFd<'_>, name: &SocketAddrUnix) -> io::Result<()> {
    let asked = |name: *const SocketAddrOpaque, length| {
        // SAFETY: name and length are lent side by side for the call, which reads them only. bindat(2), connectat(2)
        unsafe { ask(directory.as_raw_fd(), fd.as_raw_fd(), name.cast(), length) }
    };
    // SAFETY: the pointer is used only while `with_sockaddr` lends it.
    match unsafe { name.with_sockaddr(asked) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(super) fn bind_at(
    directory: BorrowedFd<'_>,
    fd: BorrowedFd<'_>,
    name: &SocketAddrUnix,
) -> io::Result<()> {
    at(bindat, directory, fd, name)
}

pub(super) fn connect_at(
    directory: BorrowedFd<'_>,
    fd: BorrowedFd<'_>,
    name: &SocketAddrUnix,
) -> io::Result<()> {
    at(connectat, directory, fd, name)
}

/// Nothing but `bindat` and `connectat` begins in a directory that is open: a datagram cannot be sent there by its name.
pub(super) fn inside<T>(_directory: BorrowedFd<'_>, _call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    Err(Errno::NAMETOOLONG.into())
}

/// When a process began, in microseconds. `KERN_PROC_PID`, sysctl(3)
pub(super) fn start_of(pid: u32) -> io::Result<Option<u64>> {
    let pid = i32::try_from(pid).map_err(|_| Errno::SRCH)?;
    let question = [libc::CTL_KERN, libc::KERN_PROC, libc::KERN_PROC_PID, pid];
    let mut process = MaybeUninit::<libc::kinfo_proc>::zeroed();
    let mut length = size_of::<libc::kinfo_proc>();
    // SAFETY: the question is read, at most `length` bytes are written to `process` and their count to `length`. sysctl(3)
    let result = unsafe {
        libc::sysctl(question.as_ptr(), 4, process.as_mut_ptr().cast(), &raw mut length, ptr::null(), 0)
    };
    if result != 0 {
        return match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ESRCH) => Err(error),
            // A process of another jail's, or a structure of another size.
            _ => Ok(None),
        };
    }
    if length != size_of::<libc::kinfo_proc>() {
        return Ok(None);
    }
    // SAFETY: the whole structure was written; it is integers, and pointers that nobody follows.
    let start = unsafe { process.assume_init() }.ki_start;
    let (seconds, micros) = (start.tv_sec.unsigned_abs(), start.tv_usec.unsigned_abs());
    Ok(Some(seconds * 1_000_000 + micros))
}
