use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use ginnel_os::{self as os, Directions, Error, Message, Offer, SendError, Wait};
use tokio::sync::Notify;

use crate::Connection;
use crate::driver::{Timer, Watched};

/// What two halves share. The lock is held for a look, a read or a write that does not wait, never for a wait.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) watched: Watched<os::Stream>,
    core: Mutex<os::Connection>,
    /// A greeting came, or nothing will come any more.
    heard: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, os::Connection> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody will read a greeting any more, so nobody may wait for one.
    fn no_more(&self) {
        self.lock().session().line().ended();
        self.heard.notify_waiters();
    }
}

pub(crate) fn split(connection: Connection) -> (Sender, Receiver) {
    let (watched, core) = connection.into_parts();
    let shared = Arc::new(Shared { watched, core: Mutex::new(core), heard: Notify::new() });
    let receiver = Receiver { shared: Arc::clone(&shared), timer: Timer::default() };
    (Sender { shared, timer: Timer::default() }, receiver)
}

/// The sending half of a [`Connection`]. It does not read: somebody has to receive at the other half, or a peer that
/// sends and does not read waits for ever. Dropping it says goodbye.
#[derive(Debug)]
pub struct Sender {
    pub(crate) shared: Arc<Shared>,
    timer: Timer,
}

impl Sender {
    /// As [`Connection::feed`]. What is larger than 64 KiB, or has more than 16 descriptors, waits until the other half
    /// has received the other side's greeting.
    ///
    /// # Errors
    /// As there, and [`Error::Stopped`] if the other half found the end before a greeting.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = message.into();
        let shared = Arc::clone(&self.shared);
        loop {
            let mut heard = pin!(shared.heard.notified());
            // From here on a greeting is noticed, even one that comes before the wait.
            heard.as_mut().enable();
            let offer = shared.lock().offer(message)?;
            let (back, wait) = match offer {
                Offer::Queued => return Ok(()),
                Offer::Full(back) => (back, false),
                Offer::NotGreeted(back) => (back, true),
            };
            if let Err(error) = self.move_on().await {
                return Err(SendError::returned(error, back));
            }
            if wait {
                heard.await;
            }
            message = back;
        }
    }

    /// Writes what is queued, without taking back what cannot be: another message is in hand.
    async fn move_on(&mut self) -> Result<(), Error> {
        let Self { shared, timer } = self;
        poll_fn(|cx| {
            shared.watched.poll_half(cx, (&shared.core, timer, Directions::WRITE), |core, ready| {
                core.write_half(shared.watched.get(), ready)
            })
        })
        .await
    }

    /// As [`Connection::try_feed`].
    ///
    /// # Errors
    /// As there.
    pub fn try_feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        Ok(self.shared.lock().session().push(message.into())?)
    }

    /// As [`Connection::flush`], without reading.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        let Self { shared, timer } = self;
        poll_fn(|cx| {
            shared.watched.poll_half(cx, (&shared.core, timer, Directions::WRITE), |core, ready| {
                core.flush_half(shared.watched.get(), ready)
            })
        })
        .await
    }

    /// As [`Connection::send`], without reading.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.feed(message).await?;
        self.flush().await
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.lock().leave_half(self.shared.watched.get());
    }
}

/// The receiving half of a [`Connection`].
#[derive(Debug)]
pub struct Receiver {
    pub(crate) shared: Arc<Shared>,
    timer: Timer,
}

impl Receiver {
    /// As [`Connection::recv`]. It writes nothing but pongs and refusals, and does not wait for that.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        let received = poll_fn(|cx| self.poll_recv(cx)).await;
        if !matches!(received, Ok(Some(_))) {
            self.shared.no_more();
        }
        received
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        let Self { shared, timer } = self;
        let stream = shared.watched.get();
        shared.watched.poll_half(cx, (&shared.core, timer, Directions::READ), |core, ready| {
            // Pongs and refusals are tried, and wait for nobody.
            let received = core.recv(stream, Directions { write: true, ..ready }, Wait::Never)?;
            shared.heard.notify_waiters();
            Ok(received)
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.no_more();
    }
}
