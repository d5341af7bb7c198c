//! The process at the other end: among peers a connection is as dead as it is, whoever keeps the descriptors.

use ginnel_proto::{Frame, Kind};

use super::Conn;
use crate::connection::Directions;
use crate::net::seat;
use crate::sys::{Poller, Sys};

/// What is known of the process at the other end.
#[derive(Debug)]
pub(super) enum Process<F> {
    /// It is not watched, or cannot be.
    Unwatched,
    /// It is to be watched once it has said who it is.
    Wanted,
    /// It is known, and not watched yet.
    Known(F),
    /// It is watched.
    Watched(F),
    /// It has ended.
    Dead,
}

impl<S: Sys> Conn<S> {
    /// Beside its hello whoever listens sends what tells of its end. What the kernel says of it would not do: while a
    /// standby takes over, that is the one before.
    pub(super) fn meet(&mut self, frame: &mut Frame<S::Fd>) {
        if matches!(self.process, Process::Wanted) && frame.kind == Kind::Control {
            self.process = frame.message.fds.pop().map_or(Process::Unwatched, Process::Known);
        }
    }

    /// Begins to watch it.
    pub(in crate::net) fn watch_process(&mut self, poller: &S::Poller) {
        if !matches!(self.process, Process::Known(_)) {
            return;
        }
        let Process::Known(process) = std::mem::replace(&mut self.process, Process::Unwatched) else {
            return;
        };
        let token = seat::process_of(self.id);
        match poller.add(self.stream.sys().borrow(&process), token.0, Directions::READ) {
            Ok(()) => self.process = Process::Watched(process),
            Err(error) => tracing::warn!(%error, "cannot watch the process at the other end"),
        }
    }

    /// It has ended. What it wrote before is read first.
    pub(in crate::net) fn died(&mut self, poller: &S::Poller) {
        self.forget_process(poller);
        self.process = Process::Dead;
    }

    pub(in crate::net) fn forget_process(&mut self, poller: &S::Poller) {
        if let Process::Watched(process) = &self.process {
            poller.remove(self.stream.sys().borrow(process));
        }
        self.process = Process::Unwatched;
    }

    pub(super) const fn has_died(&self) -> bool {
        matches!(self.process, Process::Dead)
    }
}
