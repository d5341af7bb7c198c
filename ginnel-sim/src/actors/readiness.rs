//! What somebody waits for, and readiness as tokio keeps it: told once, and there until somebody clears it.

use ginnel_os::Directions;
use ginnel_proto::{Answer, CallId, Message};

use crate::kernel::Fd;
use crate::ledger::Entry;

/// What is awaited.
#[derive(Debug)]
pub(super) enum Doing {
    Nothing,
    Receiving,
    Feeding(Entry, Option<Message<Fd>>),
    Flushing,
    Asking(Entry, Option<Message<Fd>>),
    Waiting(Entry, CallId),
    Answering(CallId, Entry, Option<Answer<Fd>>),
    Closing,
}

/// Which directions are thought to be ready, as tokio has it.
#[derive(Debug)]
pub(super) struct Readiness {
    pub(super) watched: Directions,
    /// The edge after which readiness was cleared last.
    pub(super) cleared: [u32; 2],
    /// The edges of the last look.
    pub(super) looked: [u32; 2],
}

impl Readiness {
    pub(super) fn flags(&self, edges: [u32; 2]) -> Directions {
        Directions { read: edges[0] != self.cleared[0], write: edges[1] != self.cleared[1] }
    }

    pub(super) fn clear(&mut self, edges: [u32; 2], which: Directions) -> bool {
        if which.read {
            self.cleared[0] = edges[0];
        }
        if which.write {
            self.cleared[1] = edges[1];
        }
        which != Directions::default()
    }
}
