use std::collections::{BTreeSet, VecDeque};

use ginnel_proto::machine::{CREDIT, SendId};
use ginnel_proto::{Frame, Kind};

use super::twins::Twin;
use crate::coin::Coin;

/// What the link of one connection holds, as an engine sees it.
#[derive(Default)]
pub(super) struct Held {
    frames: VecDeque<(SendId, Twin<Frame<Coin>>)>,
    credit: usize,
    /// The number of the last frame that was given to this link.
    last: u64,
}

impl Held {
    /// A fresh one has full credit.
    pub(super) fn open() -> Self {
        Self { credit: CREDIT, ..Self::default() }
    }

    /// The machine gives a frame: with credit only, and with a number that rises.
    pub(super) fn give(&mut self, id: SendId, frame: Twin<Frame<Coin>>) {
        assert!(self.credit > 0, "nothing is sent without credit");
        assert!(id.0 > self.last, "numbers rise on each connection");
        self.last = id.0;
        let Frame { kind, message } = &frame.0;
        let number =
            matches!(kind, Kind::Request(_) | Kind::Response(_) | Kind::Failure(_) | Kind::Cancel(_));
        let header = if number { 16 } else { 8 };
        self.credit = self.credit.saturating_sub(header + message.body.len());
        self.frames.push_back((id, frame));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// The kernel took a few, this is the last of them; and which of them were messages.
    pub(super) fn sent(&mut self, count: usize) -> Option<(SendId, Vec<SendId>)> {
        let mut messages = Vec::new();
        let mut last = None;
        for (id, frame) in self.frames.drain(..count.min(self.frames.len())) {
            last = Some(id);
            messages.extend((frame.0.kind == Kind::Message).then_some(id));
        }
        Some((last?, messages))
    }

    /// The link does not want the frame that it was given last; but a word about an answer that cannot be sent is
    /// short, and never refused.
    pub(super) fn refuse_last(&mut self) -> Option<(SendId, Twin<Frame<Coin>>)> {
        let (_, frame) = self.frames.back()?;
        if matches!(frame.0.kind, Kind::Failure(_)) {
            return None;
        }
        let refused = self.frames.pop_back()?;
        if self.frames.is_empty() {
            self.credit = CREDIT;
        }
        Some(refused)
    }

    /// The link is empty, and that is told.
    pub(super) fn room(&mut self) -> bool {
        if self.is_empty() {
            self.credit = CREDIT;
        }
        self.is_empty()
    }

    /// The connection is lost: one may have been cut, these were not begun.
    pub(super) fn recall(&mut self, cut: bool) -> Vec<(SendId, Twin<Frame<Coin>>)> {
        if cut {
            self.frames.pop_front();
        }
        self.frames.drain(..).collect()
    }
}

/// What was accepted, and is to have one end each.
pub(super) struct Open<T> {
    what: &'static str,
    /// Reports that no engine would make have no such order.
    orderly: bool,
    open: BTreeSet<T>,
}

impl<T: Ord + Copy + std::fmt::Debug> Open<T> {
    pub(super) const fn new(what: &'static str, orderly: bool) -> Self {
        Self { what, orderly, open: BTreeSet::new() }
    }

    pub(super) fn begin(&mut self, id: T) {
        let is_new = self.open.insert(id);
        assert!(is_new || !self.orderly, "{} {id:?} begins twice", self.what);
    }

    pub(super) fn finish(&mut self, id: T) {
        let was_open = self.open.remove(&id);
        assert!(was_open || !self.orderly, "{} {id:?} ends, and was not open", self.what);
    }

    pub(super) fn forget(&mut self, id: T) {
        self.open.remove(&id);
    }

    pub(super) fn check_none(&self) {
        assert!(self.open.is_empty(), "no end was told of: {} {:?}", self.what, self.open);
    }
}
