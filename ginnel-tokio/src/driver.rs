//! The only place where this crate waits.
//!
//! What is waited for differs by platform, and stands in `watched` behind one face: a [`Watched`] says when a socket or an
//! engine is ready ([`ready`](Watched::ready), [`poll_ready`](Watched::poll_ready)) by a guard, which whoever finds nothing
//! clears; a [`Door`] is a listener.

mod turning;
#[cfg(unix)]
#[path = "driver/watched/unix.rs"]
mod watched;
#[cfg(windows)]
#[path = "driver/watched/windows.rs"]
mod watched;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use ginnel_os::shared::Turn;
use ginnel_os::sys::Handle;
use ginnel_os::{
    self as os, Connecting, Direction, Directions, PeerFault, SocketKind, Step, Waitable, Would,
};
use ginnel_proto::{Backoff, ToAddress};
use tokio::task::coop;
use tokio::time::Sleep;

pub(crate) use turning::{Turning, run, sit_until};
pub(crate) use watched::{Door, Watched};
use watched::{Guard, Watch};

/// What an attempt found, and whether the socket has no more: then its readiness is cleared without another call.
pub(crate) struct Ready<R> {
    pub(crate) value: R,
    pub(crate) drained: bool,
}

impl<R> Ready<R> {
    /// There may be more.
    pub(crate) fn some(value: R) -> Self {
        Self { value, drained: false }
    }
}

impl<T: Watch> Watched<T> {
    /// Makes the call until it has done its work. Any number of tasks may wait here.
    ///
    /// Cancel safe: nothing is awaited once the attempt has succeeded.
    pub(crate) async fn until<R>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&T) -> Would<Ready<R>>,
    ) -> io::Result<R> {
        let mut vain = Vain::default();
        loop {
            coop::consume_budget().await;
            let guard = self.ready(direction).await?;
            if let Some(value) = try_once(guard, attempt(self.get())?) {
                return Ok(value);
            }
            if let Some(pause) = vain.again() {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// As [`until`](Self::until), for one waiting task in each direction. Takes tokio's budget by itself.
    pub(crate) fn poll_until<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut attempt: impl FnMut(&T) -> Would<Ready<R>>,
    ) -> Poll<io::Result<R>> {
        loop {
            let guard = ready!(self.poll_ready(cx, direction))?;
            if let Some(value) = try_once(guard, attempt(self.get())?) {
                return Poll::Ready(Ok(value));
            }
        }
    }
}

/// When to try again at the latest, though nothing is ready.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    pub(crate) const fn is_set(&self) -> bool {
        self.sleep.is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.sleep = None;
    }

    /// Has the moment come? Without one it never does.
    fn poll(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> Poll<()> {
        let Some(at) = at else {
            self.sleep = None;
            return Poll::Pending;
        };
        let at = tokio::time::Instant::from_std(at);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx)
    }
}

/// What an attempt found: how far it came, which directions have no more, when to try again at the latest.
pub(crate) struct Attempt<T> {
    step: Step<T>,
    blocked: Directions,
    look: Option<Instant>,
}

impl Watched<os::Stream> {
    /// Attempts until one is done, waiting between them for what they ask for.
    ///
    /// Cancel safe as far as an attempt is: nothing is awaited once one is done.
    #[inline]
    pub(crate) fn poll_drive<T, E: From<io::Error> + From<PeerFault>>(
        &self,
        cx: &mut Context<'_>,
        (core, timer, first): (&mut os::Connection, &mut Timer, Directions),
        mut attempt: impl FnMut(&mut os::Connection, Directions) -> Result<Step<T>, E>,
    ) -> Poll<Result<T, E>> {
        self.poll_attempts(cx, (first, timer), |ready| {
            // What an attempt that failed has seen is of no account any more.
            core.take_blocked();
            let step = attempt(core, ready)?;
            let Step::Wait(wants) = step else {
                return Ok(Attempt { step, blocked: core.take_blocked(), look: None });
            };
            let look = core.before_wait(self.get())?;
            // A ping may have found no room.
            let step = Step::Wait(if core.waits_to_write() { wants.or(Directions::WRITE) } else { wants });
            Ok(Attempt { step, blocked: core.take_blocked(), look })
        })
    }

    /// As [`poll_drive`](Self::poll_drive), for one direction of a connection that two share.
    pub(crate) fn poll_half<T, E: From<io::Error> + From<PeerFault>>(
        &self,
        cx: &mut Context<'_>,
        (core, timer, half): (&Mutex<os::Connection>, &mut Timer, Directions),
        mut attempt: impl FnMut(&mut os::Connection, Directions) -> Result<Step<T>, E>,
    ) -> Poll<Result<T, E>> {
        self.poll_attempts(cx, (half, timer), |ready| {
            let mut core = core.lock().unwrap_or_else(PoisonError::into_inner);
            core.take_blocked();
            // The other direction's place to wait belongs to the other half.
            let step = match attempt(&mut core, ready)? {
                Step::Wait(wants) => Step::Wait(wants.and(half)),
                other => other,
            };
            let look =
                if half.read && matches!(step, Step::Wait(_)) { core.before_wait(self.get())? } else { None };
            Ok(Attempt { step, blocked: core.take_blocked(), look })
        })
    }

