//! Carries out what [`ginnel_proto::election`] decides, one system call a step.

use std::io;

use ginnel_proto::election::{Election, Inode, Refusal, Seen, Step, Way};

use super::place::{self, Place};
use crate::error::SocketError;
use crate::sys::{FileKind, Files, Rename, SocketKind, Sockets, Status};

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

/// A path that is ours. Dropping it removes the name, if it is still ours, and then lets go of the lock.
#[derive(Debug)]
pub(crate) struct Ownership<S: Sockets + Files> {
    sys: S,
    place: Place<S::Fd>,
    claim: Claim,
    election: Election,
    lock: Option<Inode>,
    /// A forked child must not touch what its parent owns.
    pid: u32,
    /// What stood at the name when it was looked at last, held so that its inode number means nothing else.
    pinned: Option<S::Fd>,
    /// The socket file that is being published, held likewise.
    fresh: Option<S::Fd>,
    /// The socket file that is ours, held so that no other file is ever taken for it.
    own: Option<S::Fd>,
    /// The private name in use.
    private: Vec<u8>,
    /// The socket that is being published.
    socket: Option<S::Fd>,
    /// Why the first step failed since the name was looked at.
    error: Option<io::Error>,
}

impl<S: Sockets + Files> Ownership<S> {
    /// Publishes a new socket at `place`.
    pub(crate) fn claim(sys: S, place: Place<S::Fd>, claim: Claim) -> io::Result<(S::Fd, Self)> {
        let binds = claim.kind == SocketKind::Datagram && place.is_short();
        let (election, first) = Election::claim(if binds { Way::Bind } else { Way::Rename });
        let mut ownership = Self {
            pid: sys.pid(),
            sys,
            place,
            claim,
            election,
            lock: None,
            pinned: None,
            fresh: None,
            own: None,
            private: Vec::new(),
            socket: None,
            error: None,
        };
        match ownership.run(first)? {
            Some(socket) => Ok((socket, ownership)),
            None => Err(SocketError::LockLost.into()),
        }
    }

    /// Does the path still name our socket?
    pub(crate) fn is_published(&self) -> io::Result<bool> {
        let there = self.sys.status_at(self.directory(), self.place.name())?;
        Ok(there.is_some_and(|there| Some(there.inode) == self.election.owned()))
    }

    /// Publishes a new socket if the path does not name ours any more; `None` if it does.
    pub(crate) fn republish(&mut self) -> io::Result<Option<S::Fd>> {
        if self.sys.pid() != self.pid {
            return Err(SocketError::LockLost.into());
        }
        let first = self.election.republish();
        self.run(first)
    }

    /// Does what the election says until it ends; hands over the socket if one was made.
    fn run(&mut self, mut step: Step) -> io::Result<Option<S::Fd>> {
        loop {
            match step {
                Step::Own => {
                    // A socket that was bound to the name itself is what was looked at last.
                    self.own = self.fresh.take().or(self.pinned.take());
                    self.pinned = None;
                    return Ok(self.socket.take());
                }
                Step::Released => return Ok(None),
                Step::Refuse(why) => {
                    (self.pinned, self.fresh, self.socket) = (None, None, None);
                    return Err(self.refusal(why));
                }
                _ => {
                    step = {
                        let seen = self.carry_out(step);
                        self.election.next(seen)
                    }
                }
            }
        }
    }

    fn refusal(&mut self, why: Refusal) -> io::Error {
        match why {
            Refusal::InUse => SocketError::AddressInUse.into(),
            Refusal::NotASocket => SocketError::NotASocketFile.into(),
            Refusal::LockLost => SocketError::LockLost.into(),
            Refusal::System => self.error.take().unwrap_or_else(|| io::ErrorKind::Other.into()),
        }
    }

    fn carry_out(&mut self, step: Step) -> Seen {
        let done = match step {
            Step::OpenLock => self.open_lock(),
            Step::TryLock => self.try_lock(),
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
            Step::Publish => self.rename(&self.private, self.place.name(), Rename::NoReplace),
            Step::Exchange => self.rename(&self.private, self.place.name(), Rename::Exchange),
            Step::Withdraw => self.withdraw(),
            Step::RemovePrivate => self.remove(&self.private),
            Step::Unlock => Ok(self.unlock()),
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
        self.lock = self.sys.locks().open(&self.sys, self.directory(), &self.place.lock())?;
        Ok(if self.lock.is_some() { Seen::Done } else { Seen::Held })
    }

    fn try_lock(&self) -> io::Result<Seen> {
        let Some(lock) = self.lock else { return Ok(Seen::Failed) };
        let taken = self.sys.locks().try_lock(&self.sys, lock)?;
        Ok(if taken.is_some() { Seen::Done } else { Seen::Held })
    }

    fn check_lock(&self) -> io::Result<Seen> {
        let named = self.sys.status_at(self.directory(), &self.place.lock())?;
        let same = named.map(|named| named.inode) == self.lock;
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
        let pinned = match self.sys.pin(self.directory(), self.place.name()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seen::Absent),
            pinned => pinned?,
        };
        let there = self.sys.status(self.sys.borrow(&pinned))?;
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
                let there = self.sys.status(self.sys.borrow(&pinned))?;
                self.fresh = Some(pinned);
                Ok(seen(there))
            }
        }
    }

    /// Whether anybody lives behind a socket file that is held. Only "nobody" may lead to its removal, so what is
    /// not known for certain is an error.
    fn probe(&self, pinned: &S::Fd) -> io::Result<Seen> {
        let address = place::through(&self.sys, pinned)?;
        let socket = self.sys.socket(self.claim.kind, true)?;
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
        self.rename(self.place.name(), &self.private, Rename::NoReplace)
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

    fn unlock(&mut self) -> Seen {
        if let Some(lock) = self.lock.take() {
            self.sys.locks().close(self.pid, lock);
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

impl<S: Sockets + Files> Drop for Ownership<S> {
    fn drop(&mut self) {
        if self.sys.pid() != self.pid {
            return;
        }
        let first = self.election.release();
        // Nobody is left to tell of an error: a name that stays is replaced by whoever listens next.
        let _ = self.run(first);
    }
}
