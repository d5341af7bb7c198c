use std::fmt;
use std::io;

use bytes::Bytes;
use ginnel_proto::client::Reason;
use ginnel_proto::link::{Limit, Misuse, Refusal, Rejected};
use ginnel_proto::{AddressError, Message, PeerFault};

use crate::socket::AdoptError;
use crate::sys::Carried;

/// What can go wrong with messages, sorted by who can do something about it.
///
/// ```
/// use ginnel_os::Error;
/// use ginnel_proto::PeerFault;
/// let error = Error::from(PeerFault::ReservedBit);
/// assert_eq!(error.to_string(), "the other side broke a rule: a reserved bit is set");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system: nobody listens there, the connection broke, a deadline passed
    /// ([`TimedOut`](io::ErrorKind::TimedOut)).
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The other side broke a rule of the wire, or was silent for too long. The connection is of no more use.
    #[error("the other side broke a rule: {0}")]
    Peer(PeerFault),
    /// A bound was reached: ours, or one that the other side told us.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// The connection has ended, or there is none, and no other will come by itself.
    #[error(transparent)]
    Stopped(#[from] Reason),
    /// The other side's application answered a request with a failure. What it says about it.
    #[error("the other side answered with a failure: {}", Shown(.0))]
    Failure(Bytes),
    /// A value could not be written, or bytes are not what was agreed on.
    #[cfg(feature = "serde")]
    #[error(transparent)]
    Codec(#[from] ginnel_proto::codec::CodecError),
    /// The text is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// What was asked for does not exist on this kind of connection.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

impl Error {
    /// Did a deadline of the caller pass?
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::TimedOut)
    }
}

// No source: the text names it already.
impl From<PeerFault> for Error {
    fn from(fault: PeerFault) -> Self {
        Self::Peer(fault)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Limit(limit) => Self::Limit(limit),
            Refusal::Misuse(misuse) => Self::Misuse(misuse),
        }
    }
}

/// Text of a peer's, as far as it is text: at most 200 characters, control characters replaced.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.0[..self.0.len().min(800)]);
        let shown =
            text.chars().take(200).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
        write!(f, "{}", shown.collect::<String>())
    }
}

/// Drops the descriptor.
impl<F> From<AdoptError<F>> for Error {
    fn from(refused: AdoptError<F>) -> Self {
        Self::Io(refused.error)
    }
}

/// A message was not sent, and why.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendError<F = Carried> {
    /// Why.
    pub error: Error,
    /// The message, if nothing of it was sent or queued. Without it, some of it may have reached the other side, or it
    /// still waits in the queue.
    pub message: Option<Message<F>>,
}

impl<F> SendError<F> {
    /// Something went wrong after the message was queued.
    pub fn queued(error: impl Into<Error>) -> Self {
        Self { error: error.into(), message: None }
    }

    /// The message comes back, if there is one.
    pub const fn with(error: Error, message: Option<Message<F>>) -> Self {
        Self { error, message }
    }

    /// The message comes back.
    pub fn returned(error: impl Into<Error>, message: Message<F>) -> Self {
        Self { error: error.into(), message: Some(message) }
    }
}

impl<F> From<Rejected<F>> for SendError<F> {
    fn from(rejected: Rejected<F>) -> Self {
        Self::returned(rejected.refusal, rejected.into_message())
    }
}

impl<F> fmt::Display for SendError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<F: fmt::Debug> std::error::Error for SendError<F> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // Its text is that of the error.
        std::error::Error::source(&self.error)
    }
}

impl<F> From<io::Error> for SendError<F> {
    fn from(error: io::Error) -> Self {
        Self::queued(error)
    }
}

impl<F> From<Reason> for SendError<F> {
    fn from(reason: Reason) -> Self {
        Self::queued(reason)
    }
}

impl<F> From<PeerFault> for SendError<F> {
    fn from(fault: PeerFault) -> Self {
        Self::queued(fault)
    }
}

/// Drops the message.
impl<F> From<SendError<F>> for Error {
    fn from(failed: SendError<F>) -> Self {
        failed.error
    }
}
