//! What has arrived and waits to be taken, within a bound.

use std::collections::VecDeque;

use ginnel_proto::Delivery;
use ginnel_proto::limits::{Bound, Load};
use ginnel_proto::link::Limit;

use crate::Message;
use crate::sys::Carried;

/// What has arrived and waits to be taken.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    bound: Bound,
    held: Load,
    waiting: VecDeque<(T, Load)>,
}

impl<T> Inbox<T> {
    pub(crate) const fn new(bound: Bound) -> Self {
        Self { bound, held: Load { bytes: 0, messages: 0, fds: 0 }, waiting: VecDeque::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Is there room for at least one small message more?
    pub(crate) fn has_room(&self) -> bool {
        self.bound.admits(self.held, Load { bytes: 1, messages: 1, fds: 0 })
    }

    /// What whoever waits for something else is told when there is no room.
    pub(crate) fn check(&self) -> Result<(), Limit> {
        let Load { bytes, messages, .. } = self.held;
        if self.has_room() { Ok(()) } else { Err(Limit::Inbox { bytes, messages }) }
    }

    /// The last that is let in may exceed the bound.
    pub(crate) fn push(&mut self, item: T, load: Load) {
        self.held = self.held + load;
        self.waiting.push_back((item, load));
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let (item, load) = self.waiting.pop_front()?;
        self.held = self.held - load;
        Some(item)
    }

    /// Takes out what is not wanted any more. `false`: it is not here.
    pub(crate) fn withdraw(&mut self, is: impl Fn(&T) -> bool) -> bool {
        let at = self.waiting.iter().position(|(item, _)| is(item));
        let Some((_, load)) = at.and_then(|at| self.waiting.remove(at)) else { return false };
        self.held = self.held - load;
        true
    }
}

/// What a message weighs.
pub(crate) fn load(message: &Message) -> Load {
    Load { bytes: message.body.len(), messages: 1, fds: message.fds.len() }
}

/// What a delivery weighs.
pub(crate) fn delivered(delivery: &Delivery<Carried>) -> Load {
    match delivery {
        Delivery::Message(message) => load(message),
        Delivery::Request(request) => load(&request.message),
        Delivery::Cancelled(_) => WORD,
    }
}

/// What a word without a message weighs.
pub(crate) const WORD: Load = Load { bytes: 0, messages: 1, fds: 0 };
