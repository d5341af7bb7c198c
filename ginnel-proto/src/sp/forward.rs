//! Ends that pass on what arrives: two of them are a device.

use bytes::Bytes;

use super::{Bus, Pair0, Pattern, Pub, Pull, Push, Receives, Sends, Sub};

/// A message on its way through: its body, which may begin with words that are none of our business, and the word of ours
/// that stands before it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a message, and what is ours of its header")]
pub struct Passing {
    /// Where it came from, or how often it was passed on.
    pub word: Option<u32>,
    /// All that stands behind that.
    pub body: Bytes,
}

impl Passing {
    const fn plain(body: Bytes) -> Self {
        Self { word: None, body }
    }
}

/// An end that takes part in a device.
pub trait Forwards: Pattern {
    /// The end on the other side of the device.
    type With: Forwards<With = Self>;

    /// The next message to be passed on. There is none at an end that only speaks.
    fn fetch(&mut self) -> Option<Passing> {
        None
    }

    /// Asks to pass on what the other end has fetched. `None`: this end only hears.
    fn forward(_passing: Passing) -> Option<Self::Command> {
        None
    }
}

impl Forwards for Pull {
    type With = Push;

    fn fetch(&mut self) -> Option<Passing> {
        self.receive().map(Passing::plain)
    }
}

impl Forwards for Push {
    type With = Pull;

    fn forward(passing: Passing) -> Option<Bytes> {
        Some(Self::send(passing.body))
    }
}

impl Forwards for Sub {
    type With = Pub;

    fn fetch(&mut self) -> Option<Passing> {
        self.receive().map(Passing::plain)
    }
}

impl Forwards for Pub {
    type With = Sub;

    fn forward(passing: Passing) -> Option<Bytes> {
        Some(Self::send(passing.body))
    }
}

impl Forwards for Pair0 {
    type With = Self;

    fn fetch(&mut self) -> Option<Passing> {
        self.receive().map(Passing::plain)
    }

    fn forward(passing: Passing) -> Option<Bytes> {
        Some(Self::send(passing.body))
    }
}

impl Forwards for Bus {
    type With = Self;

    fn fetch(&mut self) -> Option<Passing> {
        self.receive().map(Passing::plain)
    }

    fn forward(passing: Passing) -> Option<Bytes> {
        Some(Self::send(passing.body))
    }
}
