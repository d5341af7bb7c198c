//! A path that one listener owns.

use std::io;

use ginnel_proto::election::{Election, Step, Way};

use super::hands::{Claim, Hands};
use super::place::Place;
use super::publish;
use crate::error::SocketError;
use crate::sys::{Names, SocketKind, Sockets};

/// A path that is ours. Dropping it removes the name, if it is still ours, and then lets go of the lock.
#[derive(Debug)]
pub(crate) struct Ownership<S: Sockets + Names> {
    hands: Hands<S>,
    election: Election,
    /// The name is not ours to remove any more.
    forsaken: bool,
}

impl<S: Sockets + Names> Ownership<S> {
    /// Publishes a new socket at `place`.
    pub(crate) fn claim(sys: S, place: Place<S::Fd>, claim: Claim) -> io::Result<(S::Fd, Self)> {
        let binds = claim.kind == SocketKind::Datagram && place.is_short();
        let (election, first) = Election::claim(if binds { Way::Bind } else { Way::Rename });
        let mut ownership = Self { hands: Hands::new(sys, place, claim), election, forsaken: false };
        match ownership.run(first)? {
            Some(socket) => Ok((socket, ownership)),
            None => Err(SocketError::LockLost.into()),
        }
    }

    /// Does the path still name our socket?
    pub(crate) fn is_published(&self) -> io::Result<bool> {
        Ok(self.hands.named()? == self.election.owned())
    }

    /// Publishes a new socket if the path does not name ours any more; `None` if it does.
    pub(crate) fn republish(&mut self) -> io::Result<Option<S::Fd>> {
        if self.hands.is_inherited() {
            return Err(SocketError::LockLost.into());
        }
        let first = self.election.republish();
        self.run(first)
    }

    /// Lets go of the lock and leaves the name to whoever listens next, as a process does that dies.
    pub(crate) fn forsake(mut self) {
        if !self.hands.is_inherited() {
            self.hands.let_go();
            self.hands.carry_out(Step::Unlock);
        }
        self.forsaken = true;
    }

    /// Does what the election says until it ends; hands over the socket if one was made.
    fn run(&mut self, mut step: Step) -> io::Result<Option<S::Fd>> {
        loop {
            match step {
                Step::Own => return Ok(self.hands.own()),
                Step::Released => return Ok(None),
                Step::Refuse(why) => {
                    self.hands.let_go();
                    return Err(self.hands.refusal(why));
                }
                _ => step = self.election.next(self.hands.carry_out(step)),
            }
        }
    }
}

impl<S: Sockets + Names> Drop for Ownership<S> {
    fn drop(&mut self) {
        if self.forsaken || self.hands.is_inherited() {
            return;
        }
        let first = self.election.release();
        // Nobody is left to tell of an error: a name that stays is replaced by whoever listens next.
        let _ = self.run(first);
        if publish::is_private(self.hands.place.name()) {
            self.hands.remove_lock();
        }
    }
}
