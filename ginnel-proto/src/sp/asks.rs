use std::collections::BTreeMap;

use bytes::Bytes;

use super::Pattern;
use super::header::NUMBER;

/// The number of a question or a survey, as it is on the wire: its topmost bit is set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a number, and nothing else")]
pub struct AskId(pub u32);

/// What a question, or a survey, has come to.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is an answer, or there will be none")]
pub enum Answered {
    /// An answer.
    Answer(Bytes),
    /// The survey is over.
    Over,
    /// The pipe is lost that it was asked over, and it is not asked again.
    Lost,
}

/// An end that asks.
pub trait Asks: Pattern<Command = AskCommand> {
    /// The number that the next question will have.
    fn upcoming(&self) -> AskId;

    /// What has come of it, once.
    fn answered(&mut self, id: AskId) -> Option<Answered>;

    /// Those of which something has come. For whoever waits for many.
    fn ripe(&self) -> impl Iterator<Item = AskId>;
}

/// What an end that asks is asked.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one undoes the other")]
pub enum AskCommand {
    /// Ask this, under the number that is [upcoming](Asks::upcoming).
    Ask(Bytes),
    /// Nobody waits for this any more.
    Forget(AskId),
}

impl AskId {
    /// Where the numbers of one end begin.
    pub(super) const fn first(random: u32) -> Self {
        Self(random | NUMBER)
    }

    /// This one, or the first after it that is not taken.
    pub(super) fn first_free<T>(mut self, taken: &BTreeMap<Self, T>) -> Self {
        while taken.contains_key(&self) {
            self = self.next();
        }
        self
    }

    /// The one after it.
    pub(super) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1) | NUMBER)
    }
}
