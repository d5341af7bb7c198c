//! The kernel's face: what `ginnel-os` calls in place of Linux.
#![expect(unsafe_code, reason = "a kernel has a contract that types cannot hold")]

mod face;
mod thread;

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::marker::PhantomData;
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ginnel_os::sys::{self, Descriptors, Incoming, Outgoing, PeerIds, Slot, Sockets, Taken};
use ginnel_os::{Locks, SocketKind, Wait, Would};
use rustix::net::SocketAddrUnix;

use super::{Got, Pid, SockId, World};
use crate::choices::Choices;
use thread::Thread;

/// The kernel as one process sees it.
#[derive(Clone)]
pub struct Fake {
    world: Rc<RefCell<World>>,
    pid: Pid,
    locks: Rc<Locks<Fd>>,
    /// Those that wait for locks.
    threads: Rc<RefCell<Vec<Thread>>>,
}

/// A descriptor of one process. Dropping it closes it, while the process lives.
pub struct Fd {
    world: Rc<RefCell<World>>,
    pid: Pid,
    number: i32,
}

/// A descriptor on loan.
#[derive(Clone, Copy, Debug)]
pub struct FdRef<'a> {
    number: i32,
    _loan: PhantomData<&'a Fd>,
}

/// Many descriptors watched at once.
#[derive(Debug)]
pub struct Poller {
    fd: Fd,
    /// Somebody has ended the wait.
    alarmed: Arc<AtomicBool>,
}

impl Fake {
    pub(crate) fn of(world: &Rc<RefCell<World>>, pid: Pid) -> Self {
        Self { world: Rc::clone(world), pid, locks: Rc::new(Locks::new()), threads: Rc::default() }
    }

    /// A fresh kernel in which nothing goes wrong, as its first process sees it: a user without privileges, who may have
    /// so many descriptors.
    pub fn faultless(limit: usize) -> Self {
        let mut world = World::new(Choices::again(Vec::new()), 0, false);
        let pid = world.spawn(USER, limit);
        Self::of(&Rc::new(RefCell::new(world)), pid)
    }

    /// Another process of the same user on the same kernel.
    pub fn spawn(&self, limit: usize) -> Self {
        let pid = self.world.borrow_mut().spawn(USER, limit);
        Self::of(&self.world, pid)
    }

    /// Kills the process; everything it held is let go of.
    pub fn kill(&self) {
        let mut world = self.world.borrow_mut();
        world.kill(self.pid);
        while world.remains().contains(&self.pid) {
            world.release(self.pid);
        }
    }

    /// A child that shares all open files of this process, and none of its locks.
    pub fn fork(&self) -> Self {
        let pid = self.world.borrow_mut().fork(self.pid);
        Self::of(&self.world, pid)
    }

    /// How many descriptors the process may have from now on. `RLIMIT_NOFILE`
    pub fn set_limit(&self, limit: usize) {
        self.world.borrow_mut().set_limit(self.pid, limit);
    }

    /// How many descriptors the process has.
    pub fn open_count(&self) -> usize {
        self.world.borrow().open_count(self.pid)
    }

