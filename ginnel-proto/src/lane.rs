//! What a machine has to send over one connection: a bounded queue, and what its link holds already.

use std::collections::VecDeque;

use crate::limits::{Bound, Load};
use crate::link::Limit;
use crate::machine::{CREDIT, SendId};
use crate::{Frame, Kind};

/// A queue in front of a link, and what is in the link.
#[derive(Debug)]
pub(crate) struct Lane<F> {
    bound: Bound,
    waiting: VecDeque<Frame<F>>,
    load: Load,
    /// Given to the link, and not with the kernel yet.
    in_link: VecDeque<(SendId, Load)>,
    last: SendId,
    credit: usize,
}

impl<F> Lane<F> {
    pub(crate) const fn new(bound: Bound) -> Self {
        let load = Load { bytes: 0, messages: 0, fds: 0 };
        Self { bound, waiting: VecDeque::new(), load, in_link: VecDeque::new(), last: SendId(0), credit: 0 }
    }

    /// What waits, in the queue and in the link.
    pub(crate) const fn load(&self) -> Load {
        self.load
    }

    /// Would this frame be queued now?
    pub(crate) fn admit(&self, frame: &Frame<F>) -> Result<(), Limit> {
        if self.bound.admits(self.load, load(frame)) {
            return Ok(());
        }
        let Load { bytes, messages, .. } = self.load;
        Err(Limit::Queue { bytes, messages })
    }

    pub(crate) fn push(&mut self, frame: Frame<F>) {
        self.load = self.load + load(&frame);
        self.waiting.push_back(frame);
    }

    /// Takes a frame out that was not given to the link. `false`: it is not here.
    pub(crate) fn withdraw(&mut self, kind: Kind) -> bool {
        let at = self.waiting.iter().position(|frame| frame.kind == kind);
        let Some(frame) = at.and_then(|at| self.waiting.remove(at)) else { return false };
        self.load = self.load - load(&frame);
        true
    }

    /// Is a frame of this kind still in the queue, not in the link?
    pub(crate) fn holds(&self, kind: Kind) -> bool {
        self.waiting.iter().any(|frame| frame.kind == kind)
    }

    /// The link is empty.
    pub(crate) const fn room(&mut self) {
        self.credit = CREDIT;
    }

    /// The next frame for the link, while there is credit.
    pub(crate) fn next(&mut self) -> Option<(SendId, Frame<F>)> {
        if self.credit == 0 {
            return None;
        }
        let frame = self.waiting.pop_front()?;
        let load = load(&frame);
        self.credit = self.credit.saturating_sub(load.bytes);
        self.last.0 += 1;
        self.in_link.push_back((self.last, load));
        Some((self.last, frame))
    }

    /// The kernel has everything up to this one.
    pub(crate) fn sent(&mut self, id: SendId) {
        let done = self.in_link.partition_point(|(other, _)| *other <= id);
        for (_, load) in self.in_link.drain(..done) {
            self.load = self.load - load;
        }
    }

    /// The link gave this frame back. `false`: it never had it.
    pub(crate) fn took_back(&mut self, id: SendId) -> bool {
        let Some(at) = self.in_link.iter().position(|(other, _)| *other == id) else { return false };
        if let Some((_, load)) = self.in_link.remove(at) {
            self.load = self.load - load;
        }
        true
    }

    /// Puts frames that came back in front of the queue, in their order.
    pub(crate) fn requeue(&mut self, frames: impl DoubleEndedIterator<Item = Frame<F>>) {
        for frame in frames.rev() {
            self.load = self.load + load(&frame);
            self.waiting.push_front(frame);
        }
    }

    /// The connection is gone, and nothing more comes back. How many frames were cut in the middle?
    pub(crate) fn lost(&mut self) -> usize {
        let cut = self.in_link.len();
        for (_, load) in self.in_link.drain(..) {
            self.load = self.load - load;
        }
        self.credit = 0;
        cut
    }

    /// Forgets everything, and closes the descriptors of it.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = Frame<F>> + use<'_, F> {
        self.load = Load::default();
        self.in_link.clear();
        self.credit = 0;
        self.waiting.drain(..)
    }
}

fn load<F>(frame: &Frame<F>) -> Load {
    let message = &frame.message;
    Load { bytes: message.body.len() + HEADERS, messages: 1, fds: message.fds.len() }
}

/// Most bytes of a header.
const HEADERS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn frame(body: &'static str) -> Frame<u32> {
        Message::new(body).into()
    }

    fn lane() -> Lane<u32> {
        Lane::new(Bound { messages: 4, ..Bound::CONNECTION })
    }

    #[test]
    fn nothing_goes_without_credit_and_the_last_may_overdraw() {
        let mut lane = lane();
        lane.push(Message::new(vec![0; CREDIT]).into());
        lane.push(frame("next"));
        assert_eq!(lane.next(), None);
        lane.room();
        assert!(lane.next().is_some());
        assert_eq!(lane.next(), None, "the credit is used up");
        lane.room();
        assert_eq!(lane.next(), Some((SendId(2), frame("next"))));
    }

    #[test]
    fn what_the_link_holds_counts_until_the_kernel_has_it() {
        let mut lane = lane();
        lane.room();
        for body in ["1", "2", "3", "4"] {
            assert_eq!(lane.admit(&frame(body)), Ok(()));
            lane.push(frame(body));
            lane.next();
        }
        assert_eq!(lane.admit(&frame("5")), Err(Limit::Queue { bytes: 4 * 17, messages: 4 }));
        lane.sent(SendId(3));
        assert_eq!(lane.load().messages, 1);
        lane.sent(SendId(4));
        assert_eq!(lane.load(), Load::default());
    }

    #[test]
    fn what_came_back_goes_first_in_its_order_and_what_was_cut_is_counted() {
        let mut lane = lane();
        lane.room();
        for body in ["cut", "a", "b"] {
            lane.push(frame(body));
        }
        let given: Vec<_> = std::iter::from_fn(|| lane.next()).collect();
        lane.push(frame("c"));
        for (id, _) in &given[1..] {
            assert!(lane.took_back(*id));
        }
        assert!(!lane.took_back(SendId(9)));
        lane.requeue(given.into_iter().skip(1).map(|(_, frame)| frame));
        assert_eq!(lane.lost(), 1);
        lane.room();
        let bodies: Vec<_> = std::iter::from_fn(|| lane.next()).map(|(_, frame)| frame).collect();
        assert_eq!(bodies, [frame("a"), frame("b"), frame("c")]);
        assert_eq!(lane.load().messages, 3);
    }
}
