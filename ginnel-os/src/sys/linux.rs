//! Linux, by way of rustix.
#![expect(unsafe_code, reason = "descriptor numbers out of control messages become owned descriptors")]

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ginnel_proto::election::Inode;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, RawMode, RenameFlags, Uid};
use rustix::io::{Errno, FdFlags, retry_on_intr};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

use super::{
    Descriptors, FileKind, Files, Incoming, Outgoing, PeerIds, Rename, Slot, SocketKind, Sockets, Status,
    Sys, Taken, Wait, Would, linux_msg,
};
use crate::name::Locks;
use crate::poller::Epoll;

/// Closing any descriptor of a lock file drops all locks that the process has on it, so the process needs one
/// register of them: one of the statics that ARCHITECTURE.md names.
static LOCKS: Locks<OwnedFd> = Locks::new();

/// Held while an inherited descriptor is taken over: what is inherited belongs to the process.
static TAKING: Mutex<()> = Mutex::new(());

/// The real kernel.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Kernel;

fn kind_number(kind: SocketKind) -> SocketType {
    match kind {
        SocketKind::Stream => SocketType::STREAM,
        SocketKind::SeqPacket => SocketType::SEQPACKET,
        SocketKind::Datagram => SocketType::DGRAM,
    }
}

fn flags(nonblocking: bool) -> SocketFlags {
    if nonblocking { SocketFlags::CLOEXEC | SocketFlags::NONBLOCK } else { SocketFlags::CLOEXEC }
}

fn status(stat: &rustix::fs::Stat) -> Status {
    let kind = FileType::from_raw_mode(stat.st_mode);
    Status {
        inode: Inode { device: stat.st_dev, number: stat.st_ino },
        kind: match kind {
            FileType::Socket => FileKind::Socket,
            FileType::Directory => FileKind::Directory,
            FileType::RegularFile => FileKind::Regular,
            _ => FileKind::Other,
        },
        uid: stat.st_uid,
        mode: Mode::from_raw_mode(stat.st_mode).as_raw_mode(),
    }
}

/// `EAGAIN` and an interrupted wait are "not yet".
fn not_yet<T>(result: Result<T, Errno>) -> Would<T> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn one_byte(byte: i64) -> libc::flock64 {
    libc::flock64 {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: byte,
        l_len: 1,
        l_pid: 0,
    }
}

impl Descriptors for Kernel {
    type Fd = OwnedFd;
    type Borrowed<'a> = BorrowedFd<'a>;

    #[inline]
    fn borrow<'a>(&self, fd: &'a OwnedFd) -> BorrowedFd<'a> {
        fd.as_fd()
    }

    #[inline]
    fn number(&self, fd: BorrowedFd<'_>) -> i32 {
        fd.as_raw_fd()
    }

    #[inline]
    unsafe fn own(&self, number: i32) -> OwnedFd {
        // SAFETY: the caller vouches that the kernel made this descriptor for us and that nobody owns it.
        unsafe { OwnedFd::from_raw_fd(number) }
    }

    fn duplicate(&self, number: u16) -> io::Result<OwnedFd> {
        // SAFETY: the number is only looked up, by one call that fails with EBADF if nothing is open there. The
        // loan ends before it returns.
        let inherited = unsafe { BorrowedFd::borrow_raw(i32::from(number)) };
        Ok(rustix::io::fcntl_dupfd_cloexec(inherited, 3)?)
    }
}

// SAFETY: recvmsg(2) and recvmmsg(2) write what they report, from the start of each buffer. Only sockets of other
// families report more than they write (TCP, with `MSG_TRUNC`), and `kind` knows none of them.
unsafe impl Sockets for Kernel {
    fn socket(&self, kind: SocketKind, nonblocking: bool) -> io::Result<OwnedFd> {
        Ok(rustix::net::socket_with(AddressFamily::UNIX, kind_number(kind), flags(nonblocking), None)?)
    }

    fn socket_pair(&self, kind: SocketKind, nonblocking: bool) -> io::Result<(OwnedFd, OwnedFd)> {
        Ok(rustix::net::socketpair(AddressFamily::UNIX, kind_number(kind), flags(nonblocking), None)?)
    }

    fn bind(&self, fd: BorrowedFd<'_>, name: &SocketAddrUnix) -> io::Result<()> {
        Ok(rustix::net::bind(fd, name)?)
    }

    fn listen(&self, fd: BorrowedFd<'_>, backlog: u32) -> io::Result<()> {
        Ok(rustix::net::listen(fd, i32::try_from(backlog).unwrap_or(i32::MAX))?)
    }

