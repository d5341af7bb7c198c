//! What becomes of the pipes of an end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;
use std::time::Duration;

use ginnel::sp::{Event as PipeEvent, Gone, Handle, Pattern};
use ginnel::{ConnId, Reason};

use crate::events::{Event, Events, Peer};

/// Tells what happens to pipes, and closes the end once nobody is left and nobody can come.
pub(super) struct Watch<P: Pattern> {
    end: Handle<P>,
    /// What was inherited, and has not ended.
    pending: BTreeSet<ConnId>,
    /// Others may come.
    stays_open: bool,
    gone: Sender<()>,
    events: Events,
    /// Pipes, counted from 1 in the order in which they came.
    numbers: BTreeMap<ConnId, u64>,
    last: u64,
}

impl<P: Pattern> Watch<P> {
    pub(super) fn new(
        end: Handle<P>,
        pending: BTreeSet<ConnId>,
        stays_open: bool,
        gone: Sender<()>,
        events: Events,
    ) -> Self {
        Self { end, pending, stays_open, gone, events, numbers: BTreeMap::new(), last: 0 }
    }

    /// Until the end is closed.
    pub(super) fn run(mut self) {
        while let Ok(event) = self.end.next_event() {
            let told = self.told(event);
            self.events.tell(&told);
            if let PipeEvent::Detached(pipe, _) | PipeEvent::Rejected(pipe, _) = event {
                self.pending.remove(&pipe);
                if self.pending.is_empty() && !self.stays_open {
                    // There is nobody to wait for, and what has arrived is still received.
                    let _ = self.end.close(Duration::ZERO);
                    // It fails if the command has ended.
                    let _ = self.gone.send(());
                }
            }
        }
    }

    fn told(&mut self, event: PipeEvent) -> Event {
        match event {
            PipeEvent::Attached(id) => {
                self.last += 1;
                self.numbers.insert(id, self.last);
                let peer = self.end.peer_credentials(id).ok();
                Event::Attached { pipe: self.last, peer: peer.as_ref().map(Peer::from) }
            }
            PipeEvent::Detached(id, why) => {
                let fault = matches!(why, Gone::Fault(_));
                let pipe = self.numbers.remove(&id).unwrap_or_default();
                Event::Detached { pipe, message: why.to_string(), fault }
            }
            PipeEvent::Rejected(_, why) => Event::Rejected { message: why.to_string() },
            PipeEvent::DialFailed(_, why, pause) => {
                Event::DialFailed { message: Reason::from(why).to_string(), pause_ms: pause.as_millis() }
            }
        }
    }
}
