//! The process at the other end: among peers a connection is as dead as it is, whoever keeps the descriptors.

use ginnel_proto::machine::ProcessId;

use super::Conn;
use crate::connection::Directions;
use crate::net::seat;
use crate::sys::{Poller, Sys, codes};

/// What is known of the process at the other end.
#[derive(Debug)]
pub(super) enum Process<F> {
    /// It is not watched, or cannot be.
    Unwatched,
    Watched(F),
    /// It has ended.
    Dead,
}

impl<S: Sys> Conn<S> {
    /// Begins to watch the process that says it is there. What the kernel says of it would not do: while a standby takes
    /// over, that is the one before.
    pub(in crate::net) fn watch_process(&mut self, process: ProcessId, poller: &S::Poller) {
        let sys = self.stream.sys();
        let watched = sys.watch_process(process, self.borrowed()).and_then(|found| {
            let Some(process) = found else { return Ok(Process::Unwatched) };
            poller.add(sys.borrow(&process), seat::process_of(self.id).0, Directions::READ)?;
            Ok(Process::Watched(process))
        });
        self.process = watched.unwrap_or_else(|error| {
            if error.raw_os_error() == Some(codes::NO_PROCESS) {
                return Process::Dead;
            }
            tracing::warn!(%error, "cannot watch the process at the other end");
            Process::Unwatched
        });
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

    pub(in crate::net) const fn has_died(&self) -> bool {
        matches!(self.process, Process::Dead)
    }
}
