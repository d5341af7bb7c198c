//! kqueue(2), level-triggered: what is left undone is told again.

use std::fmt;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use crate::connection::Directions;
use crate::sys::kqueue::event::{self, Event, event};
use crate::sys::{Alarm, Kernel, Poller, Ready};

/// One queue of the kernel's, which holds an event of our own to end its waits with.
pub struct Kqueue {
    queue: Arc<OwnedFd>,
    /// A wait has found these, and nobody has looked yet.
    found: Vec<Ready>,
    /// A wait has found something, if only that it was woken.
    active: bool,
}

impl Kqueue {
    pub(crate) fn new() -> io::Result<Self> {
        let queue = Arc::new(event::queue()?);
        // It is forgotten as soon as somebody was told.
        let add = libc::EV_ADD | libc::EV_CLEAR;
        event::change(queue.as_fd(), &event(OURS, libc::EVFILT_USER, add, 0, WAKE))?;
        Ok(Self { queue, found: Vec::new(), active: false })
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker { queue: Arc::clone(&self.queue) }
    }

    /// Has a wait found something, and nobody looked?
    pub(crate) const fn has_found(&self) -> bool {
        self.active
    }

    pub(crate) fn shared_descriptor(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.queue)
    }

    /// Waits until something is ready, for so long at most; `None`: as long as it takes. What was found is kept for
    /// [`look`](Poller::look).
    pub(crate) fn wait(&mut self, length: Option<Duration>) -> io::Result<()> {
        let mut events = [const { MaybeUninit::uninit() }; EVENTS];
        let events = event::take(self.queue.as_fd(), &mut events, length)?;
        self.active |= !events.is_empty();
        let known = self.found.len();
        for event in events.iter().filter(|event| event::token(event) != WAKE) {
            let ready = Ready { token: event::token(event), directions: directions(event) };
            // The two directions of one descriptor are two events.
            match self.found[known..].iter_mut().rev().take(NEAR).find(|near| near.token == ready.token) {
                Some(near) => {
                    near.directions.read |= ready.directions.read;
                    near.directions.write |= ready.directions.write;
                }
                None => self.found.push(ready),
            }
        }
        Ok(())
    }

    fn set(&self, fd: BorrowedFd<'_>, token: u64, filter: i16, wanted: bool) -> io::Result<()> {
        let flags = if wanted { libc::EV_ADD } else { libc::EV_DELETE };
        match event::change(self.queue.as_fd(), &event(event::ident(fd), filter, flags, 0, token)) {
            // It was not watched.
            Err(error) if !wanted && error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            done => done,
        }
    }
}

/// One of two directions may be over while the other is not: then the kernel says the end of that one alone. Who can be
/// sent nothing any more has hung up.
fn directions(event: &Event) -> Directions {
    let ended = event.flags & libc::EV_EOF != 0;
    let broken = event.flags & libc::EV_ERROR != 0 || (ended && event.fflags != 0);
    match event.filter {
        libc::EVFILT_WRITE => Directions { read: ended || broken, write: true },
        // Processes and files are told by another queue, which is readable.
        _ => Directions { read: true, write: broken },
    }
}

impl Poller<Kernel> for Kqueue {
    fn add(&self, fd: BorrowedFd<'_>, token: u64, directions: Directions) -> io::Result<()> {
        if directions.read {
            self.set(fd, token, libc::EVFILT_READ, true)?;
        }
        if directions.write {
            self.set(fd, token, libc::EVFILT_WRITE, true)?;
        }
        Ok(())
    }

    fn change(&self, fd: BorrowedFd<'_>, token: u64, directions: Directions) -> io::Result<()> {
        self.set(fd, token, libc::EVFILT_READ, directions.read)?;
        self.set(fd, token, libc::EVFILT_WRITE, directions.write)
    }

    fn remove(&self, fd: BorrowedFd<'_>) {
        // It fails only for a descriptor that is not watched.
        let _ = self.change(fd, 0, Directions::default());
    }

    fn alarm(&self) -> Alarm {
        let waker = self.waker();
        Box::new(move || {
            // It fails for no event of ours.
            let _ = waker.wake();
        })
    }

    fn look(&mut self, ready: &mut Vec<Ready>) -> io::Result<bool> {
        if !self.active {
            self.wait(Some(Duration::ZERO))?;
        }
        ready.clear();
        mem::swap(ready, &mut self.found);
        Ok(mem::take(&mut self.active))
    }
}

impl fmt::Debug for Kqueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kqueue").field("queue", &self.queue).finish_non_exhaustive()
    }
}

impl AsFd for Kqueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

/// Ends the wait of whoever waits for an engine, from any thread.
#[derive(Clone, Debug)]
pub struct Waker {
    queue: Arc<OwnedFd>,
}

impl Waker {
    /// Ends the wait, or the next one.
    ///
    /// # Errors
    /// The kernel's, see kevent(2).
    pub fn wake(&self) -> io::Result<()> {
        event::change(self.queue.as_fd(), &event(OURS, libc::EVFILT_USER, 0, libc::NOTE_TRIGGER, WAKE))
    }
}

/// Most that one look brings.
const EVENTS: usize = 256;

/// How far back the other direction of a descriptor is looked for. If it is further away, it is told by itself.
const NEAR: usize = 4;

/// The event of our own, among events of its kind.
const OURS: usize = 0;

/// No connection has this number.
const WAKE: u64 = u64::MAX;
