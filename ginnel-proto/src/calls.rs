//! Requests and their answers, by number.

use std::collections::{BTreeMap, BTreeSet};

use crate::{CallId, Message};

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "docs/wire.md knows these two answers")]
pub enum Answer<F> {
    /// It was answered.
    Response(Message<F>),
    /// It went wrong over there; what the other side says about it.
    Failure(Message<F>),
}

impl<F> Answer<F> {
    /// What it says.
    pub fn into_message(self) -> Message<F> {
        match self {
            Self::Response(message) | Self::Failure(message) => message,
        }
    }
}

/// The requests of one connection, in both directions.
///
/// ```text
///   ours:    ask ──▶ open ──▶ answered ──▶ taken        forgotten: a late answer is dropped
///   theirs:  asked ──▶ served by reply, refuse, or their cancellation
/// ```
#[derive(Debug)]
pub struct Calls<F> {
    last: u64,
    ours: BTreeMap<CallId, Option<Answer<F>>>,
    theirs: BTreeSet<CallId>,
}

impl<F> Default for Calls<F> {
    fn default() -> Self {
        Self { last: 0, ours: BTreeMap::new(), theirs: BTreeSet::new() }
    }
}

impl<F> Calls<F> {
    /// A number for the next request; it is never used again.
    pub fn ask(&mut self) -> CallId {
        self.last += 1;
        let id = CallId(self.last);
        self.ours.insert(id, None);
        id
    }

    /// Requests of ours that wait for an answer, or whose answer nobody has taken.
    pub fn open(&self) -> usize {
        self.ours.len()
    }

    /// An answer came. `false`: nobody waits for it.
    pub fn answered(&mut self, id: CallId, answer: Answer<F>) -> bool {
        match self.ours.get_mut(&id) {
            Some(slot @ None) => {
                *slot = Some(answer);
                true
            }
            _ => false,
        }
    }

    /// Takes the answer, if it has come.
    pub fn take(&mut self, id: CallId) -> Option<Answer<F>> {
        self.ours.get(&id)?.as_ref()?;
        self.ours.remove(&id)?
    }

    /// Nobody waits for this answer any more. `true`: it has not come, so the other side may be told.
    pub fn forget(&mut self, id: CallId) -> bool {
        matches!(self.ours.remove(&id), Some(None))
    }

    /// The other side asks. `false`: it has used this number for a request that is not answered yet.
    pub fn asked(&mut self, id: CallId) -> bool {
        self.theirs.insert(id)
    }

    /// Requests of the other side that wait for an answer of ours.
    pub fn served(&self) -> usize {
        self.theirs.len()
    }

    /// Their request is answered, or they do not want the answer any more. `false`: it was already.
    pub fn settle(&mut self, id: CallId) -> bool {
        self.theirs.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &'static str) -> Answer<u32> {
        Answer::Response(Message::new(body))
    }

    #[test]
    fn an_answer_is_taken_once_by_its_number() {
        let mut calls = Calls::default();
        let (one, two) = (calls.ask(), calls.ask());
        assert_ne!(one, two);
        assert!(calls.answered(two, answer("two")));
        assert_eq!(calls.take(one), None);
        assert_eq!(calls.take(two), Some(answer("two")));
        assert_eq!(calls.take(two), None);
        assert_eq!(calls.open(), 1);
    }

    #[test]
    fn a_second_a_late_and_an_unknown_answer_are_dropped() {
        let mut calls = Calls::default();
        let (one, two) = (calls.ask(), calls.ask());
        assert!(calls.answered(one, answer("first")));
        assert!(!calls.answered(one, answer("second")));
        assert!(calls.forget(two));
        assert!(!calls.answered(two, answer("late")));
        assert!(!calls.answered(CallId(99), answer("unknown")));
        assert_eq!(calls.take(one), Some(answer("first")));
    }

    #[test]
    fn forgetting_tells_whether_the_other_side_still_works() {
        let mut calls = Calls::default();
        let (one, two) = (calls.ask(), calls.ask());
        calls.answered(one, answer("done"));
        assert!(!calls.forget(one));
        assert!(calls.forget(two));
        assert!(!calls.forget(two));
    }

    #[test]
    fn a_request_of_theirs_is_settled_once() {
        let mut calls: Calls<u32> = Calls::default();
        assert!(calls.asked(CallId(7)));
        assert!(!calls.asked(CallId(7)), "the number is in use");
        assert!(calls.settle(CallId(7)));
        assert!(!calls.settle(CallId(7)));
    }
}
