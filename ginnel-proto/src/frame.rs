//! What travels on a connection: messages, calls, and the few frames that keep it alive.

use std::fmt;

use crate::Message;

/// One unit of a wire: what it is, and the message that it carries.
///
/// ```
/// use ginnel_proto::{Frame, Kind, Message};
/// let frame: Frame<u32> = Message::new("hello").into();
/// assert_eq!(frame.kind, Kind::Message);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a frame is these two on every wire")]
pub struct Frame<F> {
    /// What it is.
    pub kind: Kind,
    /// What it carries; empty for the kinds that carry nothing.
    pub message: Message<F>,
}

impl<F> Frame<F> {
    /// A frame of this kind.
    pub const fn new(kind: Kind, message: Message<F>) -> Self {
        Self { kind, message }
    }

    /// A frame that carries nothing.
    pub fn empty(kind: Kind) -> Self {
        Self { kind, message: Message::empty() }
    }
}

impl<F> From<Message<F>> for Frame<F> {
    fn from(message: Message<F>) -> Self {
        Self { kind: Kind::Message, message }
    }
}

/// What a frame is. All but [`Message`](Self::Message) and [`Headed`](Self::Headed) exist on the native wire alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "docs/wire.md lists the kinds of version 1")]
pub enum Kind {
    /// A message of the application.
    Message,
    /// The same behind one word of its protocol's header, on the wires of SP. It arrives, and comes back, as a
    /// [`Message`](Self::Message) whose body begins with the word.
    Headed(u32),
    /// A question; its answer bears the same number.
    Request(CallId),
    /// The answer to a request of ours.
    Response(CallId),
    /// The answer to a request of ours that went wrong on the other side.
    Failure(CallId),
    /// Whoever asked does not want the answer any more.
    Cancel(CallId),
    /// Are you there?
    Ping,
    /// I am.
    Pong,
    /// Nothing more will come from me.
    Goodbye,
    /// What peers tell each other to keep their listener; not for applications.
    Control,
}

/// The number of a request on its connection and in its direction. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a number, and nothing else")]
pub struct CallId(pub u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
