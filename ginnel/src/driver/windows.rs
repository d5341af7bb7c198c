//! Where a thread waits on Windows: until the system's pool tells of a completion.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use ginnel_os::{Direction, Directions, HandleRef, Waitable};

use super::{THIS_THREAD, remaining, timed_out};

/// Waits until the socket is ready in one of the directions or the deadline has passed; says in which.
pub(crate) fn wait_any(
    socket: HandleRef<'_>,
    interest: Directions,
    deadline: Option<Instant>,
) -> io::Result<Directions> {
    socket.wait(interest, deadline).ok_or_else(timed_out)
}

/// Waits until one of two engines has something to do, or until this moment.
pub(crate) fn wait_for_two((one, other): (&Waitable, &Waitable), until: Option<Instant>) -> io::Result<()> {
    THIS_THREAD.with(|waker| {
        [one, other].into_iter().for_each(|engine| engine.in_loop(waker.clone()));
        match until.map(remaining) {
            Some(rest) => thread::park_timeout(rest.unwrap_or_default()),
            None => thread::park(),
        }
    });
    Ok(())
}

/// Waits until an engine has something to do, or until this moment.
pub(crate) fn wait_for_engine(engine: &Waitable, until: Option<Instant>) -> io::Result<()> {
    engine.wait(until.map(|until| remaining(until).unwrap_or_default()));
    Ok(())
}

/// Waits until the system has what was written: a write that is under way ends with the process.
pub(crate) fn settle(socket: HandleRef<'_>, deadline: Option<Instant>) -> io::Result<()> {
    wait_any(socket, Directions::WRITE, deadline).map(drop)
}

/// A wait inside a call has no deadline here, so none is: outside it is the same wait.
pub(super) const CALLS_WAIT: bool = false;

/// Of a wait inside a call, which there is none of.
pub(super) fn set_timeout(_: HandleRef<'_>, _: Direction, _: Option<Duration>) -> io::Result<()> {
    Ok(())
}
