//! What a path is owned with: carries out the steps that [`ginnel_proto::election`] decides, one system call each.

use std::io;

use ginnel_proto::election::{Inode, Refusal, Seen, Step};

use super::locks::{Lock, Locks};
use super::place::Place;
use super::record::Record;
use crate::error::SocketError;
use crate::listener::ListenerOptions;
use crate::sys::{self, FileKind, Names, Rename, SocketKind, Sockets, Status, Would};

/// How a path is to be owned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) kind: SocketKind,
    pub(crate) nonblocking: bool,
    /// Permission bits.
    pub(crate) mode: u32,
    /// User and group id, where they are to be others than ours.
    pub(crate) owner: (Option<u32>, Option<u32>),
    pub(crate) backlog: u32,
}

impl Claim {
    /// As a listener's options say.
    pub(crate) const fn of(kind: SocketKind, options: &ListenerOptions) -> Self {
        let &ListenerOptions { mode, owner, backlog, nonblocking, .. } = options;
        Self { kind, nonblocking, mode, owner, backlog }
    }
}

/// A path, and what is held of it and of the socket that is published there.
#[derive(Debug)]
pub(super) struct Hands<S: Sockets + Names> {
    pub(super) sys: S,
    pub(super) place: Place<S::Fd>,
    claim: Claim,
    pub(super) lock: Option<Lock>,
    /// A forked child must not touch what its parent owns.
    pub(super) pid: u32,
    /// What stood at the name when it was looked at last, held so that its inode number means nothing else.
    pub(super) pinned: Option<S::Pin>,
    /// The socket file that is being published, held likewise.
    fresh: Option<S::Pin>,
    /// The socket file that is ours, held so that no other file is ever taken for it.
    pub(super) own: Option<S::Pin>,
    /// The private name in use.
    private: Vec<u8>,
    /// The socket that is being published.
    pub(super) socket: Option<S::Fd>,
    /// Why the first step failed since the name was looked at.
    pub(super) error: Option<io::Error>,
}

impl<S: Sockets + Names> Hands<S> {
    pub(super) fn new(sys: S, place: Place<S::Fd>, claim: Claim) -> Self {
        Self {
            pid: sys.pid(),
            sys,
            place,
            claim,
            lock: None,
            pinned: None,
            fresh: None,
            own: None,
            private: Vec::new(),
            socket: None,
            error: None,
        }
    }

    /// What the path names now, if that is a file at all.
    pub(super) fn named(&self) -> io::Result<Option<Inode>> {
        Ok(self.sys.status_at(self.directory(), self.place.name())?.map(|there| there.inode))
    }

    /// Does it belong to the parent that forked this process?
    pub(super) fn is_inherited(&self) -> bool {
        self.sys.pid() != self.pid
    }

    /// What a refusal is to the caller.
    pub(super) fn refusal(&mut self, why: Refusal) -> io::Error {
        match self.error.take().filter(|_| why == Refusal::System) {
            Some(error) => error,
            None => SocketError::refused(why),
        }
    }

    /// The path is ours now: hands over the socket, if one was made.
    pub(super) fn own(&mut self) -> Option<S::Fd> {
        // A socket that was bound to the name itself is what was looked at last.
        self.own = self.fresh.take().or(self.pinned.take());
        self.pinned = None;
        self.socket.take()
    }

    /// The path is not ours.
    pub(super) fn let_go(&mut self) {
        (self.pinned, self.fresh, self.socket) = (None, None, None);
    }

    /// Carries out a step.
    pub(super) fn carry_out(&mut self, step: Step) -> Seen {
        let done = match step {
            Step::OpenLock => self.open_lock(),
            Step::TryLock => self.lock(|locks, sys, lock| locks.try_lead(sys, lock)),
            Step::KeepLock => self.lock(|locks, sys, lock| locks.keep_lead(sys, lock)),
            Step::CheckLock => self.check_lock(),
            Step::Inspect => self.inspect(),
            Step::Probe => self.pinned.as_ref().map_or(Ok(Seen::Absent), |pinned| self.probe(pinned)),
            Step::Sweep => self.sweep(),
            Step::Bind => self.bind(),
            Step::BindName => self.bind_name(),
            Step::Identify => self.identify(),
            Step::InspectDisplaced => self.look(&self.private),
            Step::Restrict => self.restrict(),
            Step::Listen => self.listen(),
            Step::Record => self.record(),
            Step::Recall => self.recall(),
            Step::Publish => self.rename(&self.private, self.place.name(), Rename::NoReplace),
            Step::Exchange => self.rename(&self.private, self.place.name(), Rename::Exchange),
            Step::Withdraw => self.withdraw(),
            Step::RemovePrivate => self.remove(&self.private),
            Step::Unlock => Ok(self.unlock()),
            // These are the contender's.
            Step::SeekLeader | Step::AwaitTurn | Step::EndTurn | Step::Watch => Ok(Seen::Failed),
            Step::Stand(_) | Step::StandDown | Step::TakeOver => Ok(Seen::Failed),
            Step::Own | Step::Released | Step::Refuse(_) => Ok(Seen::Done),
        };
        done.unwrap_or_else(|error| {
            self.error.get_or_insert(error);
            Seen::Failed
        })
    }