    /// Writes a line of the trace, if there is one.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        self.world.borrow_mut().note(line);
    }

    /// Something happened that must not.
    pub(crate) fn violated(&self, what: impl Into<String>) {
        self.world.borrow_mut().violated(what);
    }

    /// Is the stack deeper than a machine that is told one thing after the other ever has it?
    pub(crate) fn check_depth(&self) {
        self.world.borrow_mut().check_depth(super::SHALLOW);
    }

    /// The process.
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    fn ask<T>(&self, call: impl FnOnce(&mut World, Pid) -> Got<T>) -> io::Result<T> {
        let interlude = self.world.borrow_mut().interrupted();
        if let Some(interlude) = interlude {
            interlude();
        }
        let mut world = self.world.borrow_mut();
        let answer = call(&mut world, self.pid);
        world.worked += u64::from(answer.is_ok());
        answer.map_err(io::Error::from_raw_os_error)
    }

    /// As [`ask`](Self::ask), for calls that would have to wait.
    fn would<T>(&self, call: impl FnOnce(&mut World, Pid) -> Got<T>) -> Would<T> {
        match self.ask(call) {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(None),
            answer => answer.map(Some),
        }
    }

    fn fd(&self, number: i32) -> Fd {
        Fd { world: Rc::clone(&self.world), pid: self.pid, number }
    }

    /// Two connected sockets, the second of them in another process.
    ///
    /// # Errors
    /// As socketpair(2).
    pub fn pair_with(&self, other: &Self, kind: SocketKind) -> io::Result<(Fd, Fd)> {
        let (a, b) = self.ask(|world, pid| world.pair(pid, other.pid, kind))?;
        Ok((self.fd(a), other.fd(b)))
    }

    /// Something to pass around, known by its number.
    ///
    /// # Errors
    /// `EMFILE`.
    pub fn token(&self, number: u64) -> io::Result<Fd> {
        let made = self.world.borrow_mut().token(self.pid, number);
        made.map(|fd| self.fd(fd)).map_err(io::Error::from_raw_os_error)
    }

    /// The number of something that was passed around.
    pub fn token_of(&self, fd: &Fd) -> Option<u64> {
        self.world.borrow().token_of(self.pid, fd.number)
    }

    /// The two ends of a connection: ours, theirs.
    pub fn ends(&self, fd: FdRef<'_>) -> Option<(SockId, SockId)> {
        self.world.borrow().ends(self.pid, fd.number)
    }

    /// The socket behind a number.
    pub(crate) fn socket_of(&self, fd: FdRef<'_>) -> Option<SockId> {
        self.world.borrow().sock_of(self.pid, fd.number).ok()
    }

    /// Is there something to read, or an end?
    pub(crate) fn is_readable(&self, at: SockId) -> bool {
        self.world.borrow().is_readable(at)
    }

    /// Does something wait at our end?
    pub(crate) fn has_data(&self, ends: Option<(SockId, SockId)>) -> bool {
        ends.is_some_and(|ends| self.world.borrow().unread(ends.0) > 0)
    }

    /// Times that readiness has begun anew, to read and to write.
    pub fn edges(&self, fd: FdRef<'_>) -> [u32; 2] {
        self.world.borrow().edges(self.pid, fd.number)
    }

    /// Nobody can send descriptors to this socket. `SO_PASSRIGHTS`
    ///
    /// # Errors
    /// As setsockopt(2).
    pub fn refuse_fds(&self, fd: FdRef<'_>) -> io::Result<()> {
        self.ask(|world, pid| world.set_refuses_fds(pid, fd.number))
    }
}

impl Poller {
    /// Is it readable, so that whoever waits is woken?
    pub fn is_readable(&self) -> bool {
        self.alarmed.load(Ordering::Relaxed) || self.fd.world.borrow().is_ready(self.fd.pid, self.fd.number)
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fake").field("pid", &self.pid).finish_non_exhaustive()
    }
}

impl fmt::Debug for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fd({}:{})", self.pid.0, self.number)
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // In a panic the kernel may be in the middle of something, and what is closed matters to nobody.
        if let Ok(mut world) = self.world.try_borrow_mut() {
            world.close(self.pid, self.number);
        }
    }
}

impl Descriptors for Fake {
    type Fd = Fd;
    type Borrowed<'a> = FdRef<'a>;
    type Carried = Fd;
    type Lent<'a> = FdRef<'a>;

    fn borrow<'a>(&self, fd: &'a Fd) -> FdRef<'a> {
        FdRef { number: fd.number, _loan: PhantomData }
    }

    fn lend<'a>(&self, fd: &'a Fd) -> FdRef<'a> {
        self.borrow(fd)
    }

    fn number(&self, fd: FdRef<'_>) -> i32 {
        fd.number
    }

    unsafe fn own(&self, number: i32) -> Fd {
        self.world.borrow_mut().own(self.pid, number);
        self.fd(number)
    }

    fn duplicate(&self, number: u16) -> io::Result<Fd> {
        let copied = self.ask(|world, pid| {
            world.enter(pid)?;
            let file = world.lookup(pid, number.into())?;
            world.number(pid, file)
        });
        copied.map(|fd| self.fd(fd))
    }
}

// SAFETY: bytes and control data are written one by one from the start of the room, and counted as they are written
// (`flow.rs`, `control.rs`); a packet's true length is reported only of one that filled its room.
unsafe impl Sockets for Fake {
    fn socket(&self, kind: SocketKind, _nonblocking: bool) -> io::Result<Fd> {
        self.ask(|world, pid| world.socket(pid, kind)).map(|fd| self.fd(fd))
    }

