use std::time::Duration;

use ginnel_os::driven::{Awaited, Driven};
use ginnel_os::{self as os, ConnId, Error, Message, PeerMachine, PeerOptions, Role};
use ginnel_proto::ToAddress;

use crate::driver::{Turning, in_time, sit_until};
use crate::{Handle, Hub};

/// Whoever listens, also while that changes: what is sent there waits for the next one.
pub const LISTENER: ConnId = ConnId::LISTENER;

/// One of many processes that share a path without a leader: whoever comes first listens, all others connect to it, and
/// when it is gone one of them takes its place.
///
/// At every moment at most one of them listens, however and whenever processes are killed: see `docs/semantics.md` for
/// what that rests on. Connectors talk with the listener alone, and the listener with all of them; nothing is passed on.
/// What is sent to [`LISTENER`] waits while nobody listens, in a bounded queue, and goes to the next; what is sent to one
/// neighbour comes back with an error once that one is gone.
///
/// It moves while something is called on it: whoever does nothing else waits in [`next`](Hub::next). With
/// [`shared`](Hub::shared) many tasks take part in one peer. Its path must lie in a directory in which no other user can
/// replace files, on a file system of this machine.
///
/// # Example
/// ```
/// use ginnel_tokio::{LISTENER, Peer, PeerEvent, PeerOptions, Role};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let mut first = Peer::join_with(&path, &PeerOptions::new().name("first")?).await?;
/// assert_eq!(first.role(), Role::Listener);
///
/// let second = tokio::spawn(async move {
///     let mut second = Peer::join(&path).await?;
///     second.send(LISTENER, "hello").await?;
///     while second.role() != Role::Listener {
///         second.next().await?;
///     }
///     Ok::<_, ginnel_tokio::Error>(())
/// });
/// loop {
///     if let PeerEvent::Message(from, message) = first.next().await? {
///         assert_eq!(message.body, "hello");
///         assert!(first.is_connected(from));
///         break;
///     }
/// }
/// drop(first);
/// second.await.expect("no panic")?;
/// # Ok(())
/// # }
/// ```
pub type Peer = Hub<PeerMachine>;

impl Peer {
    /// Takes part at `address`, with the defaults of [`PeerOptions`]: waits until it listens, or has exchanged greetings
    /// with whoever does.
    ///
    /// # Errors
    /// At once, and nothing was changed: the directory is missing (`NotFound`), or others can replace files in it
    /// ([`SocketError::OpenDirectory`](crate::SocketError::OpenDirectory)), or it may be shared with other machines
    /// ([`RemoteFileSystem`](crate::SocketError::RemoteFileSystem)); what stands at the path is no socket
    /// ([`NotASocketFile`](crate::SocketError::NotASocketFile)), or one of another type (`EPROTOTYPE`); the lock file
    /// beside it belongs to another user ([`ForeignLock`](crate::SocketError::ForeignLock)), or is no regular file
    /// ([`NotALockFile`](crate::SocketError::NotALockFile)); the address is no path
    /// ([`NotAPath`](crate::SocketError::NotAPath)), or the wire is not the native one
    /// ([`NotAPeerWire`](crate::SocketError::NotAPeerWire)). After a while, and nothing but a lock file was made: somebody
    /// listens there who is no peer ([`AddressInUse`](crate::SocketError::AddressInUse), or a
    /// [`PeerFault`](crate::PeerFault)). Else the kernel's.
    ///
    /// # Cancel safety
    /// Cancelled, it takes no part.
    pub async fn join(address: impl ToAddress) -> Result<Self, Error> {
        Self::join_with(address, &PeerOptions::new()).await
    }

    /// As [`join`](Self::join), behaving as told.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, it takes no part.
    pub async fn join_with(address: impl ToAddress, options: &PeerOptions) -> Result<Self, Error> {
        let mut turning = Turning::new(os::Peer::join(&address.to_address()?, options)?)?;
        turning.until(os::Peer::joined).await?;
        Ok(Self { turning })
    }