    fn directory(&self) -> S::Borrowed<'_> {
        self.sys.borrow(self.place.directory())
    }

    fn open_lock(&mut self) -> io::Result<Seen> {
        if self.lock.is_none() {
            self.lock = Some(self.sys.locks().open(&self.sys, self.directory(), &self.place.lock())?);
        }
        Ok(Seen::Done)
    }

    fn lock(&self, ask: impl FnOnce(&Locks<S::Fd>, &S, Lock) -> Would<()>) -> io::Result<Seen> {
        let Some(lock) = self.lock else { return Ok(Seen::Failed) };
        let held = ask(self.sys.locks(), &self.sys, lock)?;
        Ok(if held.is_some() { Seen::Done } else { Seen::Held })
    }

    /// The process that holds the leadership byte.
    pub(super) fn leader(&self) -> io::Result<Option<u32>> {
        self.sys.locks().leader(&self.sys, self.directory(), &self.place.lock())
    }

    /// Writes down what stands at the name, if it was known before, and what is put there.
    fn record(&mut self) -> io::Result<Seen> {
        let Some(lock) = self.lock else { return Ok(Seen::Failed) };
        let fd = self.sys.locks().descriptor(self.pid, lock)?;
        let before = Record::read(&self.sys, self.sys.borrow(&fd))?;
        let there = self.inode(&self.pinned)?.filter(|&there| before.knows(there));
        let put = self.inode(&self.fresh)?.or(self.inode(&self.pinned)?);
        let after = Record { count: before.count + 1, there, put };
        after.write(&self.sys, self.sys.borrow(&fd))?;
        Ok(Seen::Recorded(after.count))
    }

    fn recall(&self) -> io::Result<Seen> {
        let Some(lock) = self.lock else { return Ok(Seen::Failed) };
        let fd = self.sys.locks().descriptor(self.pid, lock)?;
        let record = Record::read(&self.sys, self.sys.borrow(&fd))?;
        let known = self.inode(&self.pinned)?.is_some_and(|there| record.knows(there));
        Ok(if known { Seen::Done } else { Seen::Foreign })
    }

    fn inode(&self, held: &Option<S::Pin>) -> io::Result<Option<Inode>> {
        held.as_ref().map(|pin| Ok(self.sys.pinned(pin)?.inode)).transpose()
    }

    fn check_lock(&self) -> io::Result<Seen> {
        let named = self.sys.status_at(self.directory(), &self.place.lock())?;
        let same = named.map(|named| named.inode) == self.lock.map(|lock| lock.inode);
        Ok(if same { Seen::Done } else { Seen::Moved })
    }

    fn look(&self, name: &[u8]) -> io::Result<Seen> {
        Ok(match self.sys.status_at(self.directory(), name)? {
            None => Seen::Absent,
            Some(there) => seen(there),
        })
    }

    /// Looks at the name and holds on to what is there. An inode number is used again as soon as its file is gone;
    /// while this is held, whatever has the number *is* this file.
    fn inspect(&mut self) -> io::Result<Seen> {
        (self.pinned, self.error) = (None, None);
        if self.fresh.take().is_some() {
            // It was discarded.
            self.socket = None;
        }
        let pinned = match self.sys.pin(self.directory(), self.place.name()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seen::Absent),
            pinned => pinned?,
        };
        let there = self.sys.pinned(&pinned)?;
        self.pinned = Some(pinned);
        Ok(seen(there))
    }

    /// Looks at the private name that was just bound. If it is not in our directory, the path has come to lead
    /// somewhere else in the meantime; the name is random, so it can be removed from there by its path.
    fn identify(&mut self) -> io::Result<Seen> {
        match self.sys.pin(self.directory(), &self.private) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.place.remove_misplaced(&self.sys, &self.private)?;
                Err(error)
            }
            pinned => {
                let pinned = pinned?;
                let there = self.sys.pinned(&pinned)?;
                self.fresh = Some(pinned);
                Ok(seen(there))
            }
        }
    }

    /// Whether anybody lives behind a socket file that is held. Only "nobody" may lead to its removal, so what is
    /// not known for certain is an error.
    fn probe(&self, pinned: &S::Pin) -> io::Result<Seen> {
        let address = self.sys.address_of(pinned)?;
        let socket = self.sys.socket(sys::other_kind(self.claim.kind), true)?;
        match self.sys.connect(self.sys.borrow(&socket), &address) {
            Ok(_) => Ok(Seen::Answered),
            Err(error) => match error.raw_os_error() {
                Some(libc::ECONNREFUSED) => Ok(Seen::Refused),
                Some(libc::ENOENT) => Ok(Seen::Absent),
                Some(libc::EPROTOTYPE) => Ok(Seen::Answered),
                // A datagram socket that is connected to somebody else: it lives, but not for us. unix(7)
                Some(libc::EPERM) if self.claim.kind == SocketKind::Datagram => Ok(Seen::Answered),
                _ => Err(error),
            },
        }
    }

    /// Private names whose makers died on the way. Whatever still answers is left alone.
    fn sweep(&self) -> io::Result<Seen> {
        for name in self.sys.list(self.directory())? {
            let ours = self.place.is_private(&name) && matches!(self.look(&name), Ok(Seen::Found(_)));
            if ours && self.refuses(&name) {
                self.sys.unlink_at(self.directory(), &name)?;
            }
        }
        Ok(Seen::Done)
    }

    fn refuses(&self, name: &[u8]) -> bool {
        let pinned = self.sys.pin(self.directory(), name);
        pinned.and_then(|pinned| self.probe(&pinned)).is_ok_and(|seen| seen == Seen::Refused)
    }

    /// Binds a new socket to a private name.
    fn bind(&mut self) -> io::Result<Seen> {
        self.private = self.place.private(self.sys.random()?);
        self.socket = Some(self.bound(&self.private)?);
        Ok(Seen::Done)
    }

    /// Binds a new socket to the name itself.
    fn bind_name(&mut self) -> io::Result<Seen> {
        match self.bound(self.place.name()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(Seen::Exists),
            bound => {
                self.socket = Some(bound?);
                self.unmask(self.place.name())?;
                Ok(Seen::Done)
            }
        }
    }

    /// The mode is set before the name exists, so that there is no moment in which it is wider.
    fn bound(&self, name: &[u8]) -> io::Result<S::Fd> {
        let socket = self.sys.socket(self.claim.kind, self.claim.nonblocking)?;
        self.sys.set_mode(self.sys.borrow(&socket), self.claim.mode)?;
        let address = self.place.bindable(&self.sys, name)?;
        self.sys.bind(self.sys.borrow(&socket), &address)?;
        Ok(socket)
    }

    fn withdraw(&mut self) -> io::Result<Seen> {
        self.private = self.place.private(self.sys.random()?);
        self.rename(self.place.name(), &self.private, Rename::Aside)
    }

    /// Gives the name to its owner, with its mode.
    fn restrict(&self) -> io::Result<Seen> {
        let (directory, name) = (self.directory(), &self.private[..]);
        if self.claim.owner != (None, None) {
            self.sys.set_owner_at(directory, name, self.claim.owner)?;
        }
        self.unmask(name)?;
        Ok(Seen::Done)
    }

    /// Gives the name the mode bits that the umask took.
    fn unmask(&self, name: &[u8]) -> io::Result<()> {
        let mode = self.sys.status_at(self.directory(), name)?.map(|status| status.mode & 0o777);
        if mode.is_some_and(|mode| mode != self.claim.mode) {
            self.sys.set_mode_at(self.directory(), name, self.claim.mode)?;
        }
        Ok(())
    }

    fn listen(&self) -> io::Result<Seen> {
        if let Some(socket) = &self.socket
            && self.claim.kind != SocketKind::Datagram
        {
            self.sys.listen(self.sys.borrow(socket), self.claim.backlog)?;
        }
        Ok(Seen::Done)
    }

    fn rename(&self, from: &[u8], to: &[u8], how: Rename) -> io::Result<Seen> {
        match self.sys.rename_at(self.directory(), from, to, how) {
            Ok(()) => Ok(Seen::Done),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Seen::Absent),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Seen::Exists),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, name: &[u8]) -> io::Result<Seen> {
        self.sys.unlink_at(self.directory(), name)?;
        Ok(Seen::Done)
    }

    /// Removes the lock file. Two who both own the path are the price, unless nobody else would ever open it.
    pub(super) fn remove_lock(&self) {
        // It fails only if somebody has been quicker.
        let _ = self.sys.unlink_at(self.directory(), &self.place.lock());
    }

    fn unlock(&mut self) -> Seen {
        if let Some(lock) = self.lock.take() {
            self.sys.locks().close(&self.sys, lock);
        }
        Seen::Done
    }
}

fn seen(there: Status) -> Seen {
    match there.kind {
        FileKind::Socket => Seen::Found(there.inode),
        _ => Seen::Foreign,
    }
}
