use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream as FuturesStream;
use ginnel_os::{
    self as os, AcceptPause, AdoptError, Direction, Knock, ListenerBuilder, Publish, SocketKind,
};
use tokio::time::{Sleep, sleep};

use crate::driver::{Ready, Watched};

/// A kind of socket that is accepted: [`Stream`](crate::Stream) or [`SeqPacket`](crate::SeqPacket).
pub trait Socket: Sized {
    #[doc(hidden)]
    const KIND: SocketKind;
    #[doc(hidden)]
    fn accepted(fd: OwnedFd, ours: bool) -> io::Result<Self>;
}

/// A name that others connect to.
///
/// One live listener owns a name at a time: a second gets `AddrInUse`, a dead one is replaced, and what is no
/// socket is left alone. The lock beside the socket file (`S.lock`) stays for ever. Dropping the listener removes
/// the name, if it is still its own.
///
/// # Example
/// ```
/// use ginnel_tokio::{Listener, Policy, Stream};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let listener = Listener::<Stream>::builder().mode(0o660).allow(Policy::same_user()).listen(&path)?;
/// let again = Stream::listen(&path).unwrap_err();
/// assert_eq!(again.kind(), std::io::ErrorKind::AddrInUse);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[doc(alias = "UnixListener")]
pub struct Listener<S> {
    os: os::Listener,
    /// A duplicate, so that the listener can change its descriptor when it publishes its name anew.
    watched: Watched<OwnedFd>,
    kind: PhantomData<fn() -> S>,
}

impl<S> Listener<S> {
    pub(crate) fn into_os(self) -> os::Listener {
        self.os
    }
}

impl<S: Socket> Listener<S> {
    /// Sets permissions, owner, queue length or a policy before listening.
    pub fn builder() -> ListenerBuilder<Self> {
        ListenerBuilder::new()
    }

    /// Adopts a listening descriptor after checking it. It becomes non-blocking for everyone who holds it, since
    /// `accept` has no flag for that; its name is not removed at the end.
    ///
    /// # Errors
    /// The descriptor comes back if it is no such listening socket, or if it cannot be duplicated or watched.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Self::builder().adopt(fd)
    }

    /// Waits for a connection from somebody who is allowed.
    ///
    /// While the process has no descriptors left it pauses, up to 100 ms at a time, says so with a `tracing`
    /// warning, and goes on when there are some; connections keep waiting meanwhile.
    ///
    /// # Errors
    /// The kernel's, see accept(2).
    ///
    /// # Cancel safety
    /// Cancelled, no connection was taken.
    pub async fn accept(&self) -> io::Result<S> {
        let mut pause = AcceptPause::new();
        loop {
            let retired = if self.os.has_retired() { self.os.accept() } else { Ok(None) };
            let knock = match retired {
                Ok(Some(knock)) => Ok(knock),
                Ok(None) => self.watched.until(Direction::Read, |_| self.take()).await,
                Err(error) => Err(error),
            };
            match knock {
                Ok(Knock::Allowed(fd)) => return S::accepted(fd, !self.os.is_adopted()),
                Ok(Knock::Denied) => {}
                Err(error) => sleep(pause.after(error)?).await,
            }
        }
    }

    fn take(&self) -> os::Would<Ready<Knock>> {
        Ok(self.os.accept()?.map(Ready::some))
    }

    fn poll_knock(&self, cx: &mut Context<'_>) -> Poll<io::Result<Knock>> {
        if self.os.has_retired()
            && let Some(knock) = self.os.accept()?
        {
            return Poll::Ready(Ok(knock));
        }
        self.watched.poll_until(cx, Direction::Read, |_| self.take())
    }

    /// Every connection, one after another, as a `futures` `Stream`. It never ends by itself.
    pub fn incoming(&self) -> Incoming<'_, S> {
        Incoming { listener: self, pause: AcceptPause::new(), sleep: None }
    }

    /// Does the path still name this listener? Somebody may have removed or replaced it.
    ///
    /// # Errors
    /// The kernel's, see stat(2).
    pub fn is_published(&self) -> io::Result<bool> {
        self.os.is_published()
    }

    /// Publishes the name again if somebody removed or replaced it. Connections keep waiting, none is lost.
    ///
    /// # Errors
    /// `AddrInUse`: somebody else listens there by now. `AddrNotAvailable`: the lock file was replaced too, so the
    /// right to the path is lost. The listener goes on with what it has.
    pub fn republish(&mut self) -> io::Result<()> {
        self.os.republish()?;
        // Also when the name was intact: an attempt before may have failed here.
        self.watched = watch(&self.os)?;
        Ok(())
    }
}

fn watch(os: &os::Listener) -> io::Result<Watched<OwnedFd>> {
    Watched::new(os.as_fd().try_clone_to_owned()?)
}

impl<S: Socket> Publish for Listener<S> {
    const KIND: SocketKind = S::KIND;
    const NONBLOCKING: bool = true;

    fn publish(os: os::Listener) -> Result<Self, AdoptError> {
        match watch(&os) {
            Ok(watched) => Ok(Self { os, watched, kind: PhantomData }),
            Err(error) => Err(AdoptError::new(error, os.into_fd())),
        }
    }
}

impl<S> AsFd for Listener<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

/// The connections of a [`Listener`], see [`Listener::incoming`]. Dropping it takes no connection along.
#[derive(Debug)]
pub struct Incoming<'a, S> {
    listener: &'a Listener<S>,
    pause: AcceptPause,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<S: Socket> FuturesStream for Incoming<'_, S> {
    type Item = io::Result<S>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<S>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            let listener = self.listener;
            match ready!(listener.poll_knock(cx)) {
                Ok(Knock::Allowed(fd)) => {
                    self.pause = AcceptPause::new();
                    return Poll::Ready(Some(S::accepted(fd, !listener.os.is_adopted())));
                }
                Ok(Knock::Denied) => {}
                Err(error) => match self.pause.after(error) {
                    Ok(pause) => self.sleep = Some(Box::pin(sleep(pause))),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
            }
        }
    }
}
