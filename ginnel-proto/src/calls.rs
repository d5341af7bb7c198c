//! Requests and their answers, by number.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::CALLS;
use crate::link::Limit;
use crate::machine::Refused;
use crate::{CallId, Frame, Kind, Message, PeerFault};

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
    /// What is said to whoever asks where nobody serves.
    pub fn not_served() -> Self {
        Self::Failure(Message::new(NOT_SERVED))
    }

    /// What is said in place of an answer that cannot be sent.
    pub fn undeliverable(why: Refused) -> Self {
        Self::Failure(match why {
            Refused::Gone => Message::new("the answer is lost"),
            Refused::Descriptors => Message::new("the answer has descriptors, which you refuse"),
            Refused::Refusal(refusal) => Message::new(format!("the answer cannot be sent: {refusal}")),
        })
    }

    /// The frame that carries it.
    pub fn into_frame(self, id: CallId) -> Frame<F> {
        match self {
            Self::Response(message) => Frame::new(Kind::Response(id), message),
            Self::Failure(message) => Frame::new(Kind::Failure(id), message),
        }
    }

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
    /// May another request be asked?
    ///
    /// # Errors
    /// [`Limit::Calls`].
    pub fn admit(&self) -> Result<(), Limit> {
        match self.ours.len() {
            pending @ CALLS.. => Err(Limit::Calls { pending }),
            _ => Ok(()),
        }
    }

    /// The number that the next request will have.
    pub const fn upcoming(&self) -> CallId {
        CallId(self.last + 1)
    }

    /// A number for the next request; it is never used again.
    pub fn ask(&mut self) -> CallId {
        self.last += 1;
        let id = CallId(self.last);
        self.ours.insert(id, None);
        id
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

    /// The connection is gone: theirs want no answer any more, and of ours only those go on that were not handed over.
    /// The numbers of the others.
    pub fn end(&mut self, goes_on: impl Fn(CallId) -> bool) -> Vec<CallId> {
        self.theirs.clear();
        let lost: Vec<CallId> = self.ours.keys().copied().filter(|&id| !goes_on(id)).collect();
        for id in &lost {
            self.ours.remove(id);
        }
        lost
    }

    /// The other side asks. So many answers wait to be sent: their questions are open over there too.
    ///
    /// # Errors
    /// [`PeerFault::TooManyCalls`], or [`PeerFault::CallReused`]: a request with this number waits already.
    pub fn asked(&mut self, id: CallId, answers: usize) -> Result<(), PeerFault> {
        if self.theirs.len() + answers >= CALLS {
            return Err(PeerFault::TooManyCalls { limit: CALLS });
        }
        if self.theirs.insert(id) { Ok(()) } else { Err(PeerFault::CallReused { id: id.0 }) }
    }

    /// Does their request wait for an answer of ours?
    pub fn waits(&self, id: CallId) -> bool {
        self.theirs.contains(&id)
    }

    /// Their request is answered, or they do not want the answer any more. `false`: it was already.
    pub fn settle(&mut self, id: CallId) -> bool {
        self.theirs.remove(&id)
    }
}

const NOT_SERVED: &[u8] = b"requests are not served here";

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
        assert_eq!(calls.asked(CallId(7), 0), Ok(()));
        assert_eq!(calls.asked(CallId(7), 0), Err(PeerFault::CallReused { id: 7 }));
        assert!(calls.settle(CallId(7)));
        assert!(!calls.settle(CallId(7)));
    }
}
