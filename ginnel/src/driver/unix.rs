//! Where a thread waits on Unix: inside the call, or in poll(2).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use ginnel_os::{Direction, Directions, Waitable};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};

use super::{remaining, timed_out};

/// Waits until the descriptor is ready in one of the directions or the deadline has passed; says in which. poll(2)
pub(crate) fn wait_any(
    fd: BorrowedFd<'_>,
    interest: Directions,
    deadline: Option<Instant>,
) -> io::Result<Directions> {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.read);
    flags.set(PollFlags::OUT, interest.write);
    loop {
        let rest = deadline.map(|deadline| remaining(deadline).ok_or_else(timed_out)).transpose()?;
        let rest = rest.and_then(|rest| Timespec::try_from(rest).ok());
        let mut fds = [PollFd::from_borrowed_fd(fd, flags)];
        match poll(&mut fds, rest.as_ref()) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => {
                let found = fds[0].revents();
                let broken = found.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
                let read = interest.read && (broken || found.contains(PollFlags::IN));
                let write = interest.write && (broken || found.contains(PollFlags::OUT));
                return Ok(Directions { read, write });
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until one of two engines has something to do, or until this moment. poll(2)
pub(crate) fn wait_for_two((one, other): (&Waitable, &Waitable), until: Option<Instant>) -> io::Result<()> {
    let rest = until.map(|until| remaining(until).unwrap_or_default());
    let rest = rest.and_then(|rest| Timespec::try_from(rest).ok());
    let mut fds = [one, other].map(|engine| PollFd::new(engine, PollFlags::IN));
    match poll(&mut fds, rest.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits until an engine has something to do, or until this moment.
pub(crate) fn wait_for_engine(engine: &Waitable, until: Option<Instant>) -> io::Result<()> {
    match wait_any(engine.as_fd(), Directions::READ, until) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(()),
        other => other.map(drop),
    }
}

/// What was written is the kernel's already.
#[expect(clippy::unnecessary_wraps, reason = "it may fail elsewhere")]
pub(crate) fn settle(_: BorrowedFd<'_>, _: Option<Instant>) -> io::Result<()> {
    Ok(())
}

/// A call on a descriptor in blocking mode waits in the kernel, which needs no second call.
pub(super) const CALLS_WAIT: bool = true;

/// Bounds every wait inside a call on this socket. `SO_RCVTIMEO`, `SO_SNDTIMEO`, socket(7)
pub(super) fn set_timeout(
    fd: BorrowedFd<'_>,
    direction: Direction,
    rest: Option<Duration>,
) -> io::Result<()> {
    let which = match direction {
        Direction::Read => Timeout::Recv,
        Direction::Write => Timeout::Send,
    };
    // 0 would mean "for ever"; anything shorter than a tick is rounded up.
    let rest = rest.map(|rest| rest.max(Duration::from_micros(100)));
    Ok(sockopt::set_socket_timeout(fd, which, rest)?)
}
