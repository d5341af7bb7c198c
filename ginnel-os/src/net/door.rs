//! The listening socket of an engine.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use ginnel_proto::Address;
use ginnel_proto::machine::ConnId;

use crate::connection::Directions;
use crate::listener::{AcceptPause, Knock, Listener, ListenerOptions};
use crate::sys::{Poller, SocketKind, Sys};

/// What the poller calls it.
pub(super) const TOKEN: ConnId = ConnId(u64::MAX - 1);

/// Connections that may stand without having greeted.
const KNOCKING: usize = 1024;

/// How long a listener goes unwatched because the system cannot watch it.
const UNWATCHED: Duration = Duration::from_millis(50);

/// Connections that the policy does not allow and that are closed in one turn.
const DENIALS: usize = 64;

#[derive(Debug)]
pub(super) struct Door<S: Sys> {
    listener: Listener<S>,
    /// Those who have not greeted.
    knocking: BTreeSet<ConnId>,
    pause: AcceptPause,
    /// There are no descriptors left: nobody is accepted before this moment.
    until: Option<Instant>,
    watched: bool,
}

impl<S: Sys> Door<S> {
    pub(super) fn open(
        sys: &S,
        address: &Address,
        options: &ListenerOptions,
        poller: &S::Poller,
    ) -> io::Result<Self> {
        let options = ListenerOptions { nonblocking: true, ..options.clone() };
        Self::new(Listener::open_on(sys.clone(), SocketKind::Stream, address, options)?, poller)
    }

    /// The listener must be non-blocking.
    pub(super) fn new(listener: Listener<S>, poller: &S::Poller) -> io::Result<Self> {
        poller.add(listener.borrowed(), TOKEN.0, Directions::READ)?;
        Ok(Self { watched: true, ..Self::unwatched(listener) })
    }

    /// As [`new`](Self::new), for one whose name leads to it already: what cannot be watched now is tried again.
    pub(super) fn published(listener: Listener<S>, poller: &S::Poller) -> Self {
        let mut door = Self::unwatched(listener);
        door.watch(poller, true);
        door
    }

    const fn unwatched(listener: Listener<S>) -> Self {
        Self { listener, knocking: BTreeSet::new(), pause: AcceptPause::new(), until: None, watched: false }
    }

    /// Listens no more. Those who have not greeted.
    pub(super) fn close(self, poller: &S::Poller) -> BTreeSet<ConnId> {
        if self.watched {
            poller.remove(self.listener.borrowed());
        }
        self.knocking
    }

    /// The next who waits, if there is one, numbered after the last; and whom it crowds out, who has been silent for
    /// longest.
    pub(super) fn accept(
        &mut self,
        poller: &S::Poller,
        last: &mut ConnId,
        now: Instant,
    ) -> Option<(ConnId, S::Fd, Option<ConnId>)> {
        for _ in 0..DENIALS {
            match self.listener.accept() {
                Ok(Some(Knock::Allowed(fd))) => {
                    self.pause = AcceptPause::new();
                    last.0 += 1;
                    self.knocking.insert(*last);
                    let crowded = self.knocking.len() > KNOCKING;
                    let crowded_out = if crowded { self.knocking.pop_first() } else { None };
                    return Some((*last, fd, crowded_out));
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

    /// One of those who knocked has greeted, or gone.
    pub(super) fn opened(&mut self, id: ConnId) {
        self.knocking.remove(&id);
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
            self.watched = poller.add(self.listener.borrowed(), TOKEN.0, Directions::READ).is_ok();
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