    fn connect(&self, fd: BorrowedFd<'_>, name: &SocketAddrUnix) -> Would<()> {
        not_yet(rustix::net::connect(fd, name))
    }

    fn accept(&self, fd: BorrowedFd<'_>, nonblocking: bool) -> Would<OwnedFd> {
        not_yet(rustix::net::accept_with(fd, flags(nonblocking)))
    }

    #[inline]
    fn send(&self, fd: BorrowedFd<'_>, outgoing: Outgoing<'_>, wait: Wait) -> Would<usize> {
        linux_msg::send(fd, outgoing, wait)
    }

    #[inline]
    fn receive(&self, fd: BorrowedFd<'_>, incoming: Incoming<'_>, wait: Wait) -> Would<Taken> {
        linux_msg::receive(fd, incoming, wait)
    }

    fn send_many(&self, fd: BorrowedFd<'_>, packets: &[IoSlice<'_>], wait: Wait) -> Would<usize> {
        linux_msg::send_many(fd, packets, wait)
    }

    fn receive_many(&self, fd: BorrowedFd<'_>, slots: &mut [Slot<'_>], wait: Wait) -> Would<usize> {
        linux_msg::receive_many(fd, slots, wait)
    }

    fn shutdown(&self, fd: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        Ok(rustix::net::shutdown(fd, how)?)
    }

    fn peer_ids(&self, fd: BorrowedFd<'_>) -> io::Result<PeerIds> {
        linux_msg::peer_ids(fd)
    }

    fn peer_groups(&self, fd: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
        linux_msg::peer_groups(fd)
    }

    fn kind(&self, fd: BorrowedFd<'_>) -> io::Result<Option<SocketKind>> {
        if sockopt::socket_domain(fd)? != AddressFamily::UNIX {
            return Ok(None);
        }
        Ok(match sockopt::socket_type(fd)? {
            SocketType::STREAM => Some(SocketKind::Stream),
            SocketType::SEQPACKET => Some(SocketKind::SeqPacket),
            SocketType::DGRAM => Some(SocketKind::Datagram),
            _ => None,
        })
    }

    fn is_listening(&self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        Ok(sockopt::socket_acceptconn(fd)?)
    }

    fn set_nonblocking(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(rustix::io::ioctl_fionbio(fd, true)?)
    }

    fn set_send_buffer(&self, fd: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
        Ok(sockopt::set_socket_send_buffer_size(fd, bytes)?)
    }

    fn stamp_packets(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        linux_msg::stamp_packets(fd)
    }
}

impl Sys for Kernel {
    type Poller = Epoll;

