//! The listening socket of an engine.

use std::io;
use std::time::{Duration, Instant};

use ginnel_proto::Wire;

use crate::connection::Directions;
use crate::listener::{AcceptPause, Knock, Listener};
use crate::sys::{Poller, Sys};

/// One of the listeners of an engine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a number, and nothing else")]
pub struct DoorId(pub u32);

impl DoorId {
    /// The listener of one who has only this.
    pub const ONLY: Self = Self(0);

    /// What the poller calls it.
    const fn token(self) -> u64 {
        LAST_TOKEN - self.0 as u64
    }

    /// Whom the poller means.
    pub(super) const fn of(token: u64) -> Option<Self> {
        match LAST_TOKEN.checked_sub(token) {
            Some(number) if number <= u32::MAX as u64 => Some(Self(number as u32)),
            _ => None,
        }
    }
}

/// No connection has a number near this.
const LAST_TOKEN: u64 = u64::MAX - 16;

/// How long a listener goes unwatched because the system cannot watch it.
const UNWATCHED: Duration = Duration::from_millis(50);

/// Connections that the policy does not allow and that are closed in one turn.
const DENIALS: usize = 64;

#[derive(Debug)]
pub(super) struct Door<S: Sys> {
    id: DoorId,
    listener: Listener<S>,
    /// What is spoken there.
    wire: Wire,
    pause: AcceptPause,
    /// There are no descriptors left: nobody is accepted before this moment.
    until: Option<Instant>,
    watched: bool,
}

impl<S: Sys> Door<S> {
    /// The listener must be non-blocking.
    pub(super) fn new(id: DoorId, listener: Listener<S>, wire: Wire, poller: &S::Poller) -> io::Result<Self> {
        poller.add(listener.borrowed(), id.token(), Directions::READ)?;
        Ok(Self { watched: true, ..Self::unwatched(id, listener, wire) })
    }

    /// As [`new`](Self::new), for one whose name leads to it already: what cannot be watched now is tried again.
    pub(super) fn published(id: DoorId, listener: Listener<S>, wire: Wire, poller: &S::Poller) -> Self {
        let mut door = Self::unwatched(id, listener, wire);
        door.watch(poller, true);
        door
    }

    const fn unwatched(id: DoorId, listener: Listener<S>, wire: Wire) -> Self {
        Self { id, listener, wire, pause: AcceptPause::new(), until: None, watched: false }
    }

    /// What is spoken there.
    pub(super) const fn wire(&self) -> Wire {
        self.wire
    }

    /// Listens no more.
    pub(super) fn close(self, poller: &S::Poller) {
        if self.watched {
            poller.remove(self.listener.borrowed());
        }
    }

    /// The next who waits, if there is one.
    pub(super) fn accept(&mut self, poller: &S::Poller, now: Instant) -> Option<S::Fd> {
        for _ in 0..DENIALS {
            match self.listener.accept() {
                Ok(Some(Knock::Allowed(fd))) => {
                    self.pause = AcceptPause::new();
                    return Some(fd);
                }
                Ok(Some(Knock::Denied)) => {}
                Ok(None) => return None,
                Err(error) => match self.pause.after_on(self.listener.sys(), error) {
                    Ok(length) if length.is_zero() => {}
                    Ok(length) => {
                        self.until = now.checked_add(length);
                        self.watch(poller, false);
                        return None;
                    }
                    Err(error) => {
                        tracing::error!(%error, "cannot accept connections any more");
                        self.watch(poller, false);
                        return None;
                    }
                },
            }
        }
        None
    }

    pub(super) const fn listener(&self) -> &Listener<S> {
        &self.listener
    }

    /// Does anybody wait at a socket that was replaced, of which the poller tells nothing?
    pub(super) fn has_retired(&self) -> bool {
        self.until.is_none() && self.listener.has_retired()
    }

    /// From now on this socket stands at the path.
    pub(super) fn succeed(&mut self, fresh: S::Fd, poller: &S::Poller) {
        self.watch(poller, false);
        self.listener.succeed(fresh);
        self.watch(poller, true);
    }

    /// The listening socket.
    pub(super) fn borrowed(&self) -> S::Borrowed<'_> {
        self.listener.borrowed()
    }

    /// Publishes the name again if somebody removed or replaced it.
    pub(super) fn republish(&mut self, poller: &S::Poller) -> io::Result<()> {
        let was_watched = self.watched;
        self.watch(poller, false);
        let published = self.listener.republish();
        // The fresh socket is as the listener was made, which may have been for somebody who waits inside `accept`.
        let never_waits = self.listener.sys().set_nonblocking(self.listener.borrowed());
        self.watch(poller, was_watched);
        published.and(never_waits)
    }

    pub(super) fn look(&mut self, poller: &S::Poller, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            self.watch(poller, true);
        }
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.until
    }

    fn watch(&mut self, poller: &S::Poller, watch: bool) {
        if watch == self.watched {
            return;
        }
        if watch {
            self.watched = poller.add(self.listener.borrowed(), self.id.token(), Directions::READ).is_ok();
            if !self.watched {
                // Who waits is told of by nobody now, so it is tried again.
                self.until = self.listener.sys().now().checked_add(UNWATCHED);
            }
        } else {
            poller.remove(self.listener.borrowed());
            self.watched = false;
        }
    }
}
