//! One peer's hold on a path: carries out the steps of a contest. What a listener alone has no use for is here, the rest
//! in [`Hands`].

use std::io;
use std::path::PathBuf;

use ginnel_proto::election::{Inode, Refusal, Seen, Step};

use super::hands::{Claim, Hands};
use super::locks::Lock;
use super::place::Place;
use crate::error::SocketError;
use crate::sys::{Alarm, FileKind, Name, Status, Sys};

/// One peer's hold on a path.
#[derive(Debug)]
pub(crate) struct Contender<S: Sys> {
    sys: S,
    path: PathBuf,
    claim: Claim,
    /// What is held of the path; opened anew whenever nothing is, since directories come and go.
    hands: Option<Hands<S>>,
    /// A duplicate of the listener's socket.
    spare: Option<S::Fd>,
    /// It waits for its turn.
    waits: bool,
    /// Tells when the name or the lock may be lost.
    watch: Option<S::Fd>,
    error: Option<io::Error>,
}

impl<S: Sys> Contender<S> {
    pub(crate) fn new(sys: S, path: PathBuf, claim: Claim) -> Self {
        Self { sys, path, claim, hands: None, spare: None, waits: false, watch: None, error: None }
    }

    /// Does this path suit peers? Nothing is changed to find out.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.open().map(drop)
    }

    fn open(&self) -> io::Result<Hands<S>> {
        let place = Place::of(&self.sys, &self.path)?;
        let directory = self.sys.borrow(place.directory());
        let Status { uid, mode, .. } = self.sys.status(directory)?;
        let user = self.sys.user();
        if (uid != user && uid != ROOT) || (mode & OTHERS_WRITE != 0 && mode & STICKY == 0) {
            return Err(SocketError::OpenDirectory { owner: uid, mode }.into());
        }
        if !self.sys.is_local(directory)? {
            return Err(SocketError::RemoteFileSystem.into());
        }
        match self.sys.status_at(directory, &place.lock())? {
            Some(lock) if lock.kind != FileKind::Regular => return Err(SocketError::NotALockFile.into()),
            Some(lock) if lock.uid != user => return Err(SocketError::ForeignLock { owner: lock.uid }.into()),
            _ => {}
        }
        match self.sys.status_at(directory, place.name())? {
            Some(there) if there.kind != FileKind::Socket => Err(SocketError::NotASocketFile.into()),
            _ => Ok(Hands::new(self.sys.clone(), place, self.claim)),
        }
    }

    /// Carries out a step. `None`: it will be known later, see [`has_turn`](Self::has_turn).
    /// `silent`: the process that listens at the other end of the connection on which a greeting is awaited.
    pub(crate) fn carry_out(
        &mut self,
        step: Step,
        silent: Option<u32>,
        alarm: impl FnOnce() -> Alarm,
    ) -> Option<Seen> {
        let done = match step {
            Step::AwaitTurn => match self.take_turn(alarm()) {
                Ok(None) => return None,
                taken => taken.map(|_| Seen::Done),
            },
            Step::EndTurn => Ok(self.end_turn()),
            Step::Unlock => Ok(self.unlock()),
            Step::Stand(socket) => self.stand(socket),
            Step::StandDown => {
                self.spare = None;
                Ok(Seen::Done)
            }
            Step::TakeOver => self.take_over(),
            // Whether this is a path for peers is found out when the name is.
            Step::OpenLock => self.hands().map(|hands| hands.carry_out(step)),
            Step::SeekLeader => self.seek_leader(silent),
            Step::Watch => Ok(Seen::Done),
            step => Ok(self.hands.as_mut().map_or(Seen::Failed, |hands| hands.carry_out(step))),
        };
        Some(done.unwrap_or_else(|error| {
            self.error = Some(error);
            Seen::Failed
        }))
    }

    fn hands(&mut self) -> io::Result<&mut Hands<S>> {
        if self.hands.is_none() {
            self.hands = Some(self.open()?);
        }
        self.hands.as_mut().ok_or_else(|| SocketError::LockLost.into())
    }

    fn seek_leader(&mut self, silent: Option<u32>) -> io::Result<Seen> {
        Ok(match self.hands()?.leader()? {
            None => Seen::Done,
            Some(pid) if silent == Some(pid) => Seen::Held,
            Some(_) => Seen::Moved,
        })
    }

    fn lock(&self) -> io::Result<Lock> {
        self.hands.as_ref().and_then(|hands| hands.lock).ok_or_else(|| SocketError::LockLost.into())
    }

    fn take_turn(&mut self, alarm: Alarm) -> io::Result<Option<()>> {
        let taken = self.sys.locks().take_turn(&self.sys, self.lock()?, alarm)?;
        self.waits = taken.is_none();
        Ok(taken)
    }

    /// What became of a turn that is waited for, once it is known.
    pub(crate) fn has_turn(&mut self) -> Option<Seen> {
        let lock = self.lock().ok().filter(|_| self.waits)?;
        let seen = match self.sys.locks().has_turn(self.sys.pid(), lock) {
            Ok(false) => return None,
            Ok(true) => Seen::Done,
            Err(error) => {
                self.error = Some(error);
                Seen::Failed
            }
        };
        self.waits = false;
        Some(seen)
    }

    fn end_turn(&mut self) -> Seen {
        self.waits = false;
        if let Ok(lock) = self.lock() {
            self.sys.locks().end_turn(&self.sys, lock);
        }
        Seen::Done
    }

    fn unlock(&mut self) -> Seen {
        (self.waits, self.watch) = (false, None);
        if let Some(mut hands) = self.hands.take() {
            hands.carry_out(Step::Unlock);
            self.error = hands.error.take().or(self.error.take());
        }
        Seen::Done
    }

    /// Holds on to the socket file whose duplicate was received, if it is what stands at the name.
    fn stand(&mut self, socket: Inode) -> io::Result<Seen> {
        let hands = self.hands()?;
        let inspected = hands.carry_out(Step::Inspect);
        Ok(if inspected == Seen::Found(socket) { Seen::Done } else { Seen::Moved })
    }

    fn take_over(&mut self) -> io::Result<Seen> {
        let (Some(spare), Some(hands)) = (self.spare.take(), &mut self.hands) else {
            return Ok(Seen::Failed);
        };
        self.sys.listen(self.sys.borrow(&spare), self.claim.backlog)?;
        hands.socket = Some(spare);
        Ok(Seen::Done)
    }

    /// Takes a duplicate of the listener's socket in.
    pub(crate) fn keep(&mut self, spare: S::Fd) {
        self.spare = Some(spare);
    }

    /// The path is ours: the socket to listen on, if it is another than before.
    pub(crate) fn own(&mut self) -> Option<S::Fd> {
        self.hands.as_mut().and_then(Hands::own)
    }

    /// What tells from now on when the name or the lock may be lost. `None`: it cannot be had.
    pub(crate) fn watch(&mut self) -> Option<&S::Fd> {
        self.watch = None;
        let hands = self.hands.as_ref()?;
        let own = hands.own.as_ref()?;
        let lock = self.sys.locks().descriptor(hands.pid, hands.lock?).ok()?;
        let directory = self.sys.borrow(hands.place.directory());
        match self.sys.watch(own, directory, self.sys.borrow(&lock)) {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => tracing::warn!(%error, "nobody will tell when the socket file is removed"),
        }
        self.watch.as_ref()
    }

    /// What tells when the name or the lock may be lost.
    pub(crate) const fn watched(&self) -> Option<&S::Fd> {
        self.watch.as_ref()
    }

    /// Takes what it has to tell: was it anything? `None`: there is no watch.
    pub(crate) fn changes(&self) -> Option<io::Result<bool>> {
        self.watch.as_ref().map(|watch| self.sys.changes(self.sys.borrow(watch)))
    }

    /// Where what was looked at last is reached.
    pub(crate) fn target(&self) -> io::Result<Name> {
        let pinned = self.hands.as_ref().and_then(|hands| hands.pinned.as_ref());
        self.sys.address_of(pinned.ok_or(io::ErrorKind::NotFound)?)
    }

    /// Why the contest has failed.
    pub(crate) fn refusal(&mut self, why: Refusal) -> io::Error {
        let own = self.error.take().filter(|_| why == Refusal::System);
        match (own, &mut self.hands) {
            (Some(error), _) => error,
            (None, Some(hands)) => hands.refusal(why),
            (None, None) => SocketError::refused(why),
        }
    }
}

impl<S: Sys> Drop for Contender<S> {
    fn drop(&mut self) {
        // A forked child gives nothing back that its parent holds.
        if self.hands.as_ref().is_some_and(|hands| !hands.is_inherited()) {
            self.unlock();
        }
    }
}

const ROOT: u32 = 0;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;
