use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ginnel_os::Waitable;
use ginnel_os::driven::Driven;
use ginnel_os::shared::Shared;

use crate::driver::{self, Watched};

/// What moves something that many use: a future that the caller spawns. Nothing moves unless it is polled; dropped,
/// every call on a handle fails with [`Reason::NotDriven`](crate::Reason::NotDriven).
///
/// It is done when the last handle is dropped and whoever was connected has been taken leave of; or with the poller's
/// error, and then every call on a handle fails.
///
/// # Panics
/// Polled without a runtime that has time enabled, since it has deadlines to watch.
#[must_use = "nothing moves unless it is polled"]
pub struct Driver {
    running: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
}

impl Driver {
    pub(crate) fn of<D: Driven + Send + 'static>(watched: Watched<Waitable>, shared: Arc<Shared<D>>) -> Self {
        let ends = Ends { shared };
        Self { running: Box::pin(async move { driver::run(&watched, &ends.shared).await }) }
    }
}

impl Future for Driver {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.running.as_mut().poll(cx)
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// Whoever waits learns that nobody drives any more.
struct Ends<D: Driven> {
    shared: Arc<Shared<D>>,
}

impl<D: Driven> Drop for Ends<D> {
    fn drop(&mut self) {
        self.shared.end();
    }
}
