//! The lock files that this process has open, each once.
//!
//! POSIX record locks belong to the process: they die with it even if it forked, which is why they are used.
//! The price is that closing *any* descriptor of the file drops them all. So each file is opened once, here, and a
//! descriptor whose closing could drop somebody else's lock is kept open. Within the process this register decides who
//! holds what. fcntl(2), "Record locks"

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ginnel_proto::election::Inode;

use crate::error::SocketError;
use crate::sys::{Alarm, FileKind, Names, Status, Sys};

/// The byte of a lock file that stands for owning the path.
const LEADERSHIP: i64 = 0;
/// The byte that stands for one's turn to find out who owns it.
const TURN: i64 = 1;

/// Reading and writing for the owner.
const OWNER: u32 = 0o600;

/// A process's register of lock files.
#[derive(Debug)]
pub struct Locks<F> {
    open: Mutex<Open<F>>,
}

#[derive(Debug)]
struct Open<F> {
    /// Which process this register describes: after a fork the child holds none of these locks.
    pid: u32,
    files: BTreeMap<Inode, File<F>>,
    /// The last ticket that was given out.
    last: Ticket,
}

#[derive(Debug)]
struct File<F> {
    fd: Arc<F>,
    /// Further descriptors of the same file, which must not be closed while a lock is held.
    spare: Vec<F>,
    users: usize,
    /// Who holds the leadership byte, within this process.
    leader: Option<Ticket>,
    /// Another copy of this library has a lock on it, in this process: no descriptor of it may be closed.
    stays: bool,
    turn: Turn,
    waiting: VecDeque<Waiter>,
    /// Whose wait has failed.
    failed: BTreeMap<Ticket, io::Error>,
}

/// One user of a lock file, among those of this process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Ticket(u64);

/// A lock file that was opened, and who has opened it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lock {
    pub(super) inode: Inode,
    ticket: Ticket,
}

struct Waiter {
    ticket: Ticket,
    alarm: Alarm,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    Free,
    /// Another process has it, and a thread waits for it.
    Awaited,
    Of(Ticket),
}

impl<F> Locks<F> {
    /// An empty register.
    pub const fn new() -> Self {
        Self { open: Mutex::new(Open { pid: 0, files: BTreeMap::new(), last: Ticket(0) }) }
    }

    /// Opens a lock file, once for each time that it is [`close`](Self::close)d.
    pub(super) fn open<S: Names<Fd = F>>(
        &self,
        sys: &S,
        directory: S::Borrowed<'_>,
        name: &[u8],
    ) -> io::Result<Lock> {
        let mut open = self.current(sys.pid());
        let named = sys.status_at(directory, name)?.map(|status| status.inode);
        let known = named.filter(|inode| open.files.contains_key(inode));
        let inode = match known {
            Some(inode) => {
                open.file(inode)?.users += 1;
                inode
            }
            None => open.keep(sys, sys.open_lock(directory, name)?)?,
        };
        open.last.0 += 1;
        Ok(Lock { inode, ticket: open.last })
    }

    /// The process that holds the leadership byte of a lock file. If there is no such file, nobody does.
    pub(super) fn leader<S: Names<Fd = F>>(
        &self,
        sys: &S,
        directory: S::Borrowed<'_>,
        name: &[u8],
    ) -> io::Result<Option<u32>> {
        let mut open = self.current(sys.pid());
        let Some(named) = sys.status_at(directory, name)?.map(|status| status.inode) else { return Ok(None) };
        let inode = match open.files.get_mut(&named) {
            Some(file) => {
                file.users += 1;
                named
            }
            None => match sys.find_lock(directory, name)? {
                Some(fd) => open.keep(sys, fd)?,
                None => return Ok(None),
            },
        };
        let file = open.file(inode)?;
        let holder = sys.lock_holder(sys.borrow(&file.fd), LEADERSHIP);
        file.stays |= file.leader.is_none() && matches!(holder, Ok(Some(pid)) if pid == sys.pid());
        // Not every kernel tells of locks of the process that asks.
        let ours = file.leader.map(|_| sys.pid());
        open.close(inode);
        Ok(holder?.or(ours))
    }

