//! Large messages that have not arrived whole, of all connections together.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use ginnel_proto::machine::ConnId;

/// What they hold, and who waits until it is less.
///
/// While they hold more than the bound, only the message that was begun first goes on: it comes to its end, or its
/// connection is cut for making no progress, and then it is the next one's turn. Small messages always arrive.
#[derive(Debug)]
pub(super) struct Bodies {
    most: usize,
    held: usize,
    growing: BTreeMap<ConnId, Growing>,
    /// Those that grow, in the order in which they were begun.
    order: BTreeMap<u64, ConnId>,
    begun: u64,
    waiting: BTreeSet<ConnId>,
}

#[derive(Clone, Copy, Debug)]
struct Growing {
    number: u64,
    bytes: usize,
}

impl Bodies {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            held: 0,
            growing: BTreeMap::new(),
            order: BTreeMap::new(),
            begun: 0,
            waiting: BTreeSet::new(),
        }
    }

    pub(super) const fn held(&self) -> usize {
        self.held
    }

    fn first(&self) -> Option<ConnId> {
        self.order.first_key_value().map(|(_, &first)| first)
    }

    /// May this one go on with a large message?
    pub(super) fn may_grow(&self, id: ConnId) -> bool {
        self.held <= self.most || self.first().is_none_or(|first| first == id)
    }

    /// It waits for its turn. Note what it holds after that.
    pub(super) fn wait(&mut self, id: ConnId) {
        self.waiting.insert(id);
    }

    /// What this one holds now of a large message. Returns those whose turn it is.
    #[inline]
    pub(super) fn note(&mut self, id: ConnId, holds: Option<usize>) -> BTreeSet<ConnId> {
        if holds.is_none() && self.growing.is_empty() && self.waiting.is_empty() {
            return BTreeSet::new();
        }
        self.note_growing(id, holds)
    }

    fn note_growing(&mut self, id: ConnId, holds: Option<usize>) -> BTreeSet<ConnId> {
        let before = match holds {
            Some(bytes) => {
                let number = self.growing.get(&id).map_or(self.begun, |growing| growing.number);
                self.begun += 1;
                self.order.insert(number, id);
                self.growing.insert(id, Growing { number, bytes })
            }
            None => {
                let before = self.growing.remove(&id);
                if let Some(Growing { number, .. }) = before {
                    self.order.remove(&number);
                }
                before
            }
        };
        self.held = self.held - before.map_or(0, |before| before.bytes) + holds.unwrap_or(0);
        match self.first() {
            _ if self.waiting.is_empty() => BTreeSet::new(),
            Some(first) if self.held > self.most => self.waiting.take(&first).into_iter().collect(),
            _ => mem::take(&mut self.waiting),
        }
    }

    /// It is gone. Returns as [`note`](Self::note).
    pub(super) fn forget(&mut self, id: ConnId) -> BTreeSet<ConnId> {
        self.waiting.remove(&id);
        self.note(id, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ConnId = ConnId(1);
    const B: ConnId = ConnId(2);
    const C: ConnId = ConnId(3);

    #[test]
    fn above_the_bound_whoever_came_first_goes_on_and_then_the_next() {
        let mut bodies = Bodies::new(100);
        assert!(bodies.note(A, Some(60)).is_empty());
        assert!(bodies.may_grow(B));
        assert!(bodies.note(B, Some(60)).is_empty());
        assert!(bodies.may_grow(A) && !bodies.may_grow(B) && !bodies.may_grow(C));
        bodies.wait(B);
        bodies.wait(C);
        assert!(bodies.note(B, Some(120)).is_empty());
        assert_eq!(bodies.note(A, None), BTreeSet::from([B]), "still above the bound: it is now the first");
        assert!(bodies.may_grow(B) && !bodies.may_grow(C));
        assert_eq!(bodies.forget(B), BTreeSet::from([C]));
        assert_eq!(bodies.held(), 0);
    }

    #[test]
    fn a_message_that_was_begun_later_is_later_whoever_sends_it() {
        let mut bodies = Bodies::new(0);
        bodies.note(B, Some(1));
        bodies.wait(A);
        assert!(bodies.note(A, Some(1)).is_empty(), "its number is smaller, and its message younger");
        assert_eq!(bodies.note(B, None), BTreeSet::from([A]));
    }

    #[test]
    fn one_that_is_gone_waits_no_more() {
        let mut bodies = Bodies::new(10);
        bodies.note(A, Some(20));
        bodies.wait(B);
        assert!(bodies.forget(B).is_empty());
        assert!(bodies.forget(A).is_empty());
        assert!(bodies.may_grow(C));
    }
}
