use std::io;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use ginnel_os::{
    self as os, AcceptPause, AdoptError, Direction, Knock, ListenerBuilder, Publish, SocketKind,
};

use crate::driver::Waits;

/// A kind of socket that is accepted: [`Stream`](crate::Stream) or [`SeqPacket`](crate::SeqPacket).
pub trait Socket: Sized {
    #[doc(hidden)]
    const KIND: SocketKind;
    #[doc(hidden)]
    fn accepted(fd: os::Handle, ours: bool) -> Self;
}

/// A name that others connect to.
///
/// One live listener owns a name at a time: a second gets `AddrInUse`, a dead one is replaced, and what is no
/// socket is left alone. The lock beside the socket file (`S.lock`) stays for ever. Dropping the listener removes
/// the name, if it is still its own.
///
/// # Example
/// ```
/// use ginnel::{Listener, Policy, Stream};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let listener = Listener::<Stream>::builder().mode(0o660).allow(Policy::same_user()).listen(&path)?;
/// let again = Stream::listen(&path).unwrap_err();
/// assert_eq!(again.kind(), std::io::ErrorKind::AddrInUse);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "UnixListener")]
pub struct Listener<S> {
    pub(crate) os: os::Listener,
    pub(crate) waits: Waits,
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

    /// Waits for a connection from somebody who is allowed.
    ///
    /// While the process has no descriptors left it pauses, up to 100 ms at a time, says so with a `tracing`
    /// warning, and goes on when there are some; connections keep waiting meanwhile.
    ///
    /// # Errors
    /// `TimedOut`: the deadline passed. Else the kernel's, see accept(2).
    pub fn accept(&self) -> io::Result<S> {
        let mut pause = AcceptPause::new();
        loop {
            match self.waits.until(self.os.borrowed(), Direction::Read, |_| self.os.accept()) {
                Ok(Knock::Allowed(fd)) => return Ok(S::accepted(fd, !self.os.is_adopted())),
                Ok(Knock::Denied) => self.waits.pause(Duration::ZERO)?,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(error),
                Err(error) => self.waits.pause(pause.after(error)?)?,
            }
        }
    }

    /// Every connection, one after another. It never ends by itself.
    pub fn incoming(&self) -> Incoming<'_, S> {
        Incoming { listener: self }
    }

    /// Lets `accept` fail with `TimedOut` once this moment has come; `None`: wait for ever.
    ///
    /// # Errors
    /// The kernel's, see setsockopt(2).
    pub fn set_deadline(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        self.waits.set_deadline(self.os.borrowed(), &[Direction::Read], deadline)
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
        self.os.republish().map(|_| ())
    }
}

impl<S: Socket> Publish for Listener<S> {
    const KIND: SocketKind = S::KIND;
    const NONBLOCKING: bool = false;

    fn publish(os: os::Listener) -> Result<Self, AdoptError> {
        let waits = if os.is_adopted() { Waits::BY_POLL } else { Waits::IN_CALL };
        Ok(Self { os, waits, kind: PhantomData })
    }
}

impl<'a, S: Socket> IntoIterator for &'a Listener<S> {
    type Item = io::Result<S>;
    type IntoIter = Incoming<'a, S>;

    fn into_iter(self) -> Incoming<'a, S> {
        self.incoming()
    }
}

/// The connections of a [`Listener`], see [`Listener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a, S> {
    listener: &'a Listener<S>,
}

impl<S: Socket> Iterator for Incoming<'_, S> {
    type Item = io::Result<S>;

    fn next(&mut self) -> Option<io::Result<S>> {
        Some(self.listener.accept())
    }
}