    /// Receives the next message, and says from whom. Requests that come meanwhile are refused, and nobody is told who
    /// comes and goes; whoever wants to know uses [`next`](Hub::next).
    ///
    /// # Errors
    /// As [`next`](Hub::next).
    ///
    /// # Cancel safety
    /// Cancelled, no message was taken.
    pub async fn recv(&mut self) -> Result<(ConnId, Message), Error> {
        self.turning.until(|os| Ok(os.received())).await
    }

    /// Who it is among its like. A change is told by [`next`](Hub::next) too.
    pub fn role(&self) -> Role {
        self.turning.driven.role()
    }

    /// As a connector: whoever listens. An answer to *this* listener goes there; what is for whoever listens goes to
    /// [`LISTENER`].
    pub fn listener(&self) -> Option<ConnId> {
        self.turning.driven.listener()
    }

    /// As the listener: who takes over when this one is gone, without a moment in which nobody can connect.
    pub fn standby(&self) -> Option<ConnId> {
        self.turning.driven.standby()
    }

    /// The so-manieth socket at the path, as far as is known here. It rises as long as the lock file stays.
    pub fn epoch(&self) -> u64 {
        self.turning.driven.epoch()
    }

    /// Takes part no more. A listener leaves the path to its standby, or removes it. Takes leave of each neighbour once
    /// everything that was queued for it is sent, and waits until all have ended too, for `drain` at most.
    ///
    /// # Errors
    /// `TimedOut` if it took longer. It is over all the same.
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, it takes part no more, and its connections are closed as they are.
    pub async fn dispose(mut self, drain: Duration) -> Result<(), Error> {
        self.turning.driven.set_drain(drain);
        self.turning.driven.leave_path();
        let closed = in_time(drain, self.turning.until(|os| Ok(os.wind_down()))).await;
        self.turning.driven.stop();
        self.turning.driven.flush();
        closed
    }
}

/// One of many handles of a [`Peer`]. Each thing that happens is told to one of those who ask for the
/// [`next`](Handle::next).
///
/// # Example
/// ```
/// use ginnel_tokio::{LISTENER, Peer};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let (first, driver) = Peer::join(&path).await?.shared();
/// tokio::spawn(driver);
/// let asker = tokio::spawn(async move {
///     let mut second = Peer::join(&path).await.expect("somebody listens");
///     second.call(LISTENER, "who are you?").await
/// });
/// loop {
///     if let ginnel_tokio::PeerEvent::Request(request) = first.next().await? {
///         first.reply(request, "the listener");
///         break;
///     }
/// }
/// assert_eq!(asker.await.expect("no panic")?.body, "the listener");
/// # Ok(())
/// # }
/// ```
pub type PeerHandle = Handle<PeerMachine>;

impl PeerHandle {
    /// As [`Peer::recv`]. Of many who receive, each message goes to one.
    ///
    /// # Errors
    /// As [`next`](Handle::next).
    ///
    /// # Cancel safety
    /// Cancelled, no message was taken.
    pub async fn recv(&self) -> Result<(ConnId, Message), Error> {
        self.arrive(os::Peer::received).await
    }

    /// As [`Peer::role`].
    pub fn role(&self) -> Role {
        self.shared.with(|os| os.role())
    }

    /// As [`Peer::listener`].
    pub fn listener(&self) -> Option<ConnId> {
        self.shared.with(|os| os.listener())
    }

    /// As [`Peer::standby`].
    pub fn standby(&self) -> Option<ConnId> {
        self.shared.with(|os| os.standby())
    }

    /// As [`Peer::epoch`].
    pub fn epoch(&self) -> u64 {
        self.shared.with(|os| os.epoch())
    }

    /// As [`Peer::dispose`], for all handles.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, it takes part no more, and its connections stay until the last handle is dropped.
    pub async fn dispose(&self, drain: Duration) -> Result<(), Error> {
        self.shared.with(|os| {
            os.set_drain(drain);
            os.leave_path();
        });
        let quiet = self.seat(Awaited::Quiet);
        let closed = in_time(drain, sit_until(quiet, |os| Ok::<_, Error>(os.wind_down()))).await;
        self.shared.with(os::Peer::stop);
        closed
    }
}
