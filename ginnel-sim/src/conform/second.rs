//! What a second process does, so that a script sees it from outside.

use ginnel_os::SocketKind;

use super::calls::Calls;
use super::{Bench, Fd};

/// What a second process does before it does nothing more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "every bench performs each")]
pub enum Deed {
    /// Takes a lock on the first byte of the file "lock".
    Lock,
    /// Listens at "s".
    Listen,
    /// Connects to "s" and writes "hi", with a descriptor.
    Connect,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lock, Self::Listen, Self::Connect];
}

/// A second process that has done what it was to do.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "every bench makes one")]
pub struct Second<P> {
    /// What came of it.
    pub said: String,
    /// The process; dropping it kills it.
    pub process: P,
}

/// Does it. The descriptors are to be kept until the process ends.
pub(super) fn perform<B: Bench>(k: &B, deed: Deed) -> (String, Vec<Fd<B>>) {
    match deed {
        Deed::Lock => {
            let file = k.lock_file("lock");
            (k.lock(&file, 0), vec![file])
        }
        Deed::Listen => {
            let socket = k.bound(SocketKind::Stream, "s");
            (k.listen(&socket, 8), vec![socket])
        }
        Deed::Connect => {
            let socket = k.connected(SocketKind::Stream, "s");
            (k.send_fds(&socket, b"hi", 1), vec![socket])
        }
    }
}
