//! Linux, by way of rustix.
#![expect(unsafe_code, reason = "descriptor numbers out of control messages become owned descriptors")]

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use ginnel_proto::election::Inode;
use ginnel_proto::machine::ProcessId;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::{
    Descriptors, Incoming, Outgoing, PeerIds, Slot, SocketKind, Sockets, Sys, Taken, Wait, Would, linux_msg,
    linux_process, linux_watch, posix, tcp,
};
use crate::poller::System;

pub(crate) use super::linux_files::{
    HAS_ABSTRACT_NAMES, SUN_PATH, abstract_name, other_kind, own_lock, plain_name,
};
pub(crate) use super::linux_msg::{CONTROL, peer_label, peer_pidfd, refuse_fds};

/// What a socket is found by in the kernel.
pub type Name = rustix::net::SocketAddrUnix;

/// What holds on to a file: a descriptor that only points at it.
pub type Pin = OwnedFd;

/// The real kernel.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Kernel;

fn flags(nonblocking: bool) -> SocketFlags {
    if nonblocking { SocketFlags::CLOEXEC | SocketFlags::NONBLOCK } else { SocketFlags::CLOEXEC }
}

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
        unsafe { OwnedFd::from_raw_fd(number) }
    }

    fn duplicate(&self, number: u16) -> io::Result<OwnedFd> {
        posix::duplicate(number)
    }
}

// SAFETY: recvmsg(2) and recvmmsg(2) write what they report, from the start of each buffer. Only sockets of other
// families report more than they write (TCP, with `MSG_TRUNC`), and `kind` knows none of them.
unsafe impl Sockets for Kernel {
    fn socket(&self, kind: SocketKind, nonblocking: bool) -> io::Result<OwnedFd> {
        Ok(rustix::net::socket_with(AddressFamily::UNIX, posix::kind_number(kind), flags(nonblocking), None)?)
    }

    fn socket_pair(&self, kind: SocketKind, nonblocking: bool) -> io::Result<(OwnedFd, OwnedFd)> {
        Ok(rustix::net::socketpair(AddressFamily::UNIX, posix::kind_number(kind), flags(nonblocking), None)?)
    }

    fn bind(&self, fd: BorrowedFd<'_>, name: &Name) -> io::Result<()> {
        Ok(rustix::net::bind(fd, name)?)
    }

    fn listen(&self, fd: BorrowedFd<'_>, backlog: u32) -> io::Result<()> {
        Ok(rustix::net::listen(fd, i32::try_from(backlog).unwrap_or(i32::MAX))?)
    }

    fn connect(&self, fd: BorrowedFd<'_>, name: &Name) -> Would<()> {
        posix::not_yet(rustix::net::connect(fd, name))
    }

    fn accept(&self, fd: BorrowedFd<'_>, nonblocking: bool) -> Would<OwnedFd> {
        posix::not_yet(rustix::net::accept_with(fd, flags(nonblocking)))
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
        posix::shutdown(fd, how)
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
        Ok(posix::kind_of(sockopt::socket_type(fd)?))
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
        linux_process::this()
    }

    fn watch_process(&self, process: ProcessId, peer: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
        linux_process::watch(process, peer)
    }

    fn await_lock(&self, lock: Arc<OwnedFd>, inode: Inode, byte: i64) -> io::Result<()> {
        posix::await_lock(lock, inode, byte)
    }

    fn is_local(&self, directory: BorrowedFd<'_>) -> io::Result<bool> {
        linux_watch::is_local(directory)
    }

    fn watch(&self, own: &OwnedFd, directory: BorrowedFd<'_>, lock: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        linux_watch::watch(&[own.as_fd(), directory], lock)
    }

    fn changes(&self, watch: BorrowedFd<'_>) -> io::Result<bool> {
        linux_watch::changes(watch)
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
    Ok(rustix::net::socket_with(family, SocketType::STREAM, flags(true), None)?)
}
