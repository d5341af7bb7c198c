//! What only macOS has, or has not.
#![expect(unsafe_code, reason = "calls of this system that rustix lacks take pointers")]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{OFlags, RenameFlags};
use rustix::io::{Errno, FdFlags, retry_on_intr};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use super::kqueue::msg;
use super::{Rename, SocketKind, posix};
use crate::SocketError;
use crate::ancillary::Layout;

/// How control messages lie here: a length of four bytes, two `int`s, and everything aligned to four bytes, on every
/// processor. `CMSG_ALIGN` in `<sys/socket.h>`
pub(crate) const CONTROL: Layout =
    Layout { length: size_of::<libc::socklen_t>(), align: 4, most_fds: 512, stamp: None, pidfd: None };

/// There is no flag that makes received descriptors close-on-exec.
pub(super) const RECEIVE: i32 = 0;
/// Nor one that asks for the length of what was cut.
pub(super) const WHOLE: i32 = 0;
/// The level of options of local sockets. `SOL_LOCAL`
pub(super) const LOCAL: i32 = 0;
/// Nothing tells that a file was closed.
pub(super) const NOTE_CLOSED: u32 = 0;
/// Locks of this process are told by the question that belongs to locks of open files, macOS 10.15.
pub(super) const LOCK_QUESTIONS: &[i32] = &[libc::F_OFD_GETLK, libc::F_GETLK];
/// A directory is read, or it cannot be named in.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// There are no local packet sockets. unix(4)
pub(super) fn can_have(kind: SocketKind) -> io::Result<()> {
    match kind {
        SocketKind::SeqPacket => Err(SocketError::NoSeqPacket.into()),
        SocketKind::Stream | SocketKind::Datagram => Ok(()),
    }
}

/// Close-on-exec is set by a call of its own: a program that another thread starts in between inherits the descriptor.
pub(super) fn close_on_exec(fd: &OwnedFd) {
    // It fails for no descriptor that is open.
    let _ = rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC);
}

/// Sending never raises SIGPIPE. `SO_NOSIGPIPE`, setsockopt(2)
pub(super) fn quieten(fd: BorrowedFd<'_>) {
    // It fails for what is no socket, and for one whose ends are both closed.
    let _ = msg::set_option(fd, (libc::SOL_SOCKET, libc::SO_NOSIGPIPE), 1);
}

fn prepared(fd: OwnedFd, nonblocking: bool) -> rustix::io::Result<OwnedFd> {
    close_on_exec(&fd);
    quieten(fd.as_fd());
    rustix::io::ioctl_fionbio(&fd, nonblocking)?;
    Ok(fd)
}

pub(super) fn socket(family: AddressFamily, kind: SocketType, nonblocking: bool) -> io::Result<OwnedFd> {
    Ok(prepared(rustix::net::socket(family, kind, None)?, nonblocking)?)
}

pub(super) fn socket_pair(kind: SocketType, nonblocking: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = rustix::net::SocketFlags::empty();
    let (a, b) = rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None)?;
    Ok((prepared(a, nonblocking)?, prepared(b, nonblocking)?))
}

/// What is accepted has the listener's mode and its `SO_NOSIGPIPE`, and the latter cannot be set where the other side has
/// left already: so the listener is given it first, which may be adopted.
pub(super) fn accept(fd: BorrowedFd<'_>, nonblocking: bool) -> rustix::io::Result<OwnedFd> {
    quieten(fd);
    prepared(rustix::net::accept(fd)?, nonblocking)
}

/// Is it a socket of the local family? There is no `SO_DOMAIN`; every socket knows the family of its name.
pub(super) fn is_local(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(rustix::net::getsockname(fd)?.address_family() == AddressFamily::UNIX)
}

