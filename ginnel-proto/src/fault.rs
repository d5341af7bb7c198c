//! What the other side did wrong.

use crate::sp::SpFault;

/// The other side broke a rule of the wire. The connection is closed; what had arrived before is delivered first.
///
/// ```
/// use ginnel_proto::PeerFault;
/// let fault = PeerFault::TooLong { length: 20_000_000, limit: 16_777_216 };
/// assert_eq!(fault.to_string(), "a frame of 20000000 bytes was announced, 16777216 are accepted");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerFault {
    /// The first bytes are no greeting of this wire.
    #[error("the first bytes are no greeting of ginnel's wire: another protocol is spoken there")]
    ForeignGreeting,
    /// A version of the wire that is not known here.
    #[error("version {theirs} of the wire is spoken there, 1 here")]
    Version {
        /// The version in their greeting.
        theirs: u8,
    },
    /// A bit that must be zero is not.
    #[error("a reserved bit is set")]
    ReservedBit,
    /// The greeting promises less than every receiver must take.
    #[error("frames of up to {largest} bytes are accepted there, every receiver must take {least}")]
    TooModest {
        /// Bytes in their greeting.
        largest: u32,
        /// Bytes that every receiver takes.
        least: u32,
    },
    /// A kind of frame that does not exist.
    #[error("frame kind {kind} does not exist")]
    UnknownKind {
        /// Its number.
        kind: u8,
    },
    /// A frame whose length or descriptors its kind does not allow.
    #[error("a frame of kind {kind} cannot have {length} bytes and {fds} descriptors")]
    Malformed {
        /// The number of its kind.
        kind: u8,
        /// Bytes announced.
        length: u32,
        /// Descriptors announced.
        fds: u8,
    },
    /// A rule of SP.
    #[error(transparent)]
    Sp(#[from] SpFault),
    /// More bytes than we accept were announced, or arrived without the end of a line.
    #[error("a frame of {length} bytes was announced, {limit} are accepted")]
    TooLong {
        /// Bytes announced, or arrived so far.
        length: u64,
        /// Bytes accepted.
        limit: u64,
    },
    /// More descriptors than we accept were announced.
    #[error("a frame with {declared} descriptors was announced, {limit} are accepted")]
    TooManyFds {
        /// Descriptors announced.
        declared: usize,
        /// Descriptors accepted.
        limit: usize,
    },
    /// A frame came with fewer or more descriptors than it declared.
    #[error("a frame declared {declared} descriptors and came with {came}")]
    WrongFds {
        /// Descriptors declared.
        declared: usize,
        /// Descriptors that came.
        came: usize,
    },
    /// It speaks before it has said which peer it is, or has greeted and never says it.
    #[error("it has not said which peer it is: whoever is there shares no listener")]
    NotAPeer,
    /// What a peer has said comes back to it.
    #[error("what was said comes back: whoever is there only repeats it")]
    Echo,
    /// A word between peers that has another length than it must have.
    #[error("a word of {length} bytes between peers cannot be read")]
    BadWord {
        /// Bytes of it.
        length: usize,
    },
    /// Descriptors came with bytes that declare none.
    #[error("{came} descriptors came that no frame declared")]
    UndeclaredFds {
        /// Descriptors that came.
        came: usize,
    },
    /// The connection ended inside a frame or a greeting.
    #[error("the connection ended inside a frame, after {bytes} bytes of it")]
    CutShort {
        /// Bytes of the frame that arrived.
        bytes: u64,
    },
    /// A frame came after the goodbye.
    #[error("a frame came after the goodbye")]
    AfterGoodbye,
    /// Parts of a frame that contradict each other, or too many at once.
    #[error("fragments contradict each other, or too many frames are in pieces at once")]
    Fragments,
    /// A request with the number of one that is not answered yet.
    #[error("request {id} was asked again before it was answered")]
    CallReused {
        /// Its number.
        id: u64,
    },
    /// More requests than may wait for an answer.
    #[error("{limit} requests wait for an answer, and another one came")]
    TooManyCalls {
        /// Requests that may wait.
        limit: usize,
    },
    /// No greeting within the deadline.
    #[error("no greeting came in time")]
    Silent,
    /// A frame that began did not go on within the deadline.
    #[error("a frame was begun and did not go on")]
    Stuck,
    /// It does not answer, though its connection stands.
    #[error("no answer to a ping came in time")]
    Unresponsive,
}
