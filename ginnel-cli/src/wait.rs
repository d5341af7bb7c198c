//! Waiting for descriptors, until a deadline.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// The moment at which a timeout that starts now has passed; `None`: never.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// Waits until one of the descriptors is ready. poll(2)
///
/// `TimedOut`: the deadline passed.
pub(crate) fn wait(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
    loop {
        let rest = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let time = rest.and_then(|rest| Timespec::try_from(rest).ok());
        match poll(fds, time.as_ref()) {
            Ok(0) if rest.is_some_and(|rest| rest.is_zero()) => return Err(ErrorKind::TimedOut.into()),
            Ok(0) | Err(Errno::INTR) => {}
            other => return Ok(other.map(|_| ())?),
        }
    }
}

/// Fails once the deadline has passed, for loops that always find something ready.
pub(crate) fn check(deadline: Option<Instant>) -> io::Result<()> {
    match deadline {
        Some(deadline) if deadline <= Instant::now() => Err(ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

/// Waits until nothing can travel over a connection in either direction any more.
///
/// `TimedOut`: the deadline passed.
pub(crate) fn wait_for_hangup(connection: impl AsFd, deadline: Option<Instant>) -> io::Result<()> {
    // A hang-up is always told; nothing else is asked for.
    wait(&mut [PollFd::new(&connection, PollFlags::empty())], deadline)
}
