//! Who is told when something changes at a socket: threads that wait for it, wakers of other loops, a poller.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use super::port::Queue;
use crate::connection::Directions;
use crate::sys::Direction;

/// Rung after the change, never while a direction is locked: whoever hears it looks for himself.
#[derive(Debug, Default)]
pub(super) struct Bell {
    hears: Mutex<Hears>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct Hears {
    /// Threads that wait.
    threads: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
    poller: Option<(Arc<Queue>, u64)>,
}

impl Bell {
    /// Tells everybody whom a change of this direction concerns.
    pub(super) fn ring(&self, direction: Direction) {
        let mut hears = self.hears();
        if hears.threads > 0 {
            self.rung.notify_all();
        }
        let waker = hears.waker(direction).take();
        let poller = hears.poller.clone();
        drop(hears);
        if let Some((queue, token)) = poller {
            queue.tell(token);
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until `look` sees something, or the deadline has passed: then it is `None`.
    pub(super) fn wait(
        &self,
        deadline: Option<Instant>,
        mut look: impl FnMut() -> Option<Directions>,
    ) -> Option<Directions> {
        let mut hears = self.hears();
        hears.threads += 1;
        let found = loop {
            if let Some(found) = look() {
                break Some(found);
            }
            let Some(deadline) = deadline else {
                hears = self.rung.wait(hears).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break None;
            }
            hears = self.rung.wait_timeout(hears, rest).unwrap_or_else(PoisonError::into_inner).0;
        };
        hears.threads -= 1;
        found
    }

    /// Wakes this waker at the next change of this direction.
    pub(super) fn wake_at_change(&self, direction: Direction, waker: &Waker) {
        let mut hears = self.hears();
        let held = hears.waker(direction);
        if held.as_ref().is_none_or(|held| !held.will_wake(waker)) {
            let before = held.replace(waker.clone());
            drop(hears);
            // Unlocked: with a waker its task may go, and with that whatever it had.
            drop(before);
        }
    }

    /// Tells this poller of every change, under this token.
    pub(super) fn attach(&self, queue: Arc<Queue>, token: u64) {
        self.hears().poller = Some((queue, token));
    }

    /// Tells this poller no more. Returns the token that it was told under.
    pub(super) fn detach(&self, queue: &Arc<Queue>) -> Option<u64> {
        self.hears().poller.take_if(|(held, _)| Arc::ptr_eq(held, queue)).map(|(_, token)| token)
    }

    fn hears(&self) -> MutexGuard<'_, Hears> {
        self.hears.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hears {
    fn waker(&mut self, direction: Direction) -> &mut Option<Waker> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }
}
