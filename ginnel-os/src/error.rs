//! What the kernel does not say by itself. Each travels inside an [`std::io::Error`] of the kind named.

use std::io;

use ginnel_proto::election::Refusal;
use ginnel_proto::limits::MAX_FDS;

/// A rule of ours, of a descriptor or of a packet was broken.
///
/// ```
/// # use std::io;
/// use ginnel_os::SocketError;
/// let error = io::Error::from(SocketError::TooManyFds { given: 254 });
/// assert_eq!(error.to_string(), "254 descriptors given, 253 fit one message");
/// assert_eq!(SocketError::of(&error), Some(&SocketError::TooManyFds { given: 254 }));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// More descriptors than one message carries. Nothing was sent. [`io::ErrorKind::InvalidInput`]
    #[error("{given} descriptors given, {MAX_FDS} fit one message")]
    TooManyFds {
        /// Descriptors given.
        given: usize,
    },
    /// Descriptors without a byte to carry them: on a stream the kernel would drop them silently. Nothing was
    /// sent. [`io::ErrorKind::InvalidInput`]
    #[error("descriptors travel with a byte, and none was given")]
    FdsWithoutBytes,
    /// The kernel dropped descriptors on the way in, because this process has too many files open. Those that
    /// did arrive were closed. [`io::ErrorKind::InvalidData`]
    #[error(
        "descriptors were lost with {bytes} bytes at the start of the buffer: is the limit of open files reached?"
    )]
    FdsLost {
        /// Bytes that arrived with them and stand in the buffer.
        bytes: usize,
    },
    /// A plain read met descriptors, which were closed. Its bytes were returned by the read before.
    /// [`io::ErrorKind::InvalidData`]
    #[error("descriptors came with the bytes of the last read and were closed: receive with recv_with_fds")]
    FdsUnread,
    /// A packet was larger than the room for it; its rest is gone. [`io::ErrorKind::InvalidData`]
    #[error("the packet has {size} bytes, {room} fit")]
    PacketCut {
        /// Bytes of the packet.
        size: usize,
        /// Bytes there was room for.
        room: usize,
    },
    /// What stands at the path is no socket; it was left alone. [`io::ErrorKind::AlreadyExists`]
    #[error("what stands at the path is no socket; it was left alone")]
    NotASocketFile,
    /// What stands at the name of the lock file is no regular file. [`io::ErrorKind::AlreadyExists`]
    #[error("the lock file beside the socket is no regular file; it was left alone")]
    NotALockFile,
    /// Somebody listens there. [`io::ErrorKind::AddrInUse`]
    #[error("somebody listens there already")]
    AddressInUse,
    /// The lock file was removed or replaced while the path was owned, so the right to it is lost.
    /// [`io::ErrorKind::AddrNotAvailable`]
    #[error("the lock file beside the socket was replaced: the right to the path is lost")]
    LockLost,
    /// An abstract name is open to every user of the machine: it needs a policy. [`io::ErrorKind::InvalidInput`]
    #[error("file permissions do not protect an abstract name: say who is allowed")]
    AbstractWithoutPolicy,
    /// The descriptor is no local socket, or one of another kind. [`io::ErrorKind::InvalidInput`]
    #[error("the descriptor is no {expected} socket of the local family")]
    WrongSocket {
        /// What was asked for: `SOCK_STREAM`, `SOCK_SEQPACKET` or `SOCK_DGRAM`.
        expected: &'static str,
    },
    /// The descriptor is no stream socket, or not connected. [`io::ErrorKind::InvalidInput`]
    #[error("the descriptor is no connected stream socket")]
    NoStream,
    /// Nobody can be dialled at `socket://`. [`io::ErrorKind::Unsupported`]
    #[error("nobody can be dialled at socket://: hand a socket in")]
    NotDialled,
    /// Only Linux has names that are no files. [`io::ErrorKind::Unsupported`]
    #[error("only Linux has abstract names, and this system is another")]
    NoAbstractNames,
    /// macOS has no packet sockets of the local family. [`io::ErrorKind::Unsupported`]
    #[error("this system has no local packet sockets (SOCK_SEQPACKET)")]
    NoSeqPacket,
    /// Only Windows has named pipes. [`io::ErrorKind::Unsupported`]
    #[error("only Windows has named pipes, and this system is another")]
    NoPipes,
    /// The descriptor listens where a connected one is wanted, or the other way round.
    /// [`io::ErrorKind::InvalidInput`]
    #[error("the descriptor {}", if *.listening { "listens; a connected one is wanted" } else { "does not listen" })]
    WrongRole {
        /// Does it listen?
        listening: bool,
    },
    /// The directory for portable names belongs to somebody else or is open to others.
    /// [`io::ErrorKind::PermissionDenied`]
    #[error("the directory for portable names is not ours alone (owner {owner}, mode {mode:o})")]
    UnsafeDirectory {
        /// Its owner's user id.
        owner: u32,
        /// Its permission bits.
        mode: u32,
    },
    /// The directory of peers belongs to another user, or every user can replace files in it.
    /// [`io::ErrorKind::PermissionDenied`]
    #[error(
        "others can replace files in the directory (owner {owner}, mode {mode:o}): nobody can own a path there"
    )]
    OpenDirectory {
        /// Its owner's user id.
        owner: u32,
        /// Its permission bits.
        mode: u32,
    },
    /// The lock file belongs to another user. [`io::ErrorKind::PermissionDenied`]
    #[error("the lock file beside the socket belongs to user {owner}; it was left alone")]
    ForeignLock {
        /// Its owner's user id.
        owner: u32,
    },
    /// Sockets are named pipes here. [`io::ErrorKind::Unsupported`]
    #[error("sockets are named pipes here: \\\\.\\pipe\\NAME, or named:NAME")]
    NotAPipe,
    /// The pipe carries messages where a byte stream is wanted, or the other way round. [`io::ErrorKind::InvalidInput`]
    #[error("{}", if *.packets { "the pipe carries messages, not a byte stream" } else { "the pipe carries a byte stream, not messages" })]
    WrongPipe {
        /// Does it carry messages?
        packets: bool,
    },
    /// Another user's process listens there. [`io::ErrorKind::PermissionDenied`]
    #[error("the pipe belongs to another user, who was not asked anything")]
    ForeignPipe,
    /// Peers meet at a path, or at a portable name. [`io::ErrorKind::InvalidInput`]
    #[error("peers meet at a path or at a portable name, not at an abstract name or a descriptor")]
    NotAPath,
    /// Peers speak the native wire. [`io::ErrorKind::InvalidInput`]
    #[error("peers speak the native wire, which alone has greetings")]
    NotAPeerWire,
    /// Locks reach further than sockets on this file system. [`io::ErrorKind::Unsupported`]
    #[error("the directory may be shared with other machines: peers meet on local file systems only")]
    RemoteFileSystem,
    /// It was inherited by a fork: what it is connected with belongs to the process that made it.
    /// [`io::ErrorKind::InvalidInput`]
    #[error("it belongs to the process that forked this one, which must not use it")]
    Forked,
    /// This form of address has no meaning for this call. [`io::ErrorKind::InvalidInput`]
    #[error("an inherited descriptor cannot be sent to, only connected or listened with")]
    FdNotHere,
}