    /// Takes the leadership byte. `None`: another process has it, or somebody else in this one.
    pub(super) fn try_lead<S: Names<Fd = F>>(&self, sys: &S, lock: Lock) -> io::Result<Option<()>> {
        let mut open = self.current(sys.pid());
        let file = open.file(lock.inode)?;
        if file.leader.is_some() || file.is_of_another_copy(sys, LEADERSHIP)? {
            return Ok(None);
        }
        let taken = sys.try_lock(sys.borrow(&file.fd), LEADERSHIP)?;
        file.leader = taken.map(|()| lock.ticket);
        Ok(taken)
    }

    /// Is the leadership byte, which was taken, still ours? If a stray close has dropped it, it is taken again; `None`:
    /// somebody else has it by now.
    pub(super) fn keep_lead<S: Names<Fd = F>>(&self, sys: &S, lock: Lock) -> io::Result<Option<()>> {
        let mut open = self.current(sys.pid());
        let file = open.file(lock.inode)?;
        if file.leader != Some(lock.ticket) {
            return Ok(None);
        }
        sys.try_lock(sys.borrow(&file.fd), LEADERSHIP)
    }

    /// Takes the turn byte, or waits for it: then the alarm is given when [`has_turn`](Self::has_turn) knows more.
    pub(super) fn take_turn<S: Sys<Fd = F>>(
        &self,
        sys: &S,
        lock: Lock,
        alarm: Alarm,
    ) -> io::Result<Option<()>> {
        let Lock { inode, ticket } = lock;
        let mut open = self.current(sys.pid());
        let file = open.file(inode)?;
        if file.turn == Turn::Free {
            let of_another = file.is_of_another_copy(sys, TURN)?;
            if !of_another && sys.try_lock(sys.borrow(&file.fd), TURN)?.is_some() {
                file.turn = Turn::Of(ticket);
                return Ok(Some(()));
            }
            sys.await_lock(Arc::clone(&file.fd), inode, TURN)?;
            file.turn = Turn::Awaited;
        }
        file.waiting.push_back(Waiter { ticket, alarm });
        Ok(None)
    }

    /// Has its turn come?
    pub(super) fn has_turn(&self, pid: u32, lock: Lock) -> io::Result<bool> {
        let mut open = self.current(pid);
        let file = open.file(lock.inode)?;
        match file.failed.remove(&lock.ticket) {
            Some(error) => Err(error),
            None => Ok(file.turn == Turn::Of(lock.ticket)),
        }
    }

    /// The turn is over, or nobody waits for it any more: it goes to whoever has waited longest in this process, else it
    /// is given back.
    pub(super) fn end_turn<S: Names<Fd = F>>(&self, sys: &S, lock: Lock) {
        if let Ok(file) = self.current(sys.pid()).file(lock.inode) {
            file.end_turn(sys, lock.ticket);
        }
    }

    /// What [`Sys::await_lock`] waited for has come, or never will.
    pub fn arrived<S: Names<Fd = F>>(&self, sys: &S, inode: Inode, granted: io::Result<()>) {
        let mut open = self.current(sys.pid());
        let Ok(file) = open.file(inode) else { return };
        match granted {
            Ok(()) => file.pass_on(sys),
            Err(error) => file.fail(&error),
        }
        open.close_unused(inode);
    }

    /// Lends the lock file's descriptor.
    pub(super) fn descriptor(&self, pid: u32, lock: Lock) -> io::Result<Arc<F>> {
        Ok(Arc::clone(&self.current(pid).file(lock.inode)?.fd))
    }

