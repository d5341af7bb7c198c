//! The real kernel behind somebody who meddles with some of its calls.
#![expect(unsafe_code, reason = "the contracts of the kernel are handed through")]

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ginnel_proto::election::Inode;
use ginnel_proto::machine::ProcessId;

use super::{
    Alarm, Descriptors, Incoming, Kernel, Name, Names, Outgoing, PeerIds, Poller, Ready, Rename, Slot,
    SocketKind, Sockets, Status, Sys, Taken, Wait, Would,
};
use crate::connection::Directions;
use crate::name::Locks;
use crate::poller::System;

/// What is done beside, or in place of, a call of the real kernel.
pub(crate) trait Meddle: Clone + fmt::Debug {
    fn before_rename(&self) {}

    /// A name is made, moved, removed or changed by this call.
    fn changes_name(&self, _call: &'static str) {}

    fn socket(&self, kind: SocketKind, nonblocking: bool) -> io::Result<OwnedFd> {
        Kernel.socket(kind, nonblocking)
    }

    fn connect(&self, fd: BorrowedFd<'_>, name: &Name) -> Would<()> {
        Kernel.connect(fd, name)
    }

    fn send(&self, fd: BorrowedFd<'_>, outgoing: Outgoing<'_>, wait: Wait) -> Would<usize> {
        Kernel.send(fd, outgoing, wait)
    }

    fn receive(&self, fd: BorrowedFd<'_>, incoming: Incoming<'_>, wait: Wait) -> Would<Taken> {
        Kernel.receive(fd, incoming, wait)
    }

    fn is_settled(&self) -> bool {
        true
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Double<M>(pub(crate) M);

impl<M: Meddle> Descriptors for Double<M> {
    type Fd = OwnedFd;
    type Borrowed<'a> = BorrowedFd<'a>;
    type Carried = OwnedFd;
    type Lent<'a> = BorrowedFd<'a>;

    fn borrow<'a>(&self, fd: &'a OwnedFd) -> BorrowedFd<'a> {
        Kernel.borrow(fd)
    }
    fn lend<'a>(&self, fd: &'a OwnedFd) -> BorrowedFd<'a> {
        Kernel.lend(fd)
    }
    fn number(&self, fd: BorrowedFd<'_>) -> i32 {
        Kernel.number(fd)
    }
    unsafe fn own(&self, number: i32) -> OwnedFd {
        // SAFETY: handed through.
        unsafe { Kernel.own(number) }
    }
    fn duplicate(&self, number: u16) -> io::Result<OwnedFd> {
        Kernel.duplicate(number)
    }
}

impl<M: Meddle> Names for Double<M> {
    type Pin = <Kernel as Names>::Pin;

