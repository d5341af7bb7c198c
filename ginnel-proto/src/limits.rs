//! The numbers that bound what users and peers can ask for.

use std::ops::{Add, Sub};

/// Most descriptors that one message carries. Linux calls it `SCM_MAX_FD`; see unix(7).
pub const MAX_FDS: usize = 253;

/// Largest packet, in bytes, that `recv` takes unless told otherwise: 1 MiB.
pub const PACKET: usize = 1 << 20;

/// Largest packet, in bytes, that `recv` can be told to take. No `SO_SNDBUF`, and so no packet, is larger.
pub const LARGEST_PACKET: usize = i32::MAX as usize;

/// Connections that may wait to be accepted. The kernel cuts it to `net.core.somaxconn`.
pub const BACKLOG: u32 = 4096;

/// Permission bits of a published socket: read and write for its owner alone.
pub const SOCKET_MODE: u32 = 0o600;

/// Most bytes of a path, without the closing NUL: `PATH_MAX` less one.
pub const PATH: usize = 4095;

/// Most bytes of one component of a path: `NAME_MAX`.
pub const COMPONENT: usize = 255;

/// Most bytes that `sun_path` holds on Linux beside the NUL that ends a path or starts an abstract name.
pub const SUN_PATH: usize = 107;

/// Most UTF-16 units of the name of a pipe, `\\.\pipe\` included: what `CreateNamedPipeW` takes.
pub const PIPE: usize = 256;

/// Most slices that one vectored write sends: `UIO_MAXIOV`. The rest is left for the next.
pub const SLICES: usize = 1024;

/// Most bytes of a portable name, see [`Address::named`](crate::Address::named).
pub const NAME: usize = 200;

/// Most arrays, maps and tags inside each other in one message, unless a codec is told otherwise.
pub const DEPTH: u8 = 32;

/// Most keys in all maps of one message together, unless a codec is told otherwise.
pub const KEYS: usize = 4096;

/// Largest body of a message, in bytes, unless told otherwise: 16 MiB.
pub const MESSAGE: usize = 16 << 20;

/// Most descriptors of one message, unless told otherwise.
pub const MESSAGE_FDS: usize = 16;

/// Bytes that may wait for all connections of one server together, unless told otherwise: 64 MiB.
pub const SERVER: usize = 64 << 20;

/// Bytes of large messages that may be there in part, of all connections of one server together, unless told otherwise:
/// 64 MiB.
pub const PARTS: usize = 64 << 20;

/// Bytes of answers that may wait for one connection of a server, unless told otherwise: 16 MiB.
pub const ANSWERS: usize = 16 << 20;

/// Largest body, in bytes, that every receiver of the native wire takes without being asked: 64 KiB.
pub const GUARANTEED_BODY: usize = 64 << 10;

/// Most descriptors of one message that every receiver of the native wire takes without being asked.
pub const GUARANTEED_FDS: usize = 16;

/// Requests that may wait for an answer on one connection, in each direction.
pub const CALLS: usize = 1024;

/// Bodies up to this many bytes are copied beside each other, so that one write carries many. Larger ones are never
/// copied on their way out.
pub const COPIED: usize = 4 << 10;

/// What one read takes at most, in bytes. With what goes with it, a connection that waits for the rest of a header
/// holds less than 64 KiB.
pub const READ: usize = 60 << 10;

/// Most bytes of a peer's name.
pub const PEER_NAME: usize = 255;

/// Most bytes of what a peer's application has to say in its greeting: 16 KiB.
pub const PEER_DATA: usize = 16 << 10;

/// How much may wait somewhere: in a queue of things to send, or in an inbox.
///
/// One message larger than the bound is let in when nothing else waits, so that no message can be stuck for ever.
///
/// ```
/// use ginnel_proto::limits::Bound;
/// let bound = Bound { messages: 10, ..Bound::CONNECTION };
/// assert_eq!(bound.bytes, 1 << 20);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the three things that a message is made of")]
pub struct Bound {
    /// Bytes, headers included.
    pub bytes: usize,
    /// Messages.
    pub messages: usize,
    /// Descriptors.
    pub fds: usize,
}

impl Bound {
    /// One connection's queue, and its inbox: 1 MiB, 1,024 messages, 64 descriptors.
    pub const CONNECTION: Self = Self { bytes: 1 << 20, messages: 1024, fds: 64 };

    /// May `more` join `held`?
    pub const fn admits(&self, held: Load, more: Load) -> bool {
        if held.messages == 0 {
            return true;
        }
        held.bytes.saturating_add(more.bytes) <= self.bytes
            && held.messages.saturating_add(more.messages) <= self.messages
            && held.fds.saturating_add(more.fds) <= self.fds
    }
}

/// How much waits somewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the three things that a message is made of")]
pub struct Load {
    /// Bytes, headers included.
    pub bytes: usize,
    /// Messages.
    pub messages: usize,
    /// Descriptors.
    pub fds: usize,
}

impl Add for Load {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        let Self { bytes, messages, fds } = self;
        Self { bytes: bytes + more.bytes, messages: messages + more.messages, fds: fds + more.fds }
    }
}

impl Sub for Load {
    type Output = Self;

    fn sub(self, less: Self) -> Self {
        let Self { bytes, messages, fds } = self;
        Self { bytes: bytes - less.bytes, messages: messages - less.messages, fds: fds - less.fds }
    }
}
