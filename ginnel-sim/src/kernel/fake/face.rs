//! The rest of the kernel's face: names, locks, and what is ready.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ginnel_os::sys::{self, Alarm, Descriptors, Names, Ready, Rename, SocketKind, Status, Sys};
use ginnel_os::{Directions, Locks, Would};
use ginnel_proto::election::Inode;
use ginnel_proto::machine::ProcessId;
use rustix::net::SocketAddrUnix;

use super::{Fake, Fd, FdRef, Poller};
use crate::fault::Fault;
use crate::kernel::{Got, Pid, World};

impl Names for Fake {
    type Pin = Fd;

    fn open_directory(&self, path: &Path) -> io::Result<Fd> {
        self.ask(|world, pid| world.open_directory(pid, path)).map(|fd| self.fd(fd))
    }

    fn pin(&self, directory: FdRef<'_>, name: &[u8]) -> io::Result<Fd> {
        self.open_name(directory, name)
    }

    fn open_name(&self, directory: FdRef<'_>, name: &[u8]) -> io::Result<Fd> {
        self.ask(|world, pid| world.open_name(pid, directory.number, name)).map(|fd| self.fd(fd))
    }

    fn pinned(&self, pin: &Fd) -> io::Result<Status> {
        self.status(self.borrow(pin))
    }

    fn address_of(&self, pin: &Fd) -> io::Result<SocketAddrUnix> {
        Ok(SocketAddrUnix::new(format!("/proc/self/fd/{}", self.borrow(pin).number))?)
    }

    fn through(&self, directory: FdRef<'_>, name: &[u8]) -> io::Result<SocketAddrUnix> {
        let directory = format!("/proc/self/fd/{}/", directory.number);
        Ok(SocketAddrUnix::new([directory.as_bytes(), name].concat())?)
    }

    fn open_lock(&self, directory: FdRef<'_>, name: &[u8]) -> io::Result<Fd> {
        self.ask(|world, pid| world.open_lock(pid, directory.number, name)).map(|fd| self.fd(fd))
    }

    fn find_lock(&self, directory: FdRef<'_>, name: &[u8]) -> io::Result<Option<Fd>> {
        let found = self.ask(|world, pid| world.find_lock(pid, directory.number, name))?;
        Ok(found.map(|fd| self.fd(fd)))
    }

    fn read_record(&self, fd: FdRef<'_>, record: &mut [u8]) -> io::Result<usize> {
        self.ask(|world, pid| world.read_record(pid, fd.number, record))
    }

    fn write_record(&self, fd: FdRef<'_>, record: &[u8]) -> io::Result<()> {
        self.ask(|world, pid| world.write_record(pid, fd.number, record))
    }

    fn status_at(&self, directory: FdRef<'_>, name: &[u8]) -> io::Result<Option<Status>> {
        self.ask(|world, pid| world.status_at(pid, directory.number, name))
    }

    fn status(&self, fd: FdRef<'_>) -> io::Result<Status> {
        self.ask(|world, pid| world.status(pid, fd.number))
    }

    fn set_mode(&self, fd: FdRef<'_>, mode: u32) -> io::Result<()> {
        self.ask(|world, pid| world.set_mode(pid, fd.number, mode))
    }

    fn set_mode_at(&self, directory: FdRef<'_>, name: &[u8], mode: u32) -> io::Result<()> {
        self.ask(|world, pid| world.change_at(pid, (directory.number, name), (Some(mode), None)))
    }

    fn set_owner_at(
        &self,
        directory: FdRef<'_>,
        name: &[u8],
        (uid, _): (Option<u32>, Option<u32>),
    ) -> io::Result<()> {
        self.ask(|world, pid| world.change_at(pid, (directory.number, name), (None, uid)))
    }

    fn rename_at(&self, directory: FdRef<'_>, from: &[u8], to: &[u8], how: Rename) -> io::Result<()> {
        self.ask(|world, pid| world.rename_at(pid, directory.number, (from, to), how))
    }

    fn unlink_at(&self, directory: FdRef<'_>, name: &[u8]) -> io::Result<()> {
        self.ask(|world, pid| world.unlink_at(pid, directory.number, name))
    }

    fn list(&self, directory: FdRef<'_>) -> io::Result<Vec<Vec<u8>>> {
        self.ask(|world, pid| world.list(pid, directory.number))
    }

    fn try_lock(&self, fd: FdRef<'_>, byte: i64) -> Would<()> {
        self.would(|world, pid| world.try_lock(pid, fd.number, byte))
    }

    fn unlock(&self, fd: FdRef<'_>, byte: i64) -> io::Result<()> {
        self.ask(|world, pid| world.unlock(pid, fd.number, byte))
    }

