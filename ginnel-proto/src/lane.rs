//! What a machine has to send over one connection: a bounded queue, and what its link holds already.

use std::collections::VecDeque;

use crate::limits::{Bound, Load};
use crate::link::Limit;
use crate::machine::{CREDIT, SendId};
use crate::{CallId, Frame, Kind};

/// A queue in front of a link, and what is in the link.
#[derive(Debug)]
pub(crate) struct Lane<F> {
    bound: Bound,
    waiting: VecDeque<(SendId, Frame<F>)>,
    /// How many of those that wait are answers.
    answers: usize,
    load: Load,
    /// Given to the link, and not with the kernel yet.
    in_link: VecDeque<InLink>,
    last: SendId,
    credit: usize,
}

/// What is known of a frame that the link has.
#[derive(Clone, Copy, Debug)]
struct InLink {
    id: SendId,
    load: Load,
    is_message: bool,
}

impl<F> Lane<F> {
    pub(crate) const fn new(bound: Bound) -> Self {
        let load = Load { bytes: 0, messages: 0, fds: 0 };
        Self {
            bound,
            waiting: VecDeque::new(),
            answers: 0,
            load,
            in_link: VecDeque::new(),
            last: SendId(0),
            credit: 0,
        }
    }

    /// In front of a link that holds so much already.
    pub(crate) fn behind(bound: Bound, held: Load) -> Self {
        let mut lane = Self::new(bound);
        if held.messages == 0 {
            lane.room();
        } else {
            lane.in_link.push_back(InLink { id: lane.last, load: held, is_message: true });
            lane.load = held;
        }
        lane
    }

    /// What waits, in the queue and in the link.
    pub(crate) const fn load(&self) -> Load {
        self.load
    }

    /// The number of the last frame that was queued.
    pub(crate) const fn last(&self) -> SendId {
        self.last
    }

    /// The first frame that is not with the kernel yet.
    pub(crate) fn first_unsent(&self) -> Option<SendId> {
        let in_link = self.in_link.front().map(|it| it.id);
        in_link.or_else(|| self.waiting.front().map(|(id, _)| *id))
    }

    /// Would this frame be queued now?
    pub(crate) fn admit(&self, frame: &Frame<F>) -> Result<(), Limit> {
        if self.bound.admits(self.load, load(frame)) {
            return Ok(());
        }
        Err(self.full())
    }

    /// Is there room for at least one small frame?
    pub(crate) fn has_room(&self) -> bool {
        self.bound.admits(self.load, Load { bytes: HEADERS, messages: 1, fds: 0 })
    }

    /// What whoever finds no room is told.
    pub(crate) const fn full(&self) -> Limit {
        Limit::Queue { bytes: self.load.bytes, messages: self.load.messages }
    }

    /// Queues a frame. They go in the order of their numbers, over whatever connection.
    pub(crate) fn push(&mut self, frame: Frame<F>) {
        self.load = self.load + load(&frame);
        self.last.0 += 1;
        self.answers += usize::from(is_answer(frame.kind));
        self.waiting.push_back((self.last, frame));
    }

    /// As [`push`](Self::push); if there is credit, and nothing before it, here it is for the link.
    pub(crate) fn offer(&mut self, frame: Frame<F>) -> Option<(SendId, Frame<F>)> {
        if self.credit == 0 || !self.waiting.is_empty() {
            self.push(frame);
            return None;
        }
        let load = load(&frame);
        self.load = self.load + load;
        self.last.0 += 1;
        self.give(self.last, frame.kind, load);
        Some((self.last, frame))
    }

    /// The link gets it.
    fn give(&mut self, id: SendId, kind: Kind, load: Load) {
        self.credit = self.credit.saturating_sub(load.bytes);
        self.in_link.push_back(InLink { id, load, is_message: kind == Kind::Message });
    }

    /// Takes a frame out that was not given to the link. `false`: it is not here.
    pub(crate) fn withdraw(&mut self, kind: Kind) -> bool {
        let at = self.waiting.iter().position(|(_, frame)| frame.kind == kind);
        let Some((_, frame)) = at.and_then(|at| self.waiting.remove(at)) else { return false };
        self.load = self.load - load(&frame);
        self.answers -= usize::from(is_answer(kind));
        true
    }

