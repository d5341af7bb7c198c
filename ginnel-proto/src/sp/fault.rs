/// What the other side of a pipe did wrong. The pipe is closed, and every other keeps working.
///
/// ```
/// use ginnel_proto::sp::{Protocol, SpFault};
/// let fault = SpFault::Protocol { theirs: 0x20, awaited: Protocol::Rep };
/// assert_eq!(fault.to_string(), "protocol 0x20 is spoken there, rep (0x31) was awaited");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpFault {
    /// The first bytes are no greeting of SP.
    #[error("the first bytes are no greeting of SP: another protocol is spoken there")]
    Greeting,
    /// A version of SP that is not known here.
    #[error("version {theirs} of SP is spoken there, 0 here")]
    Version {
        /// The version in their greeting.
        theirs: u8,
    },
    /// A byte of the greeting that must be zero is not.
    #[error("a reserved byte of the greeting is set")]
    Reserved,
    /// The end over there does not go with ours.
    #[error("protocol {theirs:#04x} is spoken there, {awaited} ({:#04x}) was awaited", awaited.number())]
    Protocol {
        /// Its number in their greeting.
        theirs: u16,
        /// What goes with our end.
        awaited: super::Protocol,
    },
    /// A message of a kind that does not exist; over `ipc://` each begins with a 1.
    #[error("a message begins with byte {kind}, where 1 must stand")]
    Kind {
        /// The byte.
        kind: u8,
    },
    /// A message that is too short for the header of its protocol.
    #[error("a message of {bytes} bytes ends inside its header")]
    ShortHeader {
        /// Bytes of it.
        bytes: usize,
    },
    /// A count of hops that no forwarder can have written.
    #[error("a message has come over {count} hops, more than can be counted")]
    Hops {
        /// The count.
        count: u32,
    },
    /// A publisher only speaks, and somebody spoke to it.
    #[error("a message was sent to a publisher, which takes none")]
    SpokenTo,
}
