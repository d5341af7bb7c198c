//! The only place where this crate waits.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::sync::Arc;
use std::task::{self, Context, Poll};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use ginnel_os::driven::Driven;
use ginnel_os::shared::{Seat, Shared, Turn};
use ginnel_os::{self as os, Direction, Directions, HandleRef, PeerFault, Reason, Step, Wait, Would};

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use system::{set_timeout, wait_for_engine};
pub(crate) use system::{settle, wait_any, wait_for_two};

/// How a socket waits, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    /// Inside the call: the descriptor is ours alone and in blocking mode. Else by `poll`.
    in_call: bool,
    deadline: Option<Instant>,
}

impl Waits {
    /// A socket that we made.
    pub(crate) const IN_CALL: Self = Self { in_call: system::CALLS_WAIT, deadline: None };
    /// A socket whose flags belong to others too.
    pub(crate) const BY_POLL: Self = Self { in_call: false, deadline: None };

    pub(crate) const fn by(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    pub(crate) const fn until_moment(self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self }
    }

    /// May a read wait inside the call? With a deadline it may not.
    pub(crate) const fn may_wait_in_call(self) -> bool {
        self.in_call && self.deadline.is_none()
    }

    /// What is left until the deadline, if there is one.
    pub(crate) fn remaining(self) -> io::Result<Option<Duration>> {
        self.deadline.map(|deadline| remaining(deadline).ok_or_else(timed_out)).transpose()
    }

    pub(crate) const fn deadline(self) -> Option<Instant> {
        self.deadline
    }

    /// Changes the deadline. Without one the socket's own timeout is taken back.
    pub(crate) fn set_deadline(
        &mut self,
        fd: HandleRef<'_>,
        directions: &[Direction],
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        if self.in_call && self.deadline.is_some() && deadline.is_none() {
            for &direction in directions {
                set_timeout(fd, direction, None)?;
            }
        }
        self.deadline = deadline;
        Ok(())
    }

    /// Makes the call until it has done its work or the deadline has passed.
    #[inline]
    pub(crate) fn until<T>(
        self,
        fd: HandleRef<'_>,
        direction: Direction,
        mut attempt: impl FnMut(Wait) -> Would<T>,
    ) -> io::Result<T> {
        let mut vain = 0;
        loop {
            if let Some(value) = attempt(self.prepare(fd, direction)?)? {
                return Ok(value);
            }
            // In the call the wait is over or was interrupted: then this only looks at the clock, or finds the
            // descriptor in non-blocking mode after all.
            wait_for(fd, direction, self.deadline)?;
            vain += 1;
            if vain > MOST_VAIN {
                self.pause(VAIN_PAUSE)?;
            }
        }
    }

    /// A large write waits inside the call again for each piece, and each time for the whole timeout, so a deadline
    /// makes it go piece by piece.
    #[inline]
    fn prepare(self, fd: HandleRef<'_>, direction: Direction) -> io::Result<Wait> {
        match (self.in_call, self.deadline, direction) {
            (true, None, _) => Ok(Wait::InCall),
            (true, Some(_), Direction::Read) => self.bound(fd, direction).map(|()| Wait::InCall),
            _ => Ok(Wait::Never),
        }
    }

