use std::ops::Deref;

use super::error::Malformed;

/// The keys of the maps that are open, to find those that a map has twice; and how many there were in all.
///
/// One stack serves every map: an inner map ends before the outer one goes on. It grows with keys that were read,
/// never with keys that were announced.
#[derive(Debug)]
pub(super) struct Keys<K> {
    open: Vec<Key<K>>,
    count: u64,
    max: usize,
}

/// Where a map's keys start in the stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(usize);

/// Ordered by its fields from the top: lengths often differ, and are compared fast.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key<K> {
    len: usize,
    bytes: K,
    at: usize,
}

impl<K: Deref<Target = [u8]> + Ord> Keys<K> {
    pub(super) fn new(max: usize) -> Self {
        Self { open: Vec::new(), count: 0, max }
    }

    /// Counts keys, before they are read if their number is known.
    pub(super) fn announce(&mut self, more: u64) -> Result<(), Malformed> {
        self.count = self.count.saturating_add(more);
        if usize::try_from(self.count).is_ok_and(|count| count <= self.max) {
            return Ok(());
        }
        Err(Malformed::Keys { count: self.count, max: self.max })
    }

    /// A map begins.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.open.len())
    }

    /// A key of the innermost open map.
    pub(super) fn push(&mut self, bytes: K, at: usize) {
        if self.open.capacity() == 0 {
            self.open.reserve(FEW);
        }
        self.open.push(Key { len: bytes.len(), bytes, at });
    }

    /// The innermost map ends.
    pub(super) fn close(&mut self, from: Mark) -> Result<(), Malformed> {
        let keys = self.open.get_mut(from.0..).unwrap_or_default();
        // Sorting costs n log n whatever the keys are; a hash table costs that only while nobody chooses them.
        keys.sort_unstable();
        for pair in keys.windows(2) {
            if let [first, second] = pair
                && first.bytes == second.bytes
            {
                return Err(Malformed::DuplicateKey { at: second.at });
            }
        }
        self.open.truncate(from.0);
        Ok(())
    }
}

/// Keys that most messages have no more of, so that one allocation does.
const FEW: usize = 16;
