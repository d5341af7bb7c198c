use std::collections::VecDeque;

use crate::Frame;
use crate::machine::{CREDIT, SendId};

/// What waits to be sent over one pipe, and how much of it the link has. The bound is whoever's it is.
#[derive(Debug)]
pub(super) struct Outlet<F> {
    waiting: VecDeque<Frame<F>>,
    /// Bytes of those.
    bytes: usize,
    /// The last that the link was given; they are numbered one by one.
    given: SendId,
    /// Those that are with the kernel, or have come back.
    done: u64,
    credit: usize,
}

impl<F> Outlet<F> {
    /// Of a fresh pipe, whose link is empty.
    pub(super) const fn new() -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, given: SendId(0), done: 0, credit: CREDIT }
    }

    /// How many wait that the link was not given.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Bytes of those.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many the link has.
    const fn in_link(&self) -> usize {
        (self.given.0 - self.done) as usize
    }

    /// Nothing more is told of what the link has. How many that are.
    pub(super) const fn leave_to_link(&mut self) -> usize {
        let left = self.in_link();
        self.done = self.given.0;
        left
    }

    /// Would the link get a frame at once?
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.credit > 0 && self.waiting.is_empty()
    }

    /// The number under which the link gets a frame of so many bytes, if it gets it at once.
    #[inline]
    pub(super) fn grant(&mut self, bytes: usize) -> Option<SendId> {
        if !self.is_ready() {
            return None;
        }
        self.credit = self.credit.saturating_sub(bytes + HEADER);
        self.given.0 += 1;
        Some(self.given)
    }

    pub(super) fn wait(&mut self, frame: Frame<F>) {
        self.bytes += frame.message.body.len();
        self.waiting.push_back(frame);
    }

    /// Takes the one out that has waited for longest.
    pub(super) fn oldest(&mut self) -> Option<Frame<F>> {
        let frame = self.waiting.pop_front()?;
        self.bytes -= frame.message.body.len();
        Some(frame)
    }

    /// The link is empty.
    pub(super) const fn room(&mut self) {
        self.credit = CREDIT;
    }

    /// The next frame for the link, while there is credit.
    pub(super) fn next(&mut self) -> Option<(SendId, Frame<F>)> {
        if self.credit == 0 {
            return None;
        }
        let frame = self.oldest()?;
        self.credit = self.credit.saturating_sub(frame.message.body.len() + HEADER);
        self.given.0 += 1;
        Some((self.given, frame))
    }

    /// The kernel has everything up to this one. How many it got.
    pub(super) fn sent(&mut self, send: SendId) -> usize {
        let sent = send.0.min(self.given.0).saturating_sub(self.done);
        self.done += sent;
        sent as usize
    }

    /// The link gave this one back. `false`: it never had it.
    pub(super) const fn took_back(&mut self, send: SendId) -> bool {
        let had = send.0 > self.done && self.done < self.given.0;
        self.done += had as u64;
        had
    }

    /// The link did not want what it was given, and is as empty as before.
    pub(super) const fn refund(&mut self) {
        if self.in_link() == 0 {
            self.room();
        }
    }
}

/// Bytes before a body, at most.
const HEADER: usize = 16;
