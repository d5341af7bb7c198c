use std::collections::VecDeque;

use bytes::Bytes;

use crate::limits::{Bound, Load};

/// What waits to be received.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: VecDeque<T>,
    bytes: usize,
}

/// What has a size.
pub(super) trait Weighs {
    fn bytes(&self) -> usize;
}

impl Weighs for Bytes {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl<T: Weighs> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { waiting: VecDeque::new(), bytes: 0 }
    }

    #[inline]
    pub(super) fn push(&mut self, item: T) {
        self.bytes += item.bytes();
        self.waiting.push_back(item);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        let item = self.waiting.pop_front()?;
        self.bytes -= item.bytes();
        if self.waiting.is_empty() && self.waiting.capacity() > KEPT {
            self.waiting = VecDeque::new();
        }
        Some(item)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Is it below this bound?
    pub(super) fn is_within(&self, bound: Bound) -> bool {
        bound.admits(Load { bytes: self.bytes, messages: self.len(), fds: 0 }, ONE)
    }

    /// Keeps what is still wanted.
    pub(super) fn retain(&mut self, wanted: impl FnMut(&T) -> bool) {
        self.waiting.retain(wanted);
        self.bytes = self.waiting.iter().map(T::bytes).sum();
    }
}

/// The smallest message.
const ONE: Load = Load { bytes: 1, messages: 1, fds: 0 };

/// Places that an empty queue may keep.
const KEPT: usize = 4096;
