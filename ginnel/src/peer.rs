use std::time::{Duration, Instant};

use ginnel_os::driven::{Awaited, Driven};
use ginnel_os::{self as os, ConnId, Error, Message, PeerMachine, PeerOptions, Role};
use ginnel_proto::ToAddress;

use crate::driver::{sit_until, turn_until};
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
/// [`shared`](Hub::shared) many threads take part in one peer. Its path must lie in a directory in which no other user can
/// replace files, on a file system of this machine.
///
/// # Example
/// ```
/// use ginnel::{LISTENER, Peer, PeerEvent, PeerOptions, Role};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let mut first = Peer::join_with(&path, &PeerOptions::new().name("first")?)?;
/// assert_eq!(first.role(), Role::Listener);
///
/// let second = std::thread::spawn(move || {
///     let mut second = Peer::join(&path)?;
///     second.send(LISTENER, "hello")?;
///     while second.role() != Role::Listener {
///         second.next()?;
///     }
///     Ok::<_, ginnel::Error>(())
/// });
/// loop {
///     if let PeerEvent::Message(from, message) = first.next()? {
///         assert_eq!(message.body, "hello");
///         assert!(first.is_connected(from));
///         break;
///     }
/// }
/// drop(first);
/// second.join().expect("no panic")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
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
    pub fn join(address: impl ToAddress) -> Result<Self, Error> {
        Self::join_with(address, &PeerOptions::new())
    }

    /// As [`join`](Self::join), behaving as told.
    ///
    /// # Errors
    /// As there.
    pub fn join_with(address: impl ToAddress, options: &PeerOptions) -> Result<Self, Error> {
        Self::join_by(address, options, None)
    }

    /// As [`join_with`](Self::join_with), until this moment. It may take long only if whoever listens is stopped, or so
    /// busy that it greets nobody.
    ///
    /// # Errors
    /// `TimedOut`; else as there.
    pub fn join_deadline(
        address: impl ToAddress,
        options: &PeerOptions,
        deadline: Instant,
    ) -> Result<Self, Error> {
        Self::join_by(address, options, Some(deadline))
    }

    fn join_by(
        address: impl ToAddress,
        options: &PeerOptions,
        deadline: Option<Instant>,
    ) -> Result<Self, Error> {
        let mut os = os::Peer::join(&address.to_address()?, options)?;
        turn_until(&mut os, deadline, os::Peer::joined)?;
        Ok(Self { os, deadline: None })
    }

    /// Receives the next message, and says from whom. Requests that come meanwhile are refused, and nobody is told who
    /// comes and goes; whoever wants to know uses [`next`](Hub::next).
    ///
    /// # Errors
    /// As [`next`](Hub::next).
    pub fn recv(&mut self) -> Result<(ConnId, Message), Error> {
        turn_until(&mut self.os, self.deadline, |os| Ok(os.received()))
    }

    /// Who it is among its like. A change is told by [`next`](Hub::next) too.
    pub fn role(&self) -> Role {
        self.os.role()
    }

    /// As a connector: whoever listens. An answer to *this* listener goes there; what is for whoever listens goes to
    /// [`LISTENER`].
    pub fn listener(&self) -> Option<ConnId> {
        self.os.listener()
    }

    /// As the listener: who takes over when this one is gone, without a moment in which nobody can connect.
    pub fn standby(&self) -> Option<ConnId> {
        self.os.standby()
    }

    /// The so-manieth socket at the path, as far as is known here. It rises as long as the lock file stays.
    pub fn epoch(&self) -> u64 {
        self.os.epoch()
    }

    /// Takes part no more. A listener leaves the path to its standby, or removes it. Takes leave of each neighbour once
    /// everything that was queued for it is sent, and waits until all have ended too, for `drain` at most.
    ///
    /// # Errors
    /// `TimedOut` if it took longer. It is over all the same.
    pub fn dispose(mut self, drain: Duration) -> Result<(), Error> {
        let drained = Instant::now().checked_add(drain);
        let deadline = [drained, self.deadline].into_iter().flatten().min();
        self.os.set_drain(drain);
        self.os.leave_path();
        let closed = turn_until(&mut self.os, deadline, |os| Ok(os.wind_down()));
        self.os.stop();
        self.os.flush();
        closed
    }
}

/// One of many handles of a [`Peer`]. Each thing that happens is told to one of those who ask for the
/// [`next`](Handle::next).
///
/// # Example
/// ```
/// use ginnel::{LISTENER, Peer};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let (first, driver) = Peer::join(&path)?.shared();
/// std::thread::spawn(|| driver.run());
/// let asker = std::thread::spawn(move || {
///     let mut second = Peer::join(&path).expect("somebody listens");
///     second.call(LISTENER, "who are you?")
/// });
/// loop {
///     if let ginnel::PeerEvent::Request(request) = first.next()? {
///         first.reply(request, "the listener");
///         break;
///     }
/// }
/// assert_eq!(asker.join().expect("no panic")?.body, "the listener");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type PeerHandle = Handle<PeerMachine>;

impl PeerHandle {
    /// As [`Peer::recv`]. Of many who receive, each message goes to one.
    ///
    /// # Errors
    /// As [`next`](Handle::next).
    pub fn recv(&self) -> Result<(ConnId, Message), Error> {
        self.arrive(os::Peer::received)
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
    pub fn dispose(&self, drain: Duration) -> Result<(), Error> {
        let drained = Instant::now().checked_add(drain);
        let deadline = [drained, self.deadline].into_iter().flatten().min();
        self.shared.with(|os| {
            os.set_drain(drain);
            os.leave_path();
        });
        let closed = sit_until(self.seat(Awaited::Quiet), deadline, |os| Ok(os.wind_down()));
        self.shared.with(os::Peer::stop);
        closed
    }
}
