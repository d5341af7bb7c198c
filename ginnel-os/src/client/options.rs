use std::time::Duration;

use ginnel_proto::client as machine;

use crate::connection::ConnectionOptions;

/// How a client connects, and comes back.
///
/// ```
/// use std::time::Duration;
/// use ginnel_os::ClientOptions;
/// let options = ClientOptions::new().pause(Duration::from_millis(50), Duration::from_secs(5)).attempts(10);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ClientOptions {
    pub(super) connection: ConnectionOptions,
    pub(super) machine: machine::ClientOptions,
}

impl ClientOptions {
    /// Comes back for ever: after 20 ms at first, twice as long each time, 1 s at most.
    pub fn new() -> Self {
        Self::default()
    }

    /// What each connection is like.
    pub fn connection(mut self, options: ConnectionOptions) -> Self {
        self.connection = options;
        self
    }

    /// The pause before the second attempt, which doubles from there, and the longest.
    pub const fn pause(mut self, base: Duration, cap: Duration) -> Self {
        self.machine.base = base;
        self.machine.cap = cap;
        self
    }

    /// How many attempts in a row may fail; with 1 it does not come back.
    pub const fn attempts(mut self, most: u32) -> Self {
        self.machine.attempts = Some(most);
        self
    }
}