/// Does it listen? `SO_ACCEPTCONN` is declared and no option; the flag is told among all that is known of a descriptor.
/// `PROC_PIDFDSOCKETINFO`, `<sys/proc_info.h>`
#[cfg(target_os = "macos")]
pub(super) fn is_listening(fd: BorrowedFd<'_>) -> io::Result<bool> {
    use std::os::fd::AsRawFd;

    // What is no socket says so.
    rustix::net::sockopt::socket_type(fd)?;
    let mut info = [0_u8; ROOM];
    // SAFETY: the kernel writes at most so many bytes.
    let written = unsafe {
        libc::proc_pidfdinfo(
            posix::pid() as i32,
            fd.as_raw_fd(),
            SOCKET_INFO,
            info.as_mut_ptr().cast(),
            ROOM as i32,
        )
    };
    match info.get(OPTIONS..OPTIONS + 2).map(<[u8; 2]>::try_from) {
        Some(Ok(options)) if written > OPTIONS as i32 + 1 => {
            Ok(i32::from(i16::from_ne_bytes(options)) & libc::SO_ACCEPTCONN != 0)
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// `PROC_PIDFDSOCKETINFO`, which libc does not name.
#[cfg(target_os = "macos")]
const SOCKET_INFO: libc::c_int = 3;
/// Room for `struct socket_fdinfo`, which has 792 bytes.
#[cfg(target_os = "macos")]
const ROOM: usize = 1024;
/// Where `psi.soi_options` stands in it: behind 24 bytes of `proc_fileinfo`, 136 of `vinfo_stat`, two addresses and three
/// numbers.
#[cfg(target_os = "macos")]
const OPTIONS: usize = 24 + 136 + 2 * 8 + 3 * 4;

/// A socket that is not connected is taken for one that listens: nothing tells the two apart.
#[cfg(not(target_os = "macos"))]
pub(super) fn is_listening(fd: BorrowedFd<'_>) -> io::Result<bool> {
    match rustix::net::getpeername(fd) {
        Err(Errno::NOTCONN) => Ok(true),
        Ok(_) | Err(Errno::INVAL) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// An empty packet is not told from the end: there are no packet sockets that could end.
pub(super) fn stamp_packets(fd: BorrowedFd<'_>) -> io::Result<()> {
    rustix::net::sockopt::socket_type(fd)?;
    Ok(())
}

/// The process that used the other end last. `LOCAL_PEERPID`
pub(super) fn peer_pid(fd: BorrowedFd<'_>, _peer: &libc::xucred) -> Option<i32> {
    // SAFETY: any bytes are a number.
    unsafe { msg::option(fd, (LOCAL, libc::LOCAL_PEERPID)) }.ok()
}

/// A socket file cannot be opened, not even to be told of it. It is known by its inode number, which APFS gives to no
/// other file afterwards.
pub(super) fn hold(_directory: BorrowedFd<'_>, _name: &[u8]) -> io::Result<Option<OwnedFd>> {
    Ok(None)
}

/// `RENAME_EXCL`, `RENAME_SWAP`; renameatx_np(2)
pub(super) fn rename(dir: BorrowedFd<'_>, from: &[u8], to: &[u8], how: Rename) -> rustix::io::Result<()> {
    let flags = match how {
        Rename::NoReplace | Rename::Aside => RenameFlags::NOREPLACE,
        Rename::Exchange => RenameFlags::EXCHANGE,
    };
    rustix::fs::renameat_with(dir, from, dir, to, flags)
}

pub(super) fn bind_at(
    directory: BorrowedFd<'_>,
    fd: BorrowedFd<'_>,
    name: &SocketAddrUnix,
) -> io::Result<()> {
    inside(directory, || Ok(rustix::net::bind(fd, name)?))
}

pub(super) fn connect_at(
    directory: BorrowedFd<'_>,
    fd: BorrowedFd<'_>,
    name: &SocketAddrUnix,
) -> io::Result<()> {
    inside(directory, || Ok(retry_on_intr(|| rustix::net::connect(fd, name))?))
}

/// Makes a call with this directory as the working directory of this thread alone. Since macOS 10.12
#[cfg(target_os = "macos")]
pub(super) fn inside<T>(directory: BorrowedFd<'_>, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    use std::os::fd::AsRawFd;

    unsafe extern "C" {
        /// The thread's own working directory from now on; -1: the process's again.
        fn pthread_fchdir_np(directory: libc::c_int) -> libc::c_int;
    }

    /// Goes back, whatever happens.
    struct Back;

    impl Drop for Back {
        fn drop(&mut self) {
            // SAFETY: it takes no pointer. It fails only for a thread without a directory of its own.
            unsafe { pthread_fchdir_np(-1) };
        }
    }

    // SAFETY: it takes no pointer, and the descriptor is open.
    if unsafe { pthread_fchdir_np(directory.as_raw_fd()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let _back = Back;
    call()
}

/// Threads have no working directory of their own.
#[cfg(not(target_os = "macos"))]
pub(super) fn inside<T>(_directory: BorrowedFd<'_>, _call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    Err(Errno::NAMETOOLONG.into())
}

/// When a process began, in microseconds. `PROC_PIDTBSDINFO`, `<libproc.h>`
#[cfg(target_os = "macos")]
pub(super) fn start_of(pid: u32) -> io::Result<Option<u64>> {
    let mut info = std::mem::MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let room = size_of::<libc::proc_bsdinfo>() as libc::c_int;
    let pid = i32::try_from(pid).map_err(|_| Errno::SRCH)?;
    // SAFETY: the kernel writes at most so many bytes.
    let written =
        unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, info.as_mut_ptr().cast(), room) };
    if written == room {
        // SAFETY: the whole structure was written, and it is integers.
        let info = unsafe { info.assume_init() };
        return Ok(Some(info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec));
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::ESRCH) => Err(error),
        // A process of another user's.
        _ => Ok(None),
    }
}

/// A process cannot be told from the next one with its number.
#[cfg(not(target_os = "macos"))]
pub(super) fn start_of(_pid: u32) -> io::Result<Option<u64>> {
    Ok(None)
}