    /// Takes a frame out that was not given to the link.
    pub(crate) fn take_back(&mut self, id: SendId) -> Option<Frame<F>> {
        let at = self.waiting.iter().position(|(other, _)| *other == id)?;
        let (_, frame) = self.waiting.remove(at)?;
        self.load = self.load - load(&frame);
        self.answers -= usize::from(is_answer(frame.kind));
        Some(frame)
    }

    /// The answer to this is not wanted any more: it need not be sent, unless the link has it. How many answers wait is
    /// how many questions the other side holds open.
    pub(crate) fn withdraw_answer(&mut self, id: CallId) {
        if self.answers > 0 && !self.withdraw(Kind::Response(id)) {
            self.withdraw(Kind::Failure(id));
        }
    }

    /// Answers that wait and were not given to the link.
    pub(crate) const fn answers(&self) -> usize {
        self.answers
    }

    /// Keeps messages and questions; the rest belongs to a connection that is gone.
    pub(crate) fn purge(&mut self) {
        let load_held = &mut self.load;
        self.waiting.retain(|(_, frame)| {
            let stays = matches!(frame.kind, Kind::Message | Kind::Request(_));
            if !stays {
                *load_held = *load_held - load(frame);
            }
            stays
        });
        self.answers = 0;
    }

    /// Is a frame of this kind still in the queue, not in the link?
    pub(crate) fn holds(&self, kind: Kind) -> bool {
        self.waiting.iter().any(|(_, frame)| frame.kind == kind)
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
        let (id, frame) = self.waiting.pop_front()?;
        self.give(id, frame.kind, load(&frame));
        self.answers -= usize::from(is_answer(frame.kind));
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        Some((id, frame))
    }

    /// The kernel has everything up to this one.
    pub(crate) fn sent(&mut self, id: SendId) {
        while let Some(first) = self.in_link.front()
            && first.id <= id
        {
            self.load = self.load - first.load;
            self.in_link.pop_front();
        }
    }

    /// The link gave this frame back. `false`: it never had it.
    pub(crate) fn took_back(&mut self, id: SendId) -> bool {
        let Ok(at) = self.in_link.binary_search_by_key(&id, |it| it.id) else { return false };
        if let Some(InLink { load, .. }) = self.in_link.remove(at) {
            self.load = self.load - load;
        }
        true
    }

    /// The link did not want what it was given, and is as empty as before.
    pub(crate) fn refund(&mut self) {
        if self.in_link.is_empty() {
            self.room();
        }
    }

    /// Puts frames that came back in front of the queue, in their order.
    pub(crate) fn requeue(&mut self, frames: impl DoubleEndedIterator<Item = (SendId, Frame<F>)>) {
        for (id, frame) in frames.rev() {
            self.load = self.load + load(&frame);
            self.waiting.push_front((id, frame));
        }
    }

    /// The connection is gone, and nothing more comes back: these messages were cut in the middle.
    pub(crate) fn lost(&mut self) -> Vec<SendId> {
        let mut cut = Vec::new();
        for InLink { id, load, is_message } in self.in_link.drain(..) {
            self.load = self.load - load;
            if is_message {
                cut.push(id);
            }
        }
        self.credit = 0;
        cut
    }

    /// Forgets everything, and closes the descriptors of it.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = (SendId, Frame<F>)> + use<'_, F> {
        self.load = Load::default();
        self.answers = 0;
        self.in_link.clear();
        self.credit = 0;
        self.waiting.drain(..)
    }
}

const fn is_answer(kind: Kind) -> bool {
    matches!(kind, Kind::Response(_) | Kind::Failure(_))
}

/// What a frame adds to a queue.
pub(crate) fn load<F>(frame: &Frame<F>) -> Load {
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
        lane.requeue(given.into_iter().skip(1));
        assert_eq!(lane.lost(), [SendId(1)]);
        assert_eq!(lane.first_unsent(), Some(SendId(2)));
        lane.room();
        let bodies: Vec<_> = std::iter::from_fn(|| lane.next()).map(|(_, frame)| frame).collect();
        assert_eq!(bodies, [frame("a"), frame("b"), frame("c")]);
        assert_eq!(lane.load().messages, 3);
    }
}
