use std::time::Duration;

use ginnel_proto::limits::Bound;
use ginnel_proto::{SessionOptions, Wire};

/// How a connection behaves: what it speaks, what it accepts, how patient it is.
///
/// ```
/// use std::time::Duration;
/// use ginnel_os::{ConnectionOptions, Wire};
/// let options = ConnectionOptions::new().wire(Wire::Lines).largest_message(1 << 20);
/// let lively = ConnectionOptions::new().keep_alive(Duration::from_secs(10));
/// # let _ = (options, lively);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ConnectionOptions {
    pub(crate) session: SessionOptions,
}

impl ConnectionOptions {
    /// The native wire, messages up to 16 MiB with up to 16 descriptors, 1 MiB of queue and of inbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// How frames are written. Both sides must agree.
    pub const fn wire(mut self, wire: Wire) -> Self {
        self.session.link.wire = wire;
        self
    }

    /// Largest body that is accepted, in bytes; on the native wire 64 KiB at least.
    pub const fn largest_message(mut self, bytes: usize) -> Self {
        self.session.link.message = bytes;
        self
    }

    /// Most descriptors of one message that are accepted, up to 253; on the native wire 16 at least.
    pub const fn most_fds(mut self, fds: usize) -> Self {
        self.session.link.fds = fds;
        self
    }

    /// How much may be queued to be sent.
    pub const fn queue(mut self, bound: Bound) -> Self {
        self.session.link.queue = bound;
        self
    }

    /// How much may arrive while something else is waited for.
    pub const fn inbox(mut self, bound: Bound) -> Self {
        self.session.inbox = bound;
        self
    }

    /// How long the other side may take to greet, on the native wire: 5 s unless told otherwise. `None`: for ever.
    pub const fn greeting_deadline(mut self, length: Option<Duration>) -> Self {
        self.session.patience.greeting = length;
        self
    }

    /// How long a frame that was begun may pause: 30 s unless told otherwise. `None`: for ever.
    pub const fn progress_deadline(mut self, length: Option<Duration>) -> Self {
        self.session.patience.progress = length;
        self
    }

    /// Pings the other side when nothing has come from it for so long, and counts it as hung when nothing has come for
    /// twice as long. Off unless asked for; only the native wire has pings. Nothing is pinged unless somebody waits for
    /// something from this connection, or a driver runs.
    pub const fn keep_alive(mut self, silence: Duration) -> Self {
        self.session.patience.ping = Some(silence);
        self
    }
}