    /// Bounds a wait inside the call by the deadline. After it the call waits for two ticks of the kernel's clock at
    /// most, which is how it takes what is ready: `accept` and `connect` have no flag that says "never".
    pub(crate) fn bound(self, fd: HandleRef<'_>, direction: Direction) -> io::Result<()> {
        match self.deadline {
            Some(deadline) if self.in_call => {
                set_timeout(fd, direction, Some(remaining(deadline).unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    /// Waits until the earlier of the deadline and the moment to look again, which is no error.
    pub(crate) fn look_again<T: Default>(
        self,
        look: Option<Instant>,
        wait: impl FnOnce(Option<Instant>) -> io::Result<T>,
    ) -> io::Result<T> {
        let first = [look, self.deadline].into_iter().flatten().min();
        match wait(first) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut && first != self.deadline => {
                Ok(T::default())
            }
            other => other,
        }
    }

    /// Pauses for so long, or until the deadline.
    pub(crate) fn pause(self, length: Duration) -> io::Result<()> {
        let rest = match self.deadline {
            Some(deadline) => remaining(deadline).ok_or_else(timed_out)?,
            None => Duration::MAX,
        };
        thread::sleep(length.min(rest));
        Ok(())
    }
}

/// Waits until the descriptor is ready in this direction or the deadline has passed.
pub(crate) fn wait_for(fd: HandleRef<'_>, direction: Direction, deadline: Option<Instant>) -> io::Result<()> {
    let interest = match direction {
        Direction::Read => Directions::READ,
        Direction::Write => Directions::WRITE,
    };
    wait_any(fd, interest, deadline).map(|_| ())
}

/// Attempts until one is done, waiting between them for what they ask for.
pub(crate) fn drive<T, E: From<io::Error> + From<PeerFault>>(
    (core, stream): (&mut os::Connection, &os::Stream),
    waits: Waits,
    mut attempt: impl FnMut(&mut os::Connection, Directions, Wait) -> Result<Step<T>, E>,
) -> Result<T, E> {
    let mut ready = Directions::BOTH;
    let wait = if waits.may_wait_in_call() { Wait::InCall } else { Wait::Never };
    loop {
        let interest = match attempt(core, ready, wait)? {
            Step::Done(value) => return Ok(value),
            Step::Pause(length) => {
                waits.pause(length)?;
                continue;
            }
            Step::Wait(interest) => interest,
        };
        let look = core.before_wait(stream)?;
        // A ping may have found no room.
        let interest = Directions { write: interest.write || core.waits_to_write(), ..interest };
        ready = waits.look_again(look, |first| wait_any(stream.borrowed(), interest, first))?;
    }
}

/// Looks until it is there, and turns in between.
pub(crate) fn turn_until<D: Driven, T, E: From<io::Error>>(
    driven: &mut D,
    deadline: Option<Instant>,
    mut look: impl FnMut(&mut D) -> Result<Option<T>, E>,
) -> Result<T, E> {
    loop {
        if let Some(found) = look(driven)? {
            return Ok(found);
        }
        if driven.flush() {
            continue;
        }
        let late = has_passed(deadline);
        if driven.can_do_without_look() {
            driven.turn(false)?;
        } else {
            driven.wait(deadline)?;
            driven.turn(true)?;
        }
        if late {
            return look(driven)?.ok_or_else(|| timed_out().into());
        }
    }
}

/// Looks until it is there, and sleeps in between: somebody else drives.
pub(crate) fn sit_until<D: Driven, T, E: From<io::Error> + From<Reason>>(
    mut seat: Seat<'_, D>,
    deadline: Option<Instant>,
    mut look: impl FnMut(&mut D) -> Result<Option<T>, E>,
) -> Result<T, E> {
    THIS_THREAD.with(|waker| {
        let cx = Context::from_waker(waker);
        loop {
            let late = has_passed(deadline);
            match seat.poll(&cx, &mut look) {
                Poll::Ready(found) => return found,
                Poll::Pending if late => return Err(timed_out().into()),
                Poll::Pending => match deadline.map(remaining) {
                    Some(rest) => thread::park_timeout(rest.unwrap_or_default()),
                    None => thread::park(),
                },
            }
        }
    })
}

/// Turns for as long as anybody could ask for something.
pub(crate) fn run<D: Driven>(shared: &Shared<D>) -> io::Result<()> {
    let descriptor = shared.descriptor();
    let waker = task::Waker::from(Arc::new(WakeByDescriptor(shared.waker())));
    let mut ready = true;
    loop {
        match shared.turn(ready, &waker)? {
            Turn::Over => return Ok(()),
            Turn::Active => {
                // The poller is asked every second time at least, so that nobody with much to say hides the others.
                ready = !ready;
            }
            Turn::Idle(until) => {
                wait_for_engine(&descriptor, until)?;
                ready = true;
            }
        }
    }
}

struct WakeByDescriptor(os::Waker);

impl task::Wake for WakeByDescriptor {
    fn wake(self: Arc<Self>) {
        // It fails for no eventfd that is open, and this one is.
        let _ = self.0.wake();
    }
}

struct WakeThread(Thread);

impl task::Wake for WakeThread {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    static THIS_THREAD: task::Waker = Arc::new(WakeThread(thread::current())).into();
}

pub(crate) fn has_passed(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| remaining(deadline).is_none())
}

pub(crate) fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the deadline passed")
}

/// What is left until a moment; `None` if it has passed.
fn remaining(deadline: Instant) -> Option<Duration> {
    deadline.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())
}

/// How often a call may find nothing after `poll` said "ready" before it pauses each time. Two who share a socket race
/// now and then; a socket that somebody has shut down says so for ever.
const MOST_VAIN: u32 = 64;
const VAIN_PAUSE: Duration = Duration::from_millis(5);