    fn socket_pair(&self, kind: SocketKind, _nonblocking: bool) -> io::Result<(Fd, Fd)> {
        self.pair_with(self, kind)
    }

    fn bind(&self, fd: FdRef<'_>, name: &SocketAddrUnix) -> io::Result<()> {
        self.ask(|world, pid| world.bind(pid, fd.number, name))
    }

    fn listen(&self, fd: FdRef<'_>, backlog: u32) -> io::Result<()> {
        self.ask(|world, pid| world.listen(pid, fd.number, backlog))
    }

    fn connect(&self, fd: FdRef<'_>, name: &SocketAddrUnix) -> Would<()> {
        self.would(|world, pid| world.connect(pid, fd.number, name))
    }

    fn accept(&self, fd: FdRef<'_>, _nonblocking: bool) -> Would<Fd> {
        Ok(self.would(|world, pid| world.accept(pid, fd.number))?.map(|fd| self.fd(fd)))
    }

    fn send(&self, fd: FdRef<'_>, outgoing: Outgoing<'_>, _wait: Wait) -> Would<usize> {
        self.would(|world, pid| {
            world.send((pid, fd.number), outgoing.bytes(), outgoing.control(), outgoing.to())
        })
    }

    fn receive(&self, fd: FdRef<'_>, incoming: Incoming<'_>, _wait: Wait) -> Would<Taken> {
        let Incoming { bytes, control, whole, from } = incoming;
        if let Some(from) = from {
            from.clear();
        }
        self.would(|world, pid| world.receive((pid, fd.number), bytes, (control, whole)))
    }

    fn send_many(&self, fd: FdRef<'_>, packets: &[IoSlice<'_>], wait: Wait) -> Would<usize> {
        let mut sent = 0;
        for packet in packets {
            match sys::send(self, fd, (packet, &[]), None, wait) {
                Ok(Some(_)) => sent += 1,
                Ok(None) | Err(_) if sent > 0 => break,
                other => return Ok(other?.map(|_| 0)),
            }
        }
        Ok(Some(sent))
    }

    fn receive_many(&self, fd: FdRef<'_>, slots: &mut [Slot<'_>], wait: Wait) -> Would<usize> {
        let mut took = 0;
        for slot in slots {
            let incoming = Incoming { bytes: slot.bytes, control: slot.control, whole: true, from: None };
            match self.receive(fd, incoming, wait) {
                Ok(Some(taken)) => slot.taken = taken,
                Ok(None) | Err(_) if took > 0 => break,
                other => return Ok(other?.map(|_| 0)),
            }
            took += 1;
        }
        Ok(Some(took))
    }

    fn shutdown(&self, fd: FdRef<'_>, how: Shutdown) -> io::Result<()> {
        self.ask(|world, pid| world.shutdown(pid, fd.number, how))
    }

    fn peer_ids(&self, fd: FdRef<'_>) -> io::Result<PeerIds> {
        self.ask(|world, pid| world.peer_ids(pid, fd.number))
    }

    fn peer_groups(&self, _fd: FdRef<'_>) -> io::Result<Vec<u32>> {
        Ok(Vec::new())
    }

    fn kind(&self, fd: FdRef<'_>) -> io::Result<Option<SocketKind>> {
        self.ask(|world, pid| Ok(Some(world.by_number(pid, fd.number)?.kind)))
    }

    fn is_listening(&self, fd: FdRef<'_>) -> io::Result<bool> {
        self.ask(|world, pid| {
            let id = world.sock_of(pid, fd.number)?;
            Ok(world.is_listening(id))
        })
    }

    fn set_nonblocking(&self, fd: FdRef<'_>) -> io::Result<()> {
        self.ask(|world, pid| world.by_number(pid, fd.number).map(|_| ()))
    }

    fn set_send_buffer(&self, fd: FdRef<'_>, bytes: usize) -> io::Result<()> {
        self.ask(|world, pid| {
            world.by_number(pid, fd.number)?.capacity = 2 * bytes;
            Ok(())
        })
    }

    fn stamp_packets(&self, fd: FdRef<'_>) -> io::Result<()> {
        self.ask(|world, pid| {
            world.by_number(pid, fd.number)?.stamps = true;
            Ok(())
        })
    }
}

/// A user without privileges.
const USER: u32 = 1000;
