//! Engines: one that is driven by whatever is awaited on it, and one that a driver drives for many.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ginnel_os::driven::Driven;
use ginnel_os::shared::{Seat, Shared, Turn};
use ginnel_os::{Reason, Waitable};
use tokio::task::coop;

use super::{Timer, Watched};
use crate::Driver;

/// An engine that is waited for.
#[derive(Debug)]
pub(crate) struct Turning<D> {
    // Before the engine: it leaves the reactor while its descriptor is open.
    watched: Watched<Waitable>,
    timer: Timer,
    pub(crate) driven: D,
}

impl<D: Driven> Turning<D> {
    pub(crate) fn new(driven: D) -> io::Result<Self> {
        Ok(Self { watched: Watched::reading(driven.descriptor())?, timer: Timer::default(), driven })
    }

    /// Looks until it is there, and turns in between.
    ///
    /// Cancel safe as far as a look is: nothing is awaited once one has succeeded.
    pub(crate) async fn until<T, E: From<io::Error>>(
        &mut self,
        mut look: impl FnMut(&mut D) -> Result<Option<T>, E>,
    ) -> Result<T, E> {
        coop::consume_budget().await;
        poll_fn(|cx| self.poll_until(cx, &mut look)).await
    }

    /// As [`until`](Self::until).
    pub(crate) fn poll_until<T, E: From<io::Error>>(
        &mut self,
        cx: &mut Context<'_>,
        mut look: impl FnMut(&mut D) -> Result<Option<T>, E>,
    ) -> Poll<Result<T, E>> {
        for _ in 0..TURNS {
            if let Some(found) = look(&mut self.driven)? {
                return Poll::Ready(Ok(found));
            }
            ready!(self.poll_turn(cx))?;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what was queued and turns, or waits until it is time to.
    pub(crate) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { watched, timer, driven } = self;
        if driven.flush() {
            return Poll::Ready(Ok(()));
        }
        let turned = watched.poll_turn(cx, timer, |look| {
            let active = driven.turn(look)?;
            Ok(if active { Turn::Active } else { Turn::Idle(driven.deadline()) })
        });
        turned.map_ok(|_| ())
    }

    /// Shares it. There is one handle.
    pub(crate) fn shared(self) -> (Arc<Shared<D>>, Driver)
    where
        D: Send + 'static,
    {
        let Self { watched, driven, .. } = self;
        let shared = Shared::new(driven);
        (Arc::clone(&shared), Driver::of(watched, shared))
    }
}

/// Turns for as long as anybody could ask for something.
pub(crate) async fn run<D: Driven>(watched: &Watched<Waitable>, shared: &Shared<D>) -> io::Result<()> {
    let mut timer = Timer::default();
    poll_fn(|cx| {
        for _ in 0..TURNS {
            let driver = cx.waker().clone();
            let turn = watched.poll_turn(cx, &mut timer, |look| shared.turn(look, &driver));
            if ready!(turn)? == Turn::Over {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Looks until it is there; somebody else drives.
///
/// Cancel safe as far as a look is: nothing is awaited once one has succeeded.
pub(crate) async fn sit_until<D: Driven, T, E: From<Reason>>(
    mut seat: Seat<'_, D>,
    mut look: impl FnMut(&mut D) -> Result<Option<T>, E>,
) -> Result<T, E> {
    coop::consume_budget().await;
    poll_fn(|cx| seat.poll(cx, &mut look)).await
}

/// Turns before other tasks have theirs.
const TURNS: usize = 16;