    fn poller(&self) -> io::Result<Epoll> {
        Epoll::new()
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

impl Files for Kernel {
    fn open_directory(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?)
    }

    fn pin(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(retry_on_intr(|| rustix::fs::openat(directory, name, flags, Mode::empty()))?)
    }

    fn open_name(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        Ok(retry_on_intr(|| rustix::fs::openat(directory, name, flags, Mode::empty()))?)
    }

    fn open_lock(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(retry_on_intr(|| rustix::fs::openat(directory, name, flags, mode))?)
    }

    fn status_at(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<Status>> {
        match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(status(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn status(&self, fd: BorrowedFd<'_>) -> io::Result<Status> {
        Ok(status(&rustix::fs::fstat(fd)?))
    }

    fn set_mode(&self, fd: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(fd, Mode::from_raw_mode(mode as RawMode))?)
    }

    fn set_mode_at(&self, directory: BorrowedFd<'_>, name: &[u8], mode: u32) -> io::Result<()> {
        Ok(rustix::fs::chmodat(directory, name, Mode::from_raw_mode(mode as RawMode), AtFlags::empty())?)
    }

    fn set_owner_at(
        &self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        (uid, gid): (Option<u32>, Option<u32>),
    ) -> io::Result<()> {
        let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        Ok(rustix::fs::chownat(directory, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn rename_at(&self, dir: BorrowedFd<'_>, from: &[u8], to: &[u8], how: Rename) -> io::Result<()> {
        let flags = match how {
            Rename::NoReplace => RenameFlags::NOREPLACE,
            Rename::Exchange => RenameFlags::EXCHANGE,
        };
        match rustix::fs::renameat_with(dir, from, dir, to, flags) {
            Err(Errno::INVAL | Errno::NOSYS) => rename_plainly(dir, from, to, how),
            other => Ok(other?),
        }
    }

    fn unlink_at(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(directory, name, AtFlags::empty())?)
    }

    fn list(&self, directory: BorrowedFd<'_>) -> io::Result<Vec<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let readable = rustix::fs::openat(directory, ".", flags, Mode::empty())?;
        let entries = rustix::fs::Dir::new(readable)?;
        entries.map(|entry| Ok(entry?.file_name().to_bytes().to_owned())).collect()
    }

    fn try_lock(&self, fd: BorrowedFd<'_>, byte: i64) -> Would<()> {
        let libc::flock64 { l_type, l_whence, .. } = one_byte(byte);
        // Where `off_t` has 32 bits this command reads the smaller structure, and F_OFD_GETLK the larger one.
        let lock = libc::flock { l_type, l_whence, l_start: byte as _, l_len: 1, l_pid: 0 };
        // SAFETY: `lock` is the structure of F_SETLK, lives across the call, and is only read. fcntl(2)
        match unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETLK, &raw const lock) } {
            0 => Ok(Some(())),
            _ => match io::Error::last_os_error() {
                error if [Some(libc::EAGAIN), Some(libc::EACCES)].contains(&error.raw_os_error()) => Ok(None),
                error => Err(error),
            },
        }
    }

    fn lock_holder(&self, fd: BorrowedFd<'_>, byte: i64) -> io::Result<Option<u32>> {
        let mut lock = one_byte(byte);
        // SAFETY: `lock` is the structure of F_OFD_GETLK and lives across the call, which writes no more than it.
        // fcntl(2)
        match unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) } {
            0 if lock.l_type == libc::F_UNLCK as i16 => Ok(None),
            0 => Ok(Some(u32::try_from(lock.l_pid).unwrap_or(0))),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn locks(&self) -> &Locks<OwnedFd> {
        &LOCKS
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn random(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        // Eight bytes come whole: getrandom(2) promises it up to 256.
        retry_on_intr(|| rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()))?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

/// For file systems without renameat2's flags. A hard link fails like `NoReplace` if the target exists; an
/// exchange becomes a replacement, which leaves nothing at `from`.
fn rename_plainly(dir: BorrowedFd<'_>, from: &[u8], to: &[u8], how: Rename) -> io::Result<()> {
    match how {
        Rename::NoReplace => {
            rustix::fs::linkat(dir, from, dir, to, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(dir, from, AtFlags::empty())?)
        }
        Rename::Exchange => Ok(rustix::fs::renameat(dir, from, dir, to)?),
    }
}

/// The peer's pidfd, if the kernel has such a thing and the peer can still be named. `SO_PEERPIDFD`
pub(crate) fn peer_pidfd(fd: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    linux_msg::peer_pidfd(fd)
}

/// The peer's security label, if a security module gave it one. `SO_PEERSEC`
pub(crate) fn peer_label(fd: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    linux_msg::peer_label(fd)
}

/// Refuses descriptors: whoever sends some gets `EPERM`. `false`: the kernel is older than Linux 6.16.
pub(crate) fn refuse_fds(fd: BorrowedFd<'_>) -> io::Result<bool> {
    linux_msg::refuse_fds(fd)
}

/// Takes over a descriptor that the service manager passed. `None` if it is close-on-exec, which no descriptor
/// is that came through exec: it belongs to somebody in this process.
pub(crate) fn take_inherited(number: i32) -> io::Result<Option<OwnedFd>> {
    // Looking at the flag and setting it are two calls: of two threads that ask at once, both would find it unset and
    // own the same descriptor. `what_several_threads_take_at_once_one_of_them_gets`
    let _one_at_a_time = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: as in `Descriptors::duplicate`.
    let inherited = unsafe { BorrowedFd::borrow_raw(number) };
    let flags = rustix::io::fcntl_getfd(inherited)?;
    if flags.contains(FdFlags::CLOEXEC) {
        return Ok(None);
    }
    rustix::io::fcntl_setfd(inherited, flags | FdFlags::CLOEXEC)?;
    // SAFETY: LISTEN_PID names this process, so by the protocol of sd_listen_fds(3) the descriptor was opened for it
    // by whoever started it. Std and this library open everything close-on-exec, so one that is not came through exec
    // and nobody has taken it over yet; nobody does meanwhile, because of the lock above.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(number) }))
}

/// The effective user id of this process.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Makes a directory for its owner alone. mkdir(2)
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::mkdir(path, Mode::RWXU)?)
}

#[cfg(test)]
mod inherited_at_the_edge;
