//! Many sockets watched at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task;
use std::time::{Duration, Instant};

use super::socket::{End, Socket};
use crate::connection::Directions;
use crate::sys::Ready;

/// What is watched, level-triggered: what is left undone is told again by the next look.
#[derive(Debug)]
pub struct Port {
    queue: Arc<Queue>,
}

/// Where completions leave word of who may be ready, and where whoever waits for a [`Port`] does so.
#[derive(Debug, Default)]
pub(super) struct Queue {
    known: Mutex<Known>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct Known {
    watched: BTreeMap<u64, Watched>,
    /// Who may be ready. Whoever is not in here is not, until it says so.
    maybe: BTreeSet<u64>,
    /// Somebody has ended the wait.
    woken: bool,
    /// Threads that wait.
    threads: usize,
    /// The loop that is told instead.
    foreign: Option<task::Waker>,
}

#[derive(Debug)]
struct Watched {
    end: Arc<End>,
    directions: Directions,
}

impl Port {
    /// Watches nothing yet.
    pub(super) fn new() -> Self {
        Self { queue: Arc::default() }
    }

    /// Watches a socket, or watches it for something else.
    pub(super) fn watch(&self, socket: &Socket, token: u64, directions: Directions) {
        let end = socket.end();
        let mut known = self.queue.known();
        end.bell.attach(Arc::clone(&self.queue), token);
        known.watched.insert(token, Watched { end, directions });
        self.queue.note(known, token);
    }

    /// Watches it no more.
    pub(super) fn forget(&self, socket: &Socket) {
        if let Some(token) = socket.end().bell.detach(&self.queue) {
            let mut known = self.queue.known();
            known.watched.remove(&token);
            known.maybe.remove(&token);
        }
    }

    /// Ends the wait of whoever waits, or the next one, from any thread.
    pub(crate) fn waker(&self) -> Waker {
        Waker { queue: Arc::clone(&self.queue) }
    }

    /// What waits for it, from any thread, without the port in hand.
    pub(crate) fn shared_descriptor(&self) -> Waitable {
        Waitable { queue: Arc::clone(&self.queue) }
    }

    /// Waits until something is ready or somebody has ended the wait, for so long at most; `None`: as long as it takes.
    pub(crate) fn wait(&mut self, length: Option<Duration>) -> io::Result<()> {
        self.queue.wait(length);
        Ok(())
    }

    /// Would a wait end at once?
    pub(crate) fn has_found(&self) -> bool {
        let mut known = self.queue.known();
        known.woken || known.some_ready()
    }

    /// Puts what is ready now in the place of what `ready` holds, without waiting. `false`: nothing is, and nobody has
    /// ended a wait.
    pub(super) fn find(&self, ready: &mut Vec<Ready>) -> bool {
        ready.clear();
        let mut known = self.queue.known();
        let woken = std::mem::take(&mut known.woken);
        let Known { watched, maybe, .. } = &mut *known;
        maybe.retain(|&token| {
            let Some(Watched { end, directions }) = watched.get(&token) else { return false };
            let directions = end.ready(*directions);
            if directions == Directions::default() {
                return false;
            }
            ready.push(Ready { token, directions });
            true
        });
        woken || !ready.is_empty()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // Those that are watched hold the queue, and the queue holds them.
        let watched = std::mem::take(&mut self.queue.known().watched);
        for Watched { end, .. } in watched.into_values() {
            end.bell.detach(&self.queue);
        }
    }
}

/// Ends the wait of whoever waits for a [`Port`], from any thread.
#[derive(Clone, Debug)]
pub struct Waker {
    queue: Arc<Queue>,
}

impl Waker {
    /// Ends the wait, or the next one.
    ///
    /// # Errors
    /// None here.
    pub fn wake(&self) -> io::Result<()> {
        let mut known = self.queue.known();
        known.woken = true;
        self.queue.stir(known);
        Ok(())
    }
}

/// What waits for an engine, without the engine in hand.
#[derive(Clone, Debug)]
pub struct Waitable {
    queue: Arc<Queue>,
}

impl Waitable {
    /// Waits until there is something to do or somebody has ended the wait, for so long at most; `None`: as long as it
    /// takes.
    pub fn wait(&self, length: Option<Duration>) {
        self.queue.wait(length);
    }

    /// From now on a loop of somebody else waits: its waker is woken whenever there may be something to do.
    pub fn in_loop(&self, waker: task::Waker) {
        let mut known = self.queue.known();
        let some = known.woken || !known.maybe.is_empty();
        let before = known.foreign.replace(waker.clone());
        drop(known);
        // Unlocked: with a waker its task may go, and with that whatever it had.
        drop(before);
        if some {
            waker.wake();
        }
    }

    /// Is there something to do? From now on the waker is woken whenever there may be.
    pub fn poll(&self, context: &task::Context<'_>) -> bool {
        let mut known = self.queue.known();
        let before = known.foreign.replace(context.waker().clone());
        let some = known.woken || known.some_ready();
        drop(known);
        drop(before);
        some
    }
}

impl Queue {
    /// Whoever has this token may be ready. Called by completions.
    pub(super) fn tell(&self, token: u64) {
        self.note(self.known(), token);
    }

    fn note(&self, mut known: MutexGuard<'_, Known>, token: u64) {
        known.maybe.insert(token);
        self.stir(known);
    }

    fn stir(&self, known: MutexGuard<'_, Known>) {
        if known.threads > 0 {
            self.told.notify_all();
        }
        let foreign = known.foreign.clone();
        drop(known);
        if let Some(waker) = foreign {
            waker.wake();
        }
    }

    fn wait(&self, length: Option<Duration>) {
        let deadline = length.and_then(|length| Instant::now().checked_add(length));
        let mut known = self.known();
        known.threads += 1;
        while !known.woken && !known.some_ready() {
            let Some(deadline) = deadline else {
                known = self.told.wait(known).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break;
            }
            known = self.told.wait_timeout(known, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        known.threads -= 1;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Is anybody ready? Those who are not are not asked again before they say so.
    fn some_ready(&mut self) -> bool {
        while let Some(&token) = self.maybe.first() {
            let watched = self.watched.get(&token);
            if watched.is_some_and(|watched| watched.end.ready(watched.directions) != Directions::default()) {
                return true;
            }
            self.maybe.remove(&token);
        }
        false
    }
}
