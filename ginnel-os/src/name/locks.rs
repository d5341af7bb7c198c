//! The lock files that this process has open, each once.
//!
//! POSIX record locks belong to the process: they die with it even if it forked, which is why they are used.
//! The price is that closing *any* descriptor of the file drops them all. So each file is opened once, here,
//! and a descriptor whose closing could drop somebody else's lock is kept open. fcntl(2), "Record locks"

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ginnel_proto::election::Inode;

use crate::error::SocketError;
use crate::sys::{FileKind, Files, Status};

/// The byte of a lock file that stands for owning the path.
pub(super) const LEADERSHIP: i64 = 0;

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
}

#[derive(Debug)]
struct File<F> {
    fd: F,
    claimed: bool,
    /// Further descriptors of the same file, which must not be closed while a lock is held.
    spare: Vec<F>,
}

impl<F> Locks<F> {
    /// An empty register.
    pub const fn new() -> Self {
        Self { open: Mutex::new(Open { pid: 0, files: BTreeMap::new() }) }
    }

    /// Opens a lock file to claim it; `None` if this process has it claimed already, here or by another copy of
    /// this library.
    pub(super) fn open<S: Files<Fd = F>>(
        &self,
        sys: &S,
        directory: S::Borrowed<'_>,
        name: &[u8],
    ) -> io::Result<Option<Inode>> {
        let mut open = self.current(sys.pid());
        let named = sys.status_at(directory, name)?.map(|status| status.inode);
        if let Some(file) = named.and_then(|inode| open.files.get_mut(&inode)) {
            return Ok(file.claim(sys)?.then_some(named).flatten());
        }
        let fd = sys.open_lock(directory, name)?;
        let Status { inode, kind, mode, .. } = sys.status(sys.borrow(&fd))?;
        if kind != FileKind::Regular {
            return Err(SocketError::NotALockFile.into());
        }
        if mode & OWNER != OWNER {
            // A umask took these bits; without them nobody but root could ever open it again.
            sys.set_mode(sys.borrow(&fd), OWNER)?;
        }
        if let Some(file) = open.files.get_mut(&inode) {
            file.spare.push(fd);
            return Ok(file.claim(sys)?.then_some(inode));
        }
        let mut file = File { fd, claimed: false, spare: Vec::new() };
        let free = file.claim(sys)?;
        open.files.insert(inode, file);
        Ok(free.then_some(inode))
    }

    /// Takes the leadership byte of a file that [`open`](Self::open) claimed. `None`: another process has it.
    pub(super) fn try_lock<S: Files<Fd = F>>(&self, sys: &S, inode: Inode) -> io::Result<Option<()>> {
        match self.current(sys.pid()).files.get(&inode) {
            Some(file) => sys.try_lock(sys.borrow(&file.fd), LEADERSHIP),
            None => Ok(None),
        }
    }

    /// Closes a lock file, which drops its locks.
    pub(super) fn close(&self, pid: u32, inode: Inode) {
        self.current(pid).files.remove(&inode);
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

impl<F> Default for Locks<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F> File<F> {
    /// Claims the file within this process. A lock under our own process id that is not claimed here was taken
    /// by another copy of this library; the descriptor then stays open, since closing it would drop that lock.
    fn claim<S: Files<Fd = F>>(&mut self, sys: &S) -> io::Result<bool> {
        if self.claimed {
            return Ok(false);
        }
        let holder = sys.lock_holder(sys.borrow(&self.fd), LEADERSHIP)?;
        self.claimed = holder != Some(sys.pid());
        Ok(self.claimed)
    }
}
