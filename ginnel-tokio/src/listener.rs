use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream as FuturesStream;
use ginnel_os::sys::Handle;
use ginnel_os::{self as os, AcceptPause, AdoptError, Knock, ListenerBuilder, Publish, SocketKind};
use tokio::time::{Sleep, sleep};

use crate::driver::{Door, Ready};

/// A kind of socket that is accepted: [`Stream`](crate::Stream) or [`SeqPacket`](crate::SeqPacket).
pub trait Socket: Sized {
    #[doc(hidden)]
    const KIND: SocketKind;
    #[doc(hidden)]
    fn accepted(fd: Handle, ours: bool) -> io::Result<Self>;
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
    pub(crate) door: Door,
    kind: PhantomData<fn() -> S>,
}

impl<S> Listener<S> {
    pub(crate) fn into_os(self) -> os::Listener {
        self.door.into_inner()
    }
}

impl<S: Socket> Listener<S> {
    /// Sets permissions, owner, queue length or a policy before listening.
    pub fn builder() -> ListenerBuilder<Self> {
        ListenerBuilder::new()
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
            let os = self.door.get();
            let retired = if os.has_retired() { os.accept() } else { Ok(None) };
            let knock = match retired {
                Ok(Some(knock)) => Ok(knock),
                Ok(None) => self.door.until(take).await,
                Err(error) => Err(error),
            };
            match knock {
                Ok(Knock::Allowed(fd)) => return S::accepted(fd, !os.is_adopted()),
                Ok(Knock::Denied) => {}
                Err(error) => sleep(pause.after(error)?).await,
            }
        }
    }

    fn poll_knock(&self, cx: &mut Context<'_>) -> Poll<io::Result<Knock>> {
        let os = self.door.get();
        if os.has_retired()
            && let Some(knock) = os.accept()?
        {
            return Poll::Ready(Ok(knock));
        }
        self.door.poll_until(cx, take)
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
        self.door.get().is_published()
    }

    /// Publishes the name again if somebody removed or replaced it. Connections keep waiting, none is lost.
    ///
    /// # Errors
    /// `AddrInUse`: somebody else listens there by now. `AddrNotAvailable`: the lock file was replaced too, so the
    /// right to the path is lost. The listener goes on with what it has.
    pub fn republish(&mut self) -> io::Result<()> {
        self.door.republish()
    }
}

fn take(os: &os::Listener) -> os::Would<Ready<Knock>> {
    Ok(os.accept()?.map(Ready::some))
}

impl<S: Socket> Publish for Listener<S> {
    const KIND: SocketKind = S::KIND;
    const NONBLOCKING: bool = true;

    fn publish(os: os::Listener) -> Result<Self, AdoptError> {
        Ok(Self { door: Door::new(os)?, kind: PhantomData })
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
                    return Poll::Ready(Some(S::accepted(fd, !listener.door.get().is_adopted())));
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
