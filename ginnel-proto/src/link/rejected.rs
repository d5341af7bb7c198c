use std::fmt;

use crate::{Frame, Message};

/// A bound of ours, or one that the other side told us, was reached. Nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// The queue is full; there is room once some of it was written.
    #[error("the queue is full: {bytes} bytes in {messages} messages wait to be sent")]
    Queue {
        /// Bytes that wait.
        bytes: usize,
        /// Messages that wait.
        messages: usize,
    },
    /// The inbox is full: while an answer was awaited, more arrived than is kept.
    #[error("the inbox is full: {bytes} bytes in {messages} messages wait to be taken")]
    Inbox {
        /// Bytes that wait.
        bytes: usize,
        /// Messages that wait.
        messages: usize,
    },
    /// The body is larger than the other side takes, or than this wire can tell.
    #[error("the body has {length} bytes, the other side takes {limit}")]
    Message {
        /// Bytes of the body.
        length: usize,
        /// Bytes that can be sent.
        limit: usize,
    },
    /// More descriptors than the other side takes.
    #[error("{given} descriptors given, the other side takes {limit}")]
    Fds {
        /// Descriptors given.
        given: usize,
        /// Descriptors that can be sent.
        limit: usize,
    },
    /// As large as this nothing may be before the other side has said what it takes.
    #[error("the other side has not said yet whether it takes more than 65536 bytes or 16 descriptors")]
    NotGreeted,
    /// As many prefixes as are kept have been subscribed to.
    #[error("as many prefixes as are kept are subscribed to: {most}, or {bytes} bytes of them")]
    Subscriptions {
        /// Prefixes that are kept.
        most: usize,
        /// Bytes of prefixes that are kept.
        bytes: usize,
    },
    /// As many requests as may wait for an answer do.
    #[error("{pending} requests wait for their answers, no more may")]
    Calls {
        /// Requests that wait.
        pending: usize,
    },
}

/// The caller asked for what this kind of connection cannot do. Nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// Descriptors on a wire that cannot carry them.
    #[error("this wire carries no descriptors")]
    NoFds,
    /// A call, a ping or another thing that only the native wire knows.
    #[error("only the native wire has calls")]
    NoCalls,
    /// A word before a body, on a wire without protocols.
    #[error("only the wires of SP have headers")]
    NoHeader,
    /// A line feed inside a body on a wire of lines.
    #[error("a line feed inside a message would end it: this wire is made of lines")]
    LineFeed,
    /// An empty body on a wire where that is no message.
    #[error("an empty message does not exist on this wire")]
    Empty,
    /// A body or descriptors in a frame of a kind that has none.
    #[error("pings, pongs, goodbyes and cancellations carry nothing")]
    NoBody,
    /// A message after the goodbye.
    #[error("this side has said goodbye, nothing more can be sent")]
    Closing,
    /// Something for whoever listens, from whoever listens.
    #[error("this peer is the listener itself")]
    Oneself,
}

/// Why a frame was not queued.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[expect(clippy::exhaustive_enums, reason = "either a bound or the caller")]
pub enum Refusal {
    /// A bound was reached.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// This wire cannot do it.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

/// A frame that was not queued, and why. It is still the caller's.
#[derive(PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected<F> {
    /// Why.
    pub refusal: Refusal,
    /// The frame, untouched.
    pub frame: Frame<F>,
}

impl<F> Rejected<F> {
    pub(crate) fn new(refusal: impl Into<Refusal>, frame: Frame<F>) -> Self {
        Self { refusal: refusal.into(), frame }
    }

    /// What was to be sent.
    pub fn into_message(self) -> Message<F> {
        self.frame.message
    }
}

impl<F> fmt::Debug for Rejected<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message { body, fds, .. } = &self.frame.message;
        let mut shown = f.debug_struct("Rejected");
        shown.field("refusal", &self.refusal).field("kind", &self.frame.kind);
        shown.field("bytes", &body.len()).field("fds", &fds.len()).finish()
    }
}

impl<F> fmt::Display for Rejected<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl<F> std::error::Error for Rejected<F> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.refusal)
    }
}
