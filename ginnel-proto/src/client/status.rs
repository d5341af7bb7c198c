use std::time::Duration;

use crate::limits::Bound;
use crate::machine::{Failure, Loss};
use crate::{PeerFault, Wire};

/// How a client connects, and comes back.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain settings, with a default")]
pub struct ClientOptions {
    /// What is spoken; without calls on wires that have none.
    pub wire: Wire,
    /// The pause before the second attempt; it doubles from there.
    pub base: Duration,
    /// The longest pause.
    pub cap: Duration,
    /// Attempts in a row that may fail. `None`: no limit. One: it does not come back.
    pub attempts: Option<u32>,
    /// How much may wait to be sent, also while there is no connection.
    pub queue: Bound,
    /// Spreads the pauses of many clients.
    pub seed: u64,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            wire: Wire::Native,
            base: Duration::from_millis(20),
            cap: Duration::from_secs(1),
            attempts: None,
            queue: Bound::CONNECTION,
            seed: 0,
        }
    }
}

/// Where a client stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "these four, as drawn at `Client`")]
pub enum Status {
    /// There is no connection, and none will come by itself.
    Disconnected {
        /// Why; at the beginning it is intentional.
        reason: Reason,
    },
    /// The first attempt, or one after a pause, is under way.
    Connecting {
        /// Attempts since the last connection, this one included.
        attempt: u32,
    },
    /// There is a connection, and the other side has greeted.
    Connected,
    /// The next attempt follows after a pause.
    Reconnecting {
        /// Attempts since the last connection.
        attempt: u32,
        /// The pause.
        next_in: Duration,
        /// Why there is no connection now.
        reason: Reason,
    },
}

/// Why a connection ended, or did not come about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Nobody asked for one, or somebody asked to end it.
    #[error("disconnected on purpose")]
    Intentional,
    /// The system's reason.
    #[error("the system says no: {}", std::io::Error::from_raw_os_error(*errno))]
    Error {
        /// A number of errno(3), on Windows of `GetLastError`.
        errno: i32,
    },
    /// The other side's queue is full.
    #[error("the other side's queue is full")]
    Busy,
    /// The other side broke a rule.
    #[error("the other side broke a rule: {0}")]
    Fault(PeerFault),
    /// The other side ended it.
    #[error("the other side has ended the connection")]
    Closed,
    /// Whoever drove it for others does so no longer.
    #[error("nobody drives it any more")]
    NotDriven,
    /// That connection is gone.
    #[error("that connection is gone")]
    Gone,
    /// The process at the other end has ended.
    #[error("the process at the other end has ended")]
    Died,
    /// As many attempts in a row as were allowed have failed.
    #[error("{attempts} attempts in a row failed")]
    MaxRetriesExceeded {
        /// Attempts that failed.
        attempts: u32,
    },
}

impl From<Loss> for Reason {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::Closed { .. } => Self::Closed,
            Loss::Fault(fault) => Self::Fault(fault),
            Loss::Died => Self::Died,
            Loss::Errno(errno) => Self::Error { errno },
        }
    }
}

impl From<Failure> for Reason {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Busy => Self::Busy,
            Failure::Fault(fault) => Self::Fault(fault),
            Failure::Closed => Self::Closed,
            Failure::Errno(errno) => Self::Error { errno },
        }
    }
}
