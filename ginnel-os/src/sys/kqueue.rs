//! macOS and FreeBSD, by way of rustix. Where the two differ, it is in `apple.rs` and `bsd.rs`.
#![expect(unsafe_code, reason = "descriptor numbers out of control messages become owned descriptors")]

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use ginnel_proto::election::Inode;
use ginnel_proto::machine::ProcessId;
use rustix::net::{AddressFamily, SocketType, sockopt};

use super::{
    Descriptors, Incoming, Outgoing, PeerIds, Slot, SocketKind, Sockets, Sys, Taken, Wait, Would, posix,
    special, tcp,
};
use crate::poller::System;

pub(crate) mod event;
mod files;
pub(super) mod msg;
mod name;
mod process;
mod watch;

pub use files::Pin;
pub(crate) use files::{other_kind, own_lock};
pub use name::Name;
pub(crate) use name::{HAS_ABSTRACT_NAMES, SUN_PATH, abstract_name, plain_name};
pub(crate) use special::CONTROL;

/// The real kernel.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Kernel;

impl Descriptors for Kernel {
    type Fd = OwnedFd;
    type Borrowed<'a> = BorrowedFd<'a>;
    type Carried = OwnedFd;
    type Lent<'a> = BorrowedFd<'a>;

    #[inline]
    fn borrow<'a>(&self, fd: &'a OwnedFd) -> BorrowedFd<'a> {
        fd.as_fd()
    }

    #[inline]
    fn lend<'a>(&self, fd: &'a OwnedFd) -> BorrowedFd<'a> {
        fd.as_fd()
    }

    #[inline]
    fn number(&self, fd: BorrowedFd<'_>) -> i32 {
        fd.as_raw_fd()
    }

    #[inline]
    unsafe fn own(&self, number: i32) -> OwnedFd {
        // SAFETY: the caller vouches that the kernel made this descriptor for us and that nobody owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(number) };
        special::close_on_exec(&fd);
        fd
    }

    fn duplicate(&self, number: u16) -> io::Result<OwnedFd> {
        posix::duplicate(number)
    }
}

// SAFETY: recvmsg(2) and recvmmsg(2) write what they report, from the start of each buffer. No flag asks for the length of
// what was cut but where FreeBSD tells it, and of packets alone.
unsafe impl Sockets for Kernel {
    fn socket(&self, kind: SocketKind, nonblocking: bool) -> io::Result<OwnedFd> {
        special::can_have(kind)?;
        let fd = special::socket(AddressFamily::UNIX, posix::kind_number(kind), nonblocking)?;
        if kind == SocketKind::SeqPacket {
            // Whatever is sent as soon as it is connected shall carry them too; and whoever is accepted inherits it.
            special::stamp_packets(fd.as_fd())?;
        }
        Ok(fd)
    }

    fn socket_pair(&self, kind: SocketKind, nonblocking: bool) -> io::Result<(OwnedFd, OwnedFd)> {
        special::can_have(kind)?;
        special::socket_pair(posix::kind_number(kind), nonblocking)
    }

    fn bind(&self, fd: BorrowedFd<'_>, name: &Name) -> io::Result<()> {
        name::bind(fd, name)
    }

    /// accept(2) knows no timeout here, so whoever listens never waits inside it.
    fn listen(&self, fd: BorrowedFd<'_>, backlog: u32) -> io::Result<()> {
        rustix::io::ioctl_fionbio(fd, true)?;
        Ok(rustix::net::listen(fd, i32::try_from(backlog).unwrap_or(i32::MAX))?)
    }

    fn connect(&self, fd: BorrowedFd<'_>, name: &Name) -> Would<()> {
        name::connect(fd, name)
    }

    fn accept(&self, fd: BorrowedFd<'_>, nonblocking: bool) -> Would<OwnedFd> {
        posix::not_yet(special::accept(fd, nonblocking))
    }

    #[inline]
    fn send(&self, fd: BorrowedFd<'_>, outgoing: Outgoing<'_>, wait: Wait) -> Would<usize> {
        msg::send(fd, outgoing, wait)
    }

