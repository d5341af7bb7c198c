//! What is waited for on Unix: descriptors, under the eyes of tokio's reactor.
#![expect(unsafe_code, reason = "tokio wants a promise that a watched descriptor stays the same")]

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll};

use ginnel_os::{self as os, AdoptError, Direction, Would};
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard, AsyncFdRegisterError};

use crate::driver::Ready;

/// What can be waited for.
pub(crate) trait Watch: AsFd {}

impl<T: AsFd> Watch for T {}

/// A socket under the eyes of tokio's reactor.
#[derive(Debug)]
pub(crate) struct Watched<T: AsFd> {
    io: AsyncFd<Registered<T>>,
}

/// tokio wants a raw number.
#[derive(Debug)]
struct Registered<T>(T);

impl<T: AsFd> AsRawFd for Registered<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// A direction that is ready.
#[must_use = "whoever finds nothing clears it"]
pub(crate) struct Guard<'a, T: AsFd>(AsyncFdReadyGuard<'a, Registered<T>>);

impl<T: AsFd> Guard<'_, T> {
    /// The kernel was seen to have no more. What has come since the guard was taken is not forgotten.
    pub(crate) fn clear(mut self) {
        self.0.clear_ready();
    }
}

impl<T: AsFd> Watched<T> {
    pub(crate) fn new(socket: T) -> io::Result<Self> {
        Ok(Self { io: register(socket, Interest::READABLE | Interest::WRITABLE)? })
    }

    /// As [`new`](Self::new), for what is never written to: a kqueue(2) refuses to be asked.
    pub(crate) fn reading(poller: T) -> io::Result<Self> {
        Ok(Self { io: register(poller, Interest::READABLE)? })
    }

    /// As [`new`](Self::new), giving the descriptor back if the reactor cannot watch it.
    pub(crate) fn adopt(socket: T) -> Result<Self, AdoptError>
    where
        T: Into<OwnedFd>,
    {
        match register(socket, Interest::READABLE | Interest::WRITABLE) {
            Ok(io) => Ok(Self { io }),
            Err(refused) => {
                let (socket, error) = refused.into_parts();
                Err(AdoptError::new(error, socket.0.into()))
            }
        }
    }

    pub(crate) fn get(&self) -> &T {
        &self.io.get_ref().0
    }

    pub(crate) fn into_inner(self) -> T {
        self.io.into_inner().0
    }

    /// Waits until the socket says that it is ready. Any number of tasks may wait here.
    pub(crate) async fn ready(&self, direction: Direction) -> io::Result<Guard<'_, T>> {
        Ok(Guard(match direction {
            Direction::Read => self.io.readable().await?,
            Direction::Write => self.io.writable().await?,
        }))
    }

    /// As [`ready`](Self::ready), for one waiting task in each direction. Takes tokio's budget by itself.
    #[inline]
    pub(crate) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<Guard<'_, T>>> {
        let polled = match direction {
            Direction::Read => self.io.poll_read_ready(cx),
            Direction::Write => self.io.poll_write_ready(cx),
        };
        polled.map_ok(Guard)
    }
}

impl Watched<os::Stream> {
    /// The kernel has what was written.
    #[expect(clippy::unused_self, reason = "on Windows it is asked")]
    pub(crate) fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the writing direction.
    pub(crate) fn poll_finish(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get().shutdown(Shutdown::Write))
    }
}

fn register<T: AsFd>(
    socket: T,
    interest: Interest,
) -> Result<AsyncFd<Registered<T>>, AsyncFdRegisterError<Registered<T>>> {
    // SAFETY: what is watched in this crate is an `OwnedFd`, an `Arc` of one, or a socket of `ginnel-os` around one,
    // which all lend the same descriptor for as long as they live, and `Watched` never gives out `&mut`.
    unsafe { AsyncFd::register_with_interest(Registered(socket), interest) }
}

impl<T: AsFd> AsFd for Watched<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get().as_fd()
    }
}

/// A listener under the eyes of tokio's reactor.
#[derive(Debug)]
pub(crate) struct Door {
    os: os::Listener,
    /// A duplicate, so that the listener can change its descriptor when it publishes its name anew.
    watched: Watched<OwnedFd>,
}

impl Door {
    /// Gives the descriptor back if it cannot be duplicated or watched.
    pub(crate) fn new(os: os::Listener) -> Result<Self, AdoptError> {
        match watch(&os) {
            Ok(watched) => Ok(Self { os, watched }),
            Err(error) => Err(AdoptError::new(error, os.into_fd())),
        }
    }

    pub(crate) const fn get(&self) -> &os::Listener {
        &self.os
    }

    pub(crate) fn into_inner(self) -> os::Listener {
        self.os
    }

    pub(crate) fn republish(&mut self) -> io::Result<()> {
        self.os.republish()?;
        // Also when the name was intact: an attempt before may have failed here.
        self.watched = watch(&self.os)?;
        Ok(())
    }

    /// As [`Watched::until`].
    pub(crate) async fn until<R>(
        &self,
        mut attempt: impl FnMut(&os::Listener) -> Would<Ready<R>>,
    ) -> io::Result<R> {
        self.watched.until(Direction::Read, |_| attempt(&self.os)).await
    }

    /// As [`Watched::poll_until`].
    pub(crate) fn poll_until<R>(
        &self,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&os::Listener) -> Would<Ready<R>>,
    ) -> Poll<io::Result<R>> {
        self.watched.poll_until(cx, Direction::Read, |_| attempt(&self.os))
    }
}

fn watch(os: &os::Listener) -> io::Result<Watched<OwnedFd>> {
    Watched::new(os.as_fd().try_clone_to_owned()?)
}
