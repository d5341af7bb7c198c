//! What the poller is to tell of each connection, and when to look at it at the latest.

use std::time::Instant;

use ginnel_proto::machine::ConnId;

use super::SocketNet;
use super::conn::errno;
use crate::connection::Directions;
use crate::sys::{Poller, Sys};

impl<S: Sys> SocketNet<S> {
    /// Tells the poller what the connection waits for, and notes when to look at it.
    pub(super) fn watch(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let mut wants = conn.wants();
        if let Some(held) = &mut self.held
            && wants.read
            && !conn.may_read(true)
        {
            wants.read = false;
            held.insert(id);
        }
        // A hang-up is told even to those who watch nothing, so they are not watched at all.
        let wants = Some(wants).filter(|wants| *wants != Directions::default());
        let changed = match (conn.watched, wants) {
            (None, Some(wants)) => self.poller.add(conn.borrowed(), id.0, wants),
            (Some(was), Some(wants)) if was != wants => self.poller.change(conn.borrowed(), id.0, wants),
            (Some(_), None) => {
                self.poller.remove(conn.borrowed());
                Ok(())
            }
            _ => Ok(()),
        };
        match changed {
            Ok(()) => conn.watched = wants,
            Err(error) => {
                tracing::warn!(%error, "cannot watch a connection, closing it");
                conn.give_up(errno(&error), &mut self.reports);
                return self.forget(id);
            }
        }
        let (listed, deadline) = (conn.listed, conn.deadline);
        conn.listed = deadline;
        self.list(id, listed, deadline);
    }

    pub(super) fn list(&mut self, id: ConnId, listed: Option<Instant>, deadline: Option<Instant>) {
        if listed != deadline {
            if let Some(at) = listed {
                self.deadlines.remove(&(at, id));
            }
            if let Some(at) = deadline {
                self.deadlines.insert((at, id));
            }
        }
    }

    pub(super) fn forget(&mut self, id: ConnId) {
        let relieved = self.bodies.forget(id);
        self.relieve(relieved);
        if let Some(mut conn) = self.conns.remove(&id) {
            if conn.watched.is_some() {
                self.poller.remove(conn.borrowed());
            }
            conn.forget_process(&self.poller);
            self.list(id, conn.listed, None);
            if conn.was_accepted() {
                self.knocking.remove(&id);
            }
        }
    }
}