    fn rename_at(&self, dir: BorrowedFd<'_>, from: &[u8], to: &[u8], how: Rename) -> io::Result<()> {
        self.0.changes_name("rename");
        self.0.before_rename();
        Kernel.rename_at(dir, from, to, how)
    }
    fn open_directory(&self, path: &Path) -> io::Result<OwnedFd> {
        Kernel.open_directory(path)
    }
    fn pin(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Self::Pin> {
        Kernel.pin(directory, name)
    }
    fn open_name(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Self::Pin> {
        Kernel.open_name(directory, name)
    }
    fn pinned(&self, pin: &Self::Pin) -> io::Result<Status> {
        Kernel.pinned(pin)
    }
    fn address_of(&self, pin: &Self::Pin) -> io::Result<Name> {
        Kernel.address_of(pin)
    }
    fn through(&self, fd: BorrowedFd<'_>, name: &[u8]) -> io::Result<Name> {
        Kernel.through(fd, name)
    }
    fn open_lock(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
        self.0.changes_name("open_lock");
        Kernel.open_lock(directory, name)
    }
    fn find_lock(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<OwnedFd>> {
        Kernel.find_lock(directory, name)
    }
    fn read_record(&self, fd: BorrowedFd<'_>, record: &mut [u8]) -> io::Result<usize> {
        Kernel.read_record(fd, record)
    }
    fn write_record(&self, fd: BorrowedFd<'_>, record: &[u8]) -> io::Result<()> {
        Kernel.write_record(fd, record)
    }
    fn unlock(&self, fd: BorrowedFd<'_>, byte: i64) -> io::Result<()> {
        Kernel.unlock(fd, byte)
    }
    fn status_at(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<Status>> {
        Kernel.status_at(directory, name)
    }
    fn status(&self, fd: BorrowedFd<'_>) -> io::Result<Status> {
        Kernel.status(fd)
    }
    fn set_mode(&self, fd: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
        Kernel.set_mode(fd, mode)
    }
    fn set_mode_at(&self, directory: BorrowedFd<'_>, name: &[u8], mode: u32) -> io::Result<()> {
        self.0.changes_name("set_mode_at");
        Kernel.set_mode_at(directory, name, mode)
    }
    fn set_owner_at(
        &self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        owner: (Option<u32>, Option<u32>),
    ) -> io::Result<()> {
        self.0.changes_name("set_owner_at");
        Kernel.set_owner_at(directory, name, owner)
    }
    fn unlink_at(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        self.0.changes_name("unlink");
        Kernel.unlink_at(directory, name)
    }
    fn list(&self, directory: BorrowedFd<'_>) -> io::Result<Vec<Vec<u8>>> {
        Kernel.list(directory)
    }
    fn try_lock(&self, fd: BorrowedFd<'_>, byte: i64) -> Would<()> {
        Kernel.try_lock(fd, byte)
    }
    fn lock_holder(&self, fd: BorrowedFd<'_>, byte: i64) -> io::Result<Option<u32>> {
        Kernel.lock_holder(fd, byte)
    }
    fn locks(&self) -> &Locks<OwnedFd> {
        Kernel.locks()
    }
    fn pid(&self) -> u32 {
        Kernel.pid()
    }
    fn random(&self) -> io::Result<u64> {
        Kernel.random()
    }
}

// SAFETY: what is received comes from the real kernel; whoever meddles lends it less room or does not ask it.
unsafe impl<M: Meddle> Sockets for Double<M> {
    fn socket(&self, kind: SocketKind, nonblocking: bool) -> io::Result<OwnedFd> {
        self.0.socket(kind, nonblocking)
    }
    fn socket_pair(&self, kind: SocketKind, nonblocking: bool) -> io::Result<(OwnedFd, OwnedFd)> {
        Kernel.socket_pair(kind, nonblocking)
    }
    fn bind(&self, fd: BorrowedFd<'_>, name: &Name) -> io::Result<()> {
        self.0.changes_name("bind");
        Kernel.bind(fd, name)
    }
    fn listen(&self, fd: BorrowedFd<'_>, backlog: u32) -> io::Result<()> {
        Kernel.listen(fd, backlog)
    }
    fn connect(&self, fd: BorrowedFd<'_>, name: &Name) -> Would<()> {
        self.0.connect(fd, name)
    }
    fn accept(&self, fd: BorrowedFd<'_>, nonblocking: bool) -> Would<OwnedFd> {
        Kernel.accept(fd, nonblocking)
    }
    fn send(&self, fd: BorrowedFd<'_>, outgoing: Outgoing<'_>, wait: Wait) -> Would<usize> {
        self.0.send(fd, outgoing, wait)
    }
    fn receive(&self, fd: BorrowedFd<'_>, incoming: Incoming<'_>, wait: Wait) -> Would<Taken> {
        self.0.receive(fd, incoming, wait)
    }
    fn send_many(&self, fd: BorrowedFd<'_>, packets: &[IoSlice<'_>], wait: Wait) -> Would<usize> {
        Kernel.send_many(fd, packets, wait)
    }
    fn receive_many(&self, fd: BorrowedFd<'_>, slots: &mut [Slot<'_>], wait: Wait) -> Would<usize> {
        Kernel.receive_many(fd, slots, wait)
    }
    fn is_settled(&self, _: BorrowedFd<'_>) -> bool {
        self.0.is_settled()
    }
    fn shutdown(&self, fd: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
        Kernel.shutdown(fd, how)
    }
    fn peer_ids(&self, fd: BorrowedFd<'_>) -> io::Result<PeerIds> {
        Kernel.peer_ids(fd)
    }
    fn peer_groups(&self, fd: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
        Kernel.peer_groups(fd)
    }
    fn kind(&self, fd: BorrowedFd<'_>) -> io::Result<Option<SocketKind>> {
        Kernel.kind(fd)
    }
    fn is_listening(&self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        Kernel.is_listening(fd)
    }
    fn set_nonblocking(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Kernel.set_nonblocking(fd)
    }
    fn set_send_buffer(&self, fd: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
        Kernel.set_send_buffer(fd, bytes)
    }
    fn stamp_packets(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Kernel.stamp_packets(fd)
    }
}

impl<M: Meddle> Sys for Double<M> {
    type Poller = Watching;

    fn poller(&self) -> io::Result<Watching> {
        Kernel.poller().map(Watching)
    }
    fn now(&self) -> Instant {
        Kernel.now()
    }
    fn user(&self) -> u32 {
        Kernel.user()
    }
    fn share(&self, fd: BorrowedFd<'_>) -> Would<OwnedFd> {
        Kernel.share(fd)
    }
    fn process(&self) -> io::Result<Option<ProcessId>> {
        Kernel.process()
    }
    fn watch_process(&self, process: ProcessId, peer: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
        Kernel.watch_process(process, peer)
    }
    fn await_lock(&self, lock: Arc<OwnedFd>, inode: Inode, byte: i64) -> io::Result<()> {
        Kernel.await_lock(lock, inode, byte)
    }
    fn is_local(&self, directory: BorrowedFd<'_>) -> io::Result<bool> {
        Kernel.is_local(directory)
    }
    fn watch(&self, own: &Self::Pin, directory: BorrowedFd<'_>, lock: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        Kernel.watch(own, directory, lock)
    }
    fn changes(&self, watch: BorrowedFd<'_>) -> io::Result<bool> {
        Kernel.changes(watch)
    }
    fn is_connected_stream(&self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        Kernel.is_connected_stream(fd)
    }
    fn connect_tcp(&self, port: SocketAddr) -> io::Result<OwnedFd> {
        Kernel.connect_tcp(port)
    }
    fn listen_tcp(&self, port: SocketAddr, backlog: u32) -> io::Result<OwnedFd> {
        Kernel.listen_tcp(port, backlog)
    }
    fn tcp_port(&self, fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
        Kernel.tcp_port(fd)
    }
}

/// The real poller.
#[derive(Debug)]
pub(crate) struct Watching(System);

impl<M: Meddle> Poller<Double<M>> for Watching {
    fn add(&self, fd: BorrowedFd<'_>, token: u64, directions: Directions) -> io::Result<()> {
        self.0.add(fd, token, directions)
    }
    fn change(&self, fd: BorrowedFd<'_>, token: u64, directions: Directions) -> io::Result<()> {
        self.0.change(fd, token, directions)
    }
    fn remove(&self, fd: BorrowedFd<'_>) {
        self.0.remove(fd);
    }
    fn alarm(&self) -> Alarm {
        self.0.alarm()
    }
    fn look(&mut self, ready: &mut Vec<Ready>) -> io::Result<bool> {
        self.0.look(ready)
    }
}
