use std::collections::VecDeque;

use super::{Delivery, Request};
use crate::CallId;
use crate::limits::{Bound, Load};
use crate::link::Limit;

/// What arrived while something else was waited for.
#[derive(Debug)]
pub(super) struct Inbox<F> {
    bound: Bound,
    held: Load,
    waiting: VecDeque<Delivery<F>>,
}

impl<F> Inbox<F> {
    pub(super) fn new(bound: Bound) -> Self {
        Self { bound, held: Load::default(), waiting: VecDeque::new() }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Is there room for at least one small message more?
    pub(super) fn check(&self) -> Result<(), Limit> {
        let Load { bytes, messages, .. } = self.held;
        if self.bound.admits(self.held, Load { bytes: 1, messages: 1, fds: 0 }) {
            Ok(())
        } else {
            Err(Limit::Inbox { bytes, messages })
        }
    }

    /// The last that is let in may exceed the bound.
    pub(super) fn push(&mut self, delivery: Delivery<F>) {
        self.held = self.held + load(&delivery);
        self.waiting.push_back(delivery);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Delivery<F>> {
        let delivery = self.waiting.pop_front()?;
        self.held = self.held - load(&delivery);
        Some(delivery)
    }

    pub(super) fn into_parts(self) -> (VecDeque<Delivery<F>>, Bound) {
        (self.waiting, self.bound)
    }

    /// Lets go of a buffer that holds nothing.
    pub(super) fn settle(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
    }

    /// Takes a request out whose answer is not wanted any more. `false`: it is not here.
    pub(super) fn withdraw(&mut self, id: CallId) -> bool {
        let is = |delivery: &Delivery<F>| matches!(delivery, Delivery::Request(request) if request.id == id);
        let at = self.waiting.iter().position(is);
        let Some(withdrawn) = at.and_then(|at| self.waiting.remove(at)) else { return false };
        self.held = self.held - load(&withdrawn);
        true
    }
}

fn load<F>(delivery: &Delivery<F>) -> Load {
    match delivery {
        Delivery::Message(message) | Delivery::Request(Request { message, .. }) => {
            Load { bytes: message.body.len(), messages: 1, fds: message.fds.len() }
        }
        Delivery::Cancelled(_) => Load { bytes: 0, messages: 1, fds: 0 },
    }
}
