//! The listeners of one engine, and those who come in through them or are handed in.

use std::io;
use std::time::Instant;

use ginnel_proto::Wire;
use ginnel_proto::machine::ConnId;

use super::SocketNet;
use super::door::{Door, DoorId};
use crate::listener::Listener;
use crate::stream::Stream;
use crate::sys::Sys;

impl<S: Sys> SocketNet<S> {
    /// Takes a listener in, which must be non-blocking and published already. This is spoken there.
    ///
    /// # Errors
    /// The kernel's: it cannot be watched.
    pub fn open(&mut self, listener: Listener<S>, wire: Wire) -> io::Result<DoorId> {
        let id = self.next_door;
        self.doors.insert(id, Door::new(id, listener, wire, &self.poller)?);
        self.next_door = DoorId(id.0 + 1);
        Ok(id)
    }

    /// Listens there no more. `false`: it is gone already.
    pub fn close(&mut self, id: DoorId) -> bool {
        // A forked child must not touch what its parent waits with.
        if self.is_inherited() {
            return false;
        }
        let Some(door) = self.doors.remove(&id) else { return false };
        door.close(&self.poller);
        // Nobody knows of those who have not greeted.
        let knocking = self.knocking.iter().filter(|(_, at)| **at == id);
        let knocking: Vec<_> = knocking.map(|(&conn, _)| conn).collect();
        knocking.into_iter().for_each(|conn| self.forget(conn));
        true
    }

    /// Lets nobody in any more: it listens nowhere, and forgets those who have not greeted.
    pub fn close_all(&mut self) {
        let doors: Vec<_> = self.doors.keys().copied().collect();
        doors.into_iter().for_each(|id| {
            self.close(id);
        });
        if !self.is_inherited() {
            let knocking = self.conns.values().filter(|conn| conn.is_knocking());
            let knocking: Vec<_> = knocking.map(|conn| conn.id).collect();
            knocking.into_iter().for_each(|id| self.forget(id));
        }
    }

    /// One of the listeners.
    pub fn listener_at(&self, id: DoorId) -> Option<&Listener<S>> {
        self.doors.get(&id).map(Door::listener)
    }

    /// The listener that this one came through; `None` if it was handed in, or made here.
    pub fn came_through(&self, id: ConnId) -> Option<DoorId> {
        self.conns.get(&id)?.door
    }

    /// Takes in a connection that somebody else has made, as if it had come through a listener: both sides greet, where
    /// the wire has greetings.
    pub fn admit(&mut self, stream: Stream<S>, wire: Wire, now: Instant) -> ConnId {
        self.last_accepted.0 += 1;
        let id = self.last_accepted;
        self.begin(id, stream, (true, wire), now);
        id
    }

    pub(super) fn accept(&mut self, at: DoorId, now: Instant) {
        for _ in 0..ACCEPTS {
            let Some(door) = self.doors.get_mut(&at) else { return };
            let Some(fd) = door.accept(&self.poller, now) else { return };
            let wire = door.wire();
            self.last_accepted.0 += 1;
            let id = self.last_accepted;
            self.knocking.insert(id, at);
            if self.knocking.len() > KNOCKING
                && let Some((longest_silent, _)) = self.knocking.pop_first()
            {
                self.forget(longest_silent);
            }
            self.begin(id, Stream::made_on(self.sys.clone(), fd), (true, wire), now);
            if let Some(conn) = self.conns.get_mut(&id) {
                conn.door = Some(at);
            }
        }
    }

    pub(super) fn look_at_doors(&mut self, now: Instant) {
        let mut retired = Vec::new();
        for (&id, door) in &mut self.doors {
            door.look(&self.poller, now);
            if door.has_retired() {
                retired.push(id);
            }
        }
        retired.into_iter().for_each(|id| self.accept(id, now));
    }
}

/// Connections that are accepted in one turn.
const ACCEPTS: usize = 64;

/// Connections that may stand without having greeted.
const KNOCKING: usize = 1024;