impl SocketError {
    /// Finds the fact inside an [`io::Error`].
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// What a refusal of an election is to the caller.
    pub(crate) fn refused(why: Refusal) -> io::Error {
        match why {
            Refusal::InUse => Self::AddressInUse.into(),
            Refusal::NotASocket => Self::NotASocketFile.into(),
            Refusal::LockLost => Self::LockLost.into(),
            Refusal::System => io::ErrorKind::Other.into(),
        }
    }

    fn kind(self) -> io::ErrorKind {
        match self {
            Self::FdsLost { .. } | Self::FdsUnread | Self::PacketCut { .. } => io::ErrorKind::InvalidData,
            Self::NotASocketFile | Self::NotALockFile => io::ErrorKind::AlreadyExists,
            Self::AddressInUse => io::ErrorKind::AddrInUse,
            Self::LockLost => io::ErrorKind::AddrNotAvailable,
            Self::UnsafeDirectory { .. } | Self::OpenDirectory { .. } => io::ErrorKind::PermissionDenied,
            Self::ForeignLock { .. } | Self::ForeignPipe => io::ErrorKind::PermissionDenied,
            Self::RemoteFileSystem | Self::NotDialled => io::ErrorKind::Unsupported,
            Self::NoPipes | Self::NotAPipe => io::ErrorKind::Unsupported,
            Self::NoAbstractNames | Self::NoSeqPacket => io::ErrorKind::Unsupported,
            _ => io::ErrorKind::InvalidInput,
        }
    }
}

impl From<SocketError> for io::Error {
    fn from(error: SocketError) -> Self {
        Self::new(error.kind(), error)
    }
}