    /// Gives back what this one holds of it. The last who does so closes it.
    pub(super) fn close<S: Names<Fd = F>>(&self, sys: &S, lock: Lock) {
        let mut open = self.current(sys.pid());
        if let Ok(file) = open.file(lock.inode) {
            file.end_turn(sys, lock.ticket);
            if file.leader == Some(lock.ticket) {
                file.leader = None;
                // It fails for no lock that is held.
                let _ = sys.unlock(sys.borrow(&file.fd), LEADERSHIP);
            }
        }
        open.close(lock.inode);
    }

    /// The register of this process: what a forked child finds in it is its parent's, and is closed, which
    /// touches no lock of the parent.
    fn current(&self, pid: u32) -> MutexGuard<'_, Open<F>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.pid != pid {
            open.files.clear();
            open.pid = pid;
        }
        open
    }
}

impl<F> Open<F> {
    /// Takes a descriptor of a lock file in.
    fn keep<S: Names<Fd = F>>(&mut self, sys: &S, fd: F) -> io::Result<Inode> {
        let Status { inode, kind, mode, .. } = sys.status(sys.borrow(&fd))?;
        if kind != FileKind::Regular {
            return Err(SocketError::NotALockFile.into());
        }
        if mode & OWNER != OWNER {
            // A umask took these bits; without them nobody but root could ever open it again.
            sys.set_mode(sys.borrow(&fd), OWNER)?;
        }
        match self.files.get_mut(&inode) {
            Some(file) => {
                file.spare.push(fd);
                file.users += 1;
            }
            None => {
                self.files.insert(inode, File::new(fd));
            }
        }
        Ok(inode)
    }

    fn file(&mut self, inode: Inode) -> io::Result<&mut File<F>> {
        self.files.get_mut(&inode).ok_or_else(|| SocketError::LockLost.into())
    }

    fn close(&mut self, inode: Inode) {
        if let Some(file) = self.files.get_mut(&inode) {
            file.users = file.users.saturating_sub(1);
        }
        self.close_unused(inode);
    }

    /// A thread that waits holds it open too.
    fn close_unused(&mut self, inode: Inode) {
        if self.files.get(&inode).is_some_and(|it| it.users == 0 && !it.stays && it.turn != Turn::Awaited) {
            self.files.remove(&inode);
        }
    }
}

impl<F> Default for Locks<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F> File<F> {
    fn new(fd: F) -> Self {
        Self {
            fd: Arc::new(fd),
            spare: Vec::new(),
            users: 1,
            leader: None,
            stays: false,
            turn: Turn::Free,
            waiting: VecDeque::new(),
            failed: BTreeMap::new(),
        }
    }

    /// A lock under our own process id that is not known here was taken by another copy of this library. The descriptor
    /// then stays open, since closing it would drop that lock.
    fn is_of_another_copy<S: Names<Fd = F>>(&mut self, sys: &S, byte: i64) -> io::Result<bool> {
        let holder = sys.lock_holder(sys.borrow(&self.fd), byte)?;
        let another = holder == Some(sys.pid());
        self.stays |= another;
        Ok(another)
    }

    fn end_turn<S: Names<Fd = F>>(&mut self, sys: &S, ticket: Ticket) {
        self.waiting.retain(|waiter| waiter.ticket != ticket);
        self.failed.remove(&ticket);
        if self.turn == Turn::Of(ticket) {
            self.pass_on(sys);
        }
    }

    fn pass_on<S: Names<Fd = F>>(&mut self, sys: &S) {
        match self.waiting.pop_front() {
            Some(Waiter { ticket, alarm }) => {
                self.turn = Turn::Of(ticket);
                alarm();
            }
            None => {
                self.turn = Turn::Free;
                // It fails for no lock that is held.
                let _ = sys.unlock(sys.borrow(&self.fd), TURN);
            }
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.turn = Turn::Free;
        for Waiter { ticket, alarm } in self.waiting.drain(..) {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            self.failed.insert(ticket, io::Error::from_raw_os_error(errno));
            alarm();
        }
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Waiter").field(&self.ticket).finish()
    }
}
