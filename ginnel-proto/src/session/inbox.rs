use std::collections::VecDeque;

use super::{Incoming, Request};
use crate::Message;
use crate::limits::Bound;
use crate::link::Limit;

/// What arrived while something else was waited for.
#[derive(Debug)]
pub(super) struct Inbox<F> {
    bound: Bound,
    held: Bound,
    waiting: VecDeque<Incoming<F>>,
}

impl<F> Inbox<F> {
    pub(super) fn new(bound: Bound) -> Self {
        Self { bound, held: Bound { bytes: 0, messages: 0, fds: 0 }, waiting: VecDeque::new() }
    }

    /// Is there room for at least one small message more?
    pub(super) fn check(&self) -> Result<(), Limit> {
        let Bound { bytes, messages, .. } = self.held;
        if self.bound.admits(self.held, Bound { bytes: 1, messages: 1, fds: 0 }) {
            Ok(())
        } else {
            Err(Limit::Inbox { bytes, messages })
        }
    }

    /// The last that is let in may exceed the bound.
    pub(super) fn push(&mut self, incoming: Incoming<F>) {
        let Bound { bytes, messages, fds } = size(&incoming);
        self.held.bytes += bytes;
        self.held.messages += messages;
        self.held.fds += fds;
        self.waiting.push_back(incoming);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Incoming<F>> {
        let incoming = self.waiting.pop_front()?;
        let Bound { bytes, messages, fds } = size(&incoming);
        self.held.bytes -= bytes;
        self.held.messages -= messages;
        self.held.fds -= fds;
        Some(incoming)
    }

    /// Takes a request out that its sender does not want answered any more. `false`: it is not here.
    pub(super) fn withdraw(&mut self, id: crate::CallId) -> bool {
        let is = |incoming: &Incoming<F>| matches!(incoming, Incoming::Request(request) if request.id == id);
        let Some(at) = self.waiting.iter().position(is) else { return false };
        if let Some(withdrawn) = self.waiting.remove(at) {
            let Bound { bytes, messages, fds } = size(&withdrawn);
            self.held.bytes -= bytes;
            self.held.messages -= messages;
            self.held.fds -= fds;
        }
        true
    }
}

fn size<F>(incoming: &Incoming<F>) -> Bound {
    let of = |message: &Message<F>| (message.body.len(), message.fds.len());
    let (bytes, fds) = match incoming {
        Incoming::Message(message) | Incoming::Request(Request { message, .. }) => of(message),
        Incoming::Cancelled(_) => (0, 0),
    };
    Bound { bytes, messages: 1, fds }
}