    /// One task in each direction may wait. Only the direction that is tried first is looked at until an attempt wants
    /// the other one too.
    #[inline]
    fn poll_attempts<T, E: From<io::Error>>(
        &self,
        cx: &mut Context<'_>,
        (first, timer): (Directions, &mut Timer),
        mut attempt: impl FnMut(Directions) -> Result<Attempt<T>, E>,
    ) -> Poll<Result<T, E>> {
        let mut watched = first;
        loop {
            // Taken before the attempt, so what arrives after it is not cleared with them. They take tokio's budget.
            let read = if watched.read { guard(self.poll_ready(cx, Direction::Read))? } else { None };
            let write = if watched.write { guard(self.poll_ready(cx, Direction::Write))? } else { None };
            let ready = Directions { read: read.is_some(), write: write.is_some() };
            let Attempt { step, blocked, look } = attempt(ready)?;
            let cleared = clear(read, blocked.read) | clear(write, blocked.write);
            let moment = match step {
                Step::Done(value) => return Poll::Ready(Ok(value)),
                Step::Pause(length) => Instant::now().checked_add(length),
                Step::Wait(wants) => {
                    let more = wants.or(watched);
                    if cleared || more != watched {
                        watched = more;
                        continue;
                    }
                    if wants.and(ready).without(blocked) != Directions::default() {
                        // The attempt has done its share and there is more: others come first.
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    look
                }
            };
            ready!(timer.poll(cx, moment));
        }
    }
}

impl Watched<Waitable> {
    /// Lets an engine turn, and waits if there is nothing to do.
    ///
    /// The engine's own poller tells again what is left undone, but we are told of it once: so readiness is cleared only
    /// after a turn that found nothing, and then the engine turns once more.
    fn poll_turn(
        &self,
        cx: &mut Context<'_>,
        timer: &mut Timer,
        mut turn: impl FnMut(bool) -> io::Result<Turn>,
    ) -> Poll<io::Result<Turn>> {
        loop {
            let ready = guard(self.poll_ready(cx, Direction::Read))?;
            match turn(ready.is_some())? {
                Turn::Idle(until) if !clear(ready, true) => ready!(timer.poll(cx, until)),
                Turn::Idle(_) => {}
                done => return Poll::Ready(Ok(done)),
            }
        }
    }
}

/// Fails with `TimedOut` if it takes longer than this.
pub(crate) async fn in_time<T, E: From<io::Error>>(
    length: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(length, work).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}

/// A direction that is ready.
fn guard<G>(polled: Poll<io::Result<G>>) -> io::Result<Option<G>> {
    match polled {
        Poll::Ready(guard) => guard.map(Some),
        Poll::Pending => Ok(None),
    }
}

/// Clears readiness if the kernel was seen to have no more.
fn clear<T: Watch>(guard: Option<Guard<'_, T>>, blocked: bool) -> bool {
    match guard {
        Some(guard) if blocked => {
            guard.clear();
            true
        }
        _ => false,
    }
}

/// Calls that found nothing although the socket said that it was ready. A socket that the other side has shut down in
/// one way counts as ready for ever in tokio's books; it must not keep a processor busy.
#[derive(Debug)]
struct Vain {
    calls: u32,
    pause: Backoff,
}

impl Vain {
    /// How long to pause, once this has happened more often than chance allows.
    fn again(&mut self) -> Option<Duration> {
        self.calls += 1;
        (self.calls > 8).then(|| self.pause.next(u32::MAX))
    }
}

impl Default for Vain {
    fn default() -> Self {
        Self { calls: 0, pause: Backoff::new(Duration::from_millis(1), Duration::from_millis(50)) }
    }
}

/// The guard was taken before the attempt, so what arrives after it is not cleared with it.
fn try_once<T: Watch, R>(guard: Guard<'_, T>, found: Option<Ready<R>>) -> Option<R> {
    match found {
        Some(Ready { value, drained }) => {
            if drained {
                guard.clear();
            }
            Some(value)
        }
        None => {
            guard.clear();
            None
        }
    }
}

/// Connects a socket of any kind, pausing while the other side's queue is full: poll would not tell when it is
/// not.
///
/// Also says whether we made the socket: an inherited one may have options set by others.
pub(crate) async fn connect(kind: SocketKind, address: impl ToAddress) -> io::Result<(Handle, bool)> {
    let mut connecting = Connecting::new(kind, &address.to_address()?, true)?;
    coop::consume_budget().await;
    while connecting.attempt()?.is_none() {
        tokio::time::sleep(connecting.pause()).await;
    }
    let ours = !connecting.is_inherited();
    Ok((connecting.into_fd(), ours))
}
