//! Why a text or a path is no address.

use super::PIPES;

/// Why a text or path is no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is nothing in it.
    #[error("the address is empty")]
    Empty,
    /// A path cannot hold a NUL byte.
    #[error("the path holds a NUL byte")]
    Nul,
    /// The path ends in no name, as `/` and `a/..` do.
    #[error("the path ends in no name")]
    NoName,
    /// The path, its last component or the name is too long.
    #[error("{len} bytes given, {max} fit")]
    TooLong {
        /// Bytes given.
        len: usize,
        /// Bytes that fit.
        max: usize,
    },
    /// A portable name holds a character outside `A-Z a-z 0-9 - _ .`, or starts with a dot.
    #[error("{found:?} cannot stand there: a portable name has letters, digits, '-', '_' and inner '.'")]
    Character {
        /// The character.
        found: char,
    },
    /// What should name a pipe does not begin as the names of pipes do.
    #[error("the name of a pipe begins with {PIPES}")]
    PipePrefix,
    /// The name of a pipe ends where it should begin.
    #[error("no name stands behind {PIPES}")]
    PipeEmpty,
    /// The name of a pipe is too long.
    #[error("{len} UTF-16 units given, {max} fit the name of a pipe, {PIPES} included")]
    PipeTooLong {
        /// UTF-16 units given.
        len: usize,
        /// UTF-16 units that fit.
        max: usize,
    },
    /// The name of a pipe holds what it cannot hold.
    #[error("{found:?} cannot stand there: the name of a pipe has no slash, backslash or NUL")]
    PipeCharacter {
        /// The character.
        found: char,
    },
    /// The name of a pipe ends in a dot or a space.
    #[error("{found:?} cannot stand at the end of the name of a pipe: Windows would take it away")]
    PipeEnd {
        /// The character.
        found: char,
    },
    /// The name of a pipe is no Unicode.
    #[error("the name of the pipe is no Unicode")]
    PipeUnicode,
    /// The URL of an end of SP names no transport that is known.
    #[error(
        "no known transport: socket://, ipc://, unix://, abstract://, tcp://, tcp4://, tcp6:// and inproc:// are"
    )]
    Transport,
    /// Something stands behind `socket://`.
    #[error("socket:// stands alone: sockets are handed in, not named")]
    NothingBehind,
    /// After `tcp://` stands no host and port.
    #[error("after tcp:// stands no host, colon and port from 0 to 65535")]
    Port,
    /// After a percent sign stand no two hexadecimal digits.
    #[error("after a percent sign stand no two hexadecimal digits")]
    Escape,
    /// After `fd:` stands no number from 0 to 65,535.
    #[error("after fd: stands no number from 0 to 65535")]
    FdNumber,
}

impl From<AddressError> for std::io::Error {
    fn from(error: AddressError) -> Self {
        Self::new(std::io::ErrorKind::InvalidInput, error)
    }
}
