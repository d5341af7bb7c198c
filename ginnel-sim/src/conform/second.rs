//! What a second process does, so that a script sees it from outside.

use std::sync::Arc;

use ginnel_os::SocketKind;

use super::calls::Calls;
use super::processes::this_process;
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
    /// Begins to wait for the lock on the first byte of the file "lock".
    AwaitLock,
    /// Sends a descriptor of itself to "heir".
    SendProcess,
    /// The same, and has a child that keeps the connection.
    SendProcessAndLeaveChild,
    /// Listens at "s", and sends the listening socket to "heir".
    ListenAndShare,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Lock,
        Self::Listen,
        Self::Connect,
        Self::AwaitLock,
        Self::SendProcess,
        Self::SendProcessAndLeaveChild,
        Self::ListenAndShare,
    ];
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
pub(super) fn perform<B: Bench>(k: &B, deed: Deed) -> (String, Vec<Arc<Fd<B>>>) {
    let (said, held) = match deed {
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
        Deed::AwaitLock => {
            let file = Arc::new(k.lock_file("lock"));
            return (k.await_lock(Arc::clone(&file), 0), vec![file]);
        }
        Deed::SendProcess | Deed::SendProcessAndLeaveChild => {
            let heir = k.connected(SocketKind::Stream, "heir");
            if deed == Deed::SendProcessAndLeaveChild {
                k.leave_child(&heir);
            }
            let process = this_process(k, &heir).expect("a script has asked for one before");
            (k.send_with(&heir, b"m", &[&process]), vec![heir, process])
        }
        Deed::ListenAndShare => {
            let (socket, heir) =
                (k.listener(SocketKind::Stream, "s"), k.connected(SocketKind::Stream, "heir"));
            (k.send_with(&heir, b"m", &[&socket]), vec![socket, heir])
        }
    };
    (said, held.into_iter().map(Arc::new).collect())
}
