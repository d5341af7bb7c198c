//! Waiting, until a deadline.

#[cfg(unix)]
mod unix;

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

#[cfg(unix)]
pub(crate) use unix::{wait, wait_for_hangup};

/// The moment at which a timeout that starts now has passed; `None`: never.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// Fails once the deadline has passed, for loops that always find something ready.
pub(crate) fn check(deadline: Option<Instant>) -> io::Result<()> {
    match deadline {
        Some(deadline) if deadline <= Instant::now() => Err(ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}
