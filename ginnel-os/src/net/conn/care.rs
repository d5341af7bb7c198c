//! What a connection waits for, and what it holds meanwhile.

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use ginnel_proto::PeerFault;

use super::{After, Conn, Stage};
use crate::connection::Directions;
use crate::sys::Sys;

impl<S: Sys> Conn<S> {
    /// Looks at the clock: silence, and the end of taking leave. `listens`: whoever is silent is heard.
    ///
    /// # Errors
    /// It was silent for too long, as far as is known: what lies in the kernel was not read.
    pub(in crate::net) fn look(&mut self, now: Instant, listens: bool) -> Result<After, PeerFault> {
        let until = match self.stage {
            Stage::Leaving { until } if now >= until => return Ok(After::Gone),
            Stage::Leaving { until } => Some(until),
            Stage::Opening { .. } | Stage::Open => None,
        };
        if listens && mem::take(&mut self.unheard) {
            self.line.excuse();
        }
        let look = if listens { self.line.look(now) } else { Ok(None) };
        self.unheard |= !listens;
        self.deadline = [look.unwrap_or(Some(now)), until, self.stalled].into_iter().flatten().min();
        look.map(|_| After::Stays)
    }

    /// Lets go of buffers that hold nothing.
    pub(in crate::net) fn release(&mut self) {
        self.line.release();
        if self.sends.is_empty() {
            self.sends = VecDeque::new();
        }
    }

    /// What is held of a large message, if one is there in part.
    pub(in crate::net) fn growing(&mut self) -> Option<usize> {
        self.line.link().inbound().growing()
    }

    /// What the poller is to watch.
    pub(in crate::net) fn wants(&mut self) -> Directions {
        Directions { read: self.may_read(false), write: self.has_output() }
    }

    /// Is there something to write that needs no waiting, or under way to the kernel still?
    pub(in crate::net) fn has_output(&mut self) -> bool {
        let waits = !self.line.outbound().is_empty() || self.under_way;
        self.broken.is_none() && self.stalled.is_none() && waits
    }
}
