use std::error::Error;

use crate::limits;

/// Why a value could not be written, or bytes could not be read.
///
/// ```
/// use ginnel_proto::codec::{Cbor, Codec, CodecError, Malformed};
/// let error = Cbor::new().decode::<u8>(&[7, 8]).unwrap_err();
/// assert!(matches!(error, CodecError::Malformed(Malformed::Trailing { count: 1 })));
/// assert_eq!(error.to_string(), "1 bytes follow the value");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes break the rules of the codec, whatever the type; or the value would, once written.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The value cannot be written. The source says what its `Serialize` objected to.
    #[error("the value cannot be written")]
    Encode(#[source] Box<dyn Error + Send + Sync>),
    /// The bytes are well-formed, but no value of the type that was asked for.
    #[error("the message is no value of the wanted type")]
    Decode(#[source] Box<dyn Error + Send + Sync>),
    /// A raw message is bytes or text as they stand, and the value is neither.
    #[error("raw messages are bytes or text, and the value is neither")]
    NotRaw,
    /// The value holds more descriptors than one message carries.
    #[error("more descriptors in the value than the {} that fit one message", limits::MAX_FDS)]
    TooManyFds,
    /// The value points at a descriptor that did not come with the message.
    #[error("descriptor {index} is wanted, {count} came with the message")]
    FdMissing {
        /// Which one is wanted, counted from 0.
        index: u32,
        /// How many came.
        count: usize,
    },
    /// The value points at the same descriptor twice.
    #[error("descriptor {index} is wanted twice")]
    FdTwice {
        /// Which one, counted from 0.
        index: u32,
    },
    /// Descriptors came that no part of the value points at. They were closed.
    #[error("{count} descriptors came that the value does not name")]
    FdsUnclaimed {
        /// How many.
        count: usize,
    },
}

/// How bytes break the rules of a codec. Positions count bytes from 0.
///
/// ```
/// use ginnel_proto::codec::{Codec, CodecError, Json, Malformed};
/// let error = Json::new().decode::<Vec<u8>>("[".repeat(33).as_bytes()).unwrap_err();
/// assert!(matches!(error, CodecError::Malformed(Malformed::Depth { depth: 33, max: 32 })));
/// assert_eq!(error.to_string(), "nested 33 deep, 32 allowed");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The bytes end inside a value.
    #[error("the message ends at byte {at}, inside a value")]
    Cut {
        /// Where the next byte should be.
        at: usize,
    },
    /// Bytes follow the one value of the message.
    #[error("{count} bytes follow the value")]
    Trailing {
        /// How many.
        count: usize,
    },
    /// A length that the bytes cannot hold: of a string in bytes, of an array in items, of a map in keys and values.
    #[error("byte {at} declares a length of {declared}, {left} bytes are left for it")]
    Length {
        /// Where the length stands.
        at: usize,
        /// What it says. A map of n entries has n keys and n values, 2 × n.
        declared: u64,
        /// Bytes that are not spoken for: each item still owed elsewhere needs one.
        left: usize,
    },
    /// A string, array or map without a length: only its end would tell.
    #[error("byte {at} starts a value of indefinite length")]
    Indefinite {
        /// Where it starts.
        at: usize,
    },
    /// A number or length that fits fewer bytes.
    #[error("byte {at} starts a number that is not in its shortest form")]
    NotShortest {
        /// Where it starts.
        at: usize,
    },
    /// A byte that starts nothing: reserved, a simple value nobody defined, or the end of what did not begin.
    #[error("byte {at} is {byte:#04x}, which starts no value")]
    Reserved {
        /// Where it stands.
        at: usize,
        /// What it is.
        byte: u8,
    },
    /// A text that is not UTF-8.
    #[error("byte {at} is in a text and is not utf-8")]
    Text {
        /// The first byte that is not.
        at: usize,
    },
    /// Too many arrays, maps and tags inside each other.
    #[error("nested {depth} deep, {max} allowed")]
    Depth {
        /// The depth that was reached; nothing deeper was looked at.
        depth: usize,
        /// The depth that is allowed.
        max: u8,
    },
    /// Too many keys in all the maps together.
    #[error("{count} keys in the maps, {max} allowed")]
    Keys {
        /// The number that was reached; nothing after it was looked at.
        count: u64,
        /// The number that is allowed.
        max: usize,
    },
    /// A key that its map has already.
    #[error("byte {at} starts a key that its map has already")]
    DuplicateKey {
        /// Where it starts.
        at: usize,
    },
}
