//! Waiting for descriptors.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

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

/// Waits until nothing can travel over a connection in either direction any more.
///
/// `TimedOut`: the deadline passed.
pub(crate) fn wait_for_hangup(connection: impl AsFd, deadline: Option<Instant>) -> io::Result<()> {
    // A hang-up is always told; nothing else is asked for.
    wait(&mut [PollFd::new(&connection, PollFlags::empty())], deadline)
}