    fn lock_holder(&self, fd: FdRef<'_>, byte: i64) -> io::Result<Option<u32>> {
        self.ask(|world, pid| world.lock_holder(pid, fd.number, byte))
    }

    fn locks(&self) -> &Locks<Fd> {
        &self.locks
    }

    fn pid(&self) -> u32 {
        self.pid.0
    }

    fn random(&self) -> io::Result<u64> {
        self.ask(
            |world, _| {
                if world.fails(Fault::NoRandom) { Err(libc::EIO) } else { Ok(world.random.u64(..)) }
            },
        )
    }
}

impl Sys for Fake {
    type Poller = Poller;

    fn poller(&self) -> io::Result<Poller> {
        let fd = self.ask(World::poller).map(|fd| self.fd(fd))?;
        Ok(Poller { fd, alarmed: Arc::default() })
    }

    fn now(&self) -> Instant {
        self.world.borrow().now()
    }

    fn user(&self) -> u32 {
        self.world.borrow().user(self.pid).uid
    }

    fn share(&self, fd: FdRef<'_>) -> Would<Fd> {
        self.ask(|world, pid| world.share(pid, fd.number)).map(|fd| Some(self.fd(fd)))
    }

    fn process(&self) -> io::Result<Option<ProcessId>> {
        Ok(Some(ProcessId { pid: self.pid.0, id: self.pid.0.into() }))
    }

    fn watch_process(&self, process: ProcessId, _: FdRef<'_>) -> io::Result<Option<Fd>> {
        self.ask(|world, pid| world.open_process(pid, Pid(process.pid))).map(|fd| Some(self.fd(fd)))
    }

    fn await_lock(&self, lock: Arc<Fd>, inode: Inode, byte: i64) -> io::Result<()> {
        self.begin_to_wait(lock, inode, byte)
    }

    fn is_local(&self, directory: FdRef<'_>) -> io::Result<bool> {
        self.ask(|world, pid| world.lookup(pid, directory.number)).map(|_| true)
    }

    fn watch(&self, own: &Fd, directory: FdRef<'_>, lock: FdRef<'_>) -> io::Result<Fd> {
        let numbers = [self.borrow(own), directory, lock].map(|fd| fd.number);
        self.ask(|world, pid| world.notice(pid, &numbers)).map(|fd| self.fd(fd))
    }

    fn changes(&self, watch: FdRef<'_>) -> io::Result<bool> {
        self.ask(|world, pid| world.take_notice(pid, watch.number))
    }

    fn is_connected_stream(&self, fd: FdRef<'_>) -> io::Result<bool> {
        self.ask(|world, pid| {
            let is_stream = world.by_number(pid, fd.number)?.kind == SocketKind::Stream;
            Ok(is_stream && world.ends(pid, fd.number).is_some())
        })
    }

    // There is no TCP here.

    fn connect_tcp(&self, _: SocketAddr) -> io::Result<Fd> {
        Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT))
    }

    fn listen_tcp(&self, _: SocketAddr, _: u32) -> io::Result<Fd> {
        Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT))
    }

    fn tcp_port(&self, _: FdRef<'_>) -> io::Result<SocketAddr> {
        Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT))
    }
}

impl sys::Poller<Fake> for Poller {
    fn add(&self, fd: FdRef<'_>, token: u64, directions: Directions) -> io::Result<()> {
        self.ask(|world, pid, poller| world.watch(pid, (poller, fd.number), (token, directions)))
    }

    fn change(&self, fd: FdRef<'_>, token: u64, directions: Directions) -> io::Result<()> {
        self.ask(|world, pid, poller| world.rewatch(pid, (poller, fd.number), (token, directions)))
    }

    fn remove(&self, fd: FdRef<'_>) {
        // It fails only for a descriptor that is not watched.
        let _ = self.ask(|world, pid, poller| world.unwatch(pid, (poller, fd.number)));
    }

    fn alarm(&self) -> Alarm {
        let alarmed = Arc::clone(&self.alarmed);
        Box::new(move || alarmed.store(true, Ordering::Relaxed))
    }

    fn look(&mut self, ready: &mut Vec<Ready>) -> io::Result<bool> {
        *ready = self.ask(|world, pid, poller| world.ready(pid, poller))?;
        Ok(self.alarmed.swap(false, Ordering::Relaxed) || !ready.is_empty())
    }
}

impl Poller {
    fn ask<T>(&self, call: impl FnOnce(&mut World, Pid, i32) -> Got<T>) -> io::Result<T> {
        let Fd { world, pid, number } = &self.fd;
        call(&mut world.borrow_mut(), *pid, *number).map_err(io::Error::from_raw_os_error)
    }
}
