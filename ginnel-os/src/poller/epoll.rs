//! epoll(7), level-triggered: what is left undone is told again.

use std::fmt;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

use super::Waker;
use crate::connection::Directions;
use crate::sys::{Alarm, Kernel, Poller, Ready};

/// One epoll instance, and an event to end its waits with.
pub struct Epoll {
    epoll: Arc<OwnedFd>,
    waker: Waker,
    /// A wait has found these, and nobody has looked yet.
    found: Vec<Ready>,
    /// A wait has found something, if only that it was woken.
    active: bool,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = Arc::new(epoll::create(CreateFlags::CLOEXEC)?);
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &event, EventData::new_u64(WAKE), EventFlags::IN)?;
        Ok(Self { epoll, waker: Waker::new(event), found: Vec::new(), active: false })
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Has a wait found something, and nobody looked?
    pub(crate) const fn has_found(&self) -> bool {
        self.active
    }

    pub(crate) fn shared_descriptor(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.epoll)
    }

    /// Waits until something is ready, for so long at most; `None`: as long as it takes. What was found is kept for
    /// [`look`](Poller::look).
    pub(crate) fn wait(&mut self, length: Option<Duration>) -> io::Result<()> {
        let length = length.and_then(|length| Timespec::try_from(length).ok());
        let mut events = [MaybeUninit::uninit(); EVENTS];
        let events = match epoll::wait(&self.epoll, &mut events, length.as_ref()) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.active |= !events.is_empty();
        for &mut Event { flags, data } in events {
            let token = data.u64();
            if token == WAKE {
                self.waker.clear();
                continue;
            }
            let broken = flags.intersects(EventFlags::HUP | EventFlags::ERR);
            let read = broken || flags.contains(EventFlags::IN);
            let write = broken || flags.contains(EventFlags::OUT);
            self.found.push(Ready { token, directions: Directions { read, write } });
        }
        Ok(())
    }
}

impl Poller<Kernel> for Epoll {
    fn add(&self, fd: BorrowedFd<'_>, token: u64, directions: Directions) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(token), flags(directions))?)
    }

    fn change(&self, fd: BorrowedFd<'_>, token: u64, directions: Directions) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, EventData::new_u64(token), flags(directions))?)
    }

    fn remove(&self, fd: BorrowedFd<'_>) {
        // It fails only for a descriptor that is not watched.
        let _ = epoll::delete(&self.epoll, fd);
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

fn flags(directions: Directions) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, directions.read);
    flags.set(EventFlags::OUT, directions.write);
    flags
}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoll").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// Most that one look brings.
const EVENTS: usize = 256;

/// No connection has this number.
const WAKE: u64 = u64::MAX;