    #[inline]
    fn receive(&self, fd: BorrowedFd<'_>, incoming: Incoming<'_>, wait: Wait) -> Would<Taken> {
        msg::receive(fd, incoming, wait)
    }

    fn send_many(&self, fd: BorrowedFd<'_>, packets: &[IoSlice<'_>], wait: Wait) -> Would<usize> {
        msg::send_many(fd, packets, wait)
    }

    fn receive_many(&self, fd: BorrowedFd<'_>, slots: &mut [Slot<'_>], wait: Wait) -> Would<usize> {
        msg::receive_many(fd, slots, wait)
    }

    fn shutdown(&self, fd: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
        posix::shutdown(fd, how)
    }

    fn peer_ids(&self, fd: BorrowedFd<'_>) -> io::Result<PeerIds> {
        process::peer_ids(fd)
    }

    fn peer_groups(&self, fd: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
        process::peer_groups(fd)
    }

    fn kind(&self, fd: BorrowedFd<'_>) -> io::Result<Option<SocketKind>> {
        let kind = sockopt::socket_type(fd)?;
        if !special::is_local(fd)? {
            return Ok(None);
        }
        Ok(posix::kind_of(kind))
    }

    fn is_listening(&self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        special::is_listening(fd)
    }

    fn set_nonblocking(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(rustix::io::ioctl_fionbio(fd, true)?)
    }

    fn set_send_buffer(&self, fd: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
        Ok(sockopt::set_socket_send_buffer_size(fd, bytes)?)
    }

    fn stamp_packets(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        special::stamp_packets(fd)
    }

    fn quieten(&self, fd: BorrowedFd<'_>) {
        special::quieten(fd);
    }

    /// Bytes with descriptors begin a record of their own, and a read ends with a record. `soreceive` in both systems
    #[inline]
    fn reads_on_behind_descriptors(&self) -> bool {
        false
    }
}

impl Sys for Kernel {
    type Poller = System;

    fn poller(&self) -> io::Result<System> {
        System::new()
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn user(&self) -> u32 {
        posix::user()
    }

    fn share(&self, fd: BorrowedFd<'_>) -> Would<OwnedFd> {
        Ok(Some(rustix::io::fcntl_dupfd_cloexec(fd, 3)?))
    }

    fn process(&self) -> io::Result<Option<ProcessId>> {
        process::this()
    }

    fn watch_process(&self, process: ProcessId, peer: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
        process::watch(process, peer)
    }

    fn await_lock(&self, lock: Arc<OwnedFd>, inode: Inode, byte: i64) -> io::Result<()> {
        posix::await_lock(lock, inode, byte)
    }

    fn is_local(&self, directory: BorrowedFd<'_>) -> io::Result<bool> {
        watch::is_local(directory)
    }

    fn watch(&self, own: &Pin, directory: BorrowedFd<'_>, lock: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        watch::watch(own, directory, lock)
    }

    fn changes(&self, watch: BorrowedFd<'_>) -> io::Result<bool> {
        watch::changes(watch)
    }

    fn is_connected_stream(&self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        tcp::is_connected_stream(fd)
    }

    fn connect_tcp(&self, port: SocketAddr) -> io::Result<OwnedFd> {
        tcp::connect(port)
    }

    fn listen_tcp(&self, port: SocketAddr, backlog: u32) -> io::Result<OwnedFd> {
        tcp::listen(port, backlog)
    }

    fn tcp_port(&self, fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
        tcp::port(fd)
    }
}

/// A new TCP socket, close-on-exec and non-blocking.
pub(super) fn tcp_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    special::socket(family, SocketType::STREAM, true)
}

/// No descriptor means one process here, whoever gets its number later.
pub(crate) fn peer_pidfd(_fd: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    Ok(None)
}

/// No security module says what it calls a peer.
pub(crate) fn peer_label(_fd: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    Ok(None)
}

/// Nobody can refuse descriptors; what is no local socket is an error all the same.
pub(crate) fn refuse_fds(fd: BorrowedFd<'_>) -> io::Result<bool> {
    sockopt::socket_type(fd)?;
    Ok(false)
}
