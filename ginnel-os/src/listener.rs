use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ginnel_proto::{Address, Backoff, limits};

use crate::credentials::Policy;
use crate::name::{self, Ownership, Published};
use crate::socket::{self, AdoptError};
use crate::sys::{self, Handle, Kernel, Names, SocketKind, Sockets, Would, codes};

/// How a listener is published.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListenerOptions {
    /// Permission bits of the socket file: who may connect. 0600 unless told otherwise.
    #[cfg(unix)]
    pub mode: u32,
    /// User and group id to give the socket file to.
    #[cfg(unix)]
    pub owner: (Option<u32>, Option<u32>),
    /// Connections that may wait, cut by the kernel to `net.core.somaxconn`. 4,096 unless told otherwise.
    pub backlog: u32,
    /// Who may connect beside what the permissions say; needed for an abstract name.
    pub allow: Option<Policy>,
    /// Make accepted connections and the listener non-blocking.
    pub nonblocking: bool,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            #[cfg(unix)]
            mode: limits::SOCKET_MODE,
            #[cfg(unix)]
            owner: (None, None),
            backlog: limits::BACKLOG,
            allow: None,
            nonblocking: false,
        }
    }
}

/// A name that others connect to. Never waits by itself.
///
/// Dropping it removes the name, if it is still its own.
#[derive(Debug)]
pub struct Listener<S: Sockets + Names = Kernel> {
    sys: S,
    // Before `fd`: the name goes first, so that nobody connects to a socket that is closing.
    name: Option<Ownership<S>>,
    fd: S::Fd,
    options: ListenerOptions,
    adopted: bool,
    /// Sockets that were replaced when the name was published anew, until the last who waits there is served.
    retired: Mutex<Vec<S::Fd>>,
}

impl Listener {
    /// Publishes a listening socket at `address`, or duplicates an inherited one (`fd:N`).
    ///
    /// # Errors
    /// [`SocketError::AddressInUse`], [`SocketError::NotASocketFile`], [`SocketError::AbstractWithoutPolicy`];
    /// for `fd:N` [`SocketError::WrongSocket`] and [`SocketError::WrongRole`]; for a portable name
    /// [`SocketError::UnsafeDirectory`]; or the kernel's. Nothing is changed then.
    ///
    /// [`SocketError::AbstractWithoutPolicy`]: crate::SocketError::AbstractWithoutPolicy
    /// [`SocketError::AddressInUse`]: crate::SocketError::AddressInUse
    /// [`SocketError::NotASocketFile`]: crate::SocketError::NotASocketFile
    /// [`SocketError::UnsafeDirectory`]: crate::SocketError::UnsafeDirectory
    /// [`SocketError::WrongRole`]: crate::SocketError::WrongRole
    /// [`SocketError::WrongSocket`]: crate::SocketError::WrongSocket
    pub fn open(kind: SocketKind, address: &Address, options: ListenerOptions) -> io::Result<Self> {
        Self::open_on(Kernel, kind, address, options)
    }
}

impl<S: Sockets + Names> Listener<S> {
    /// As [`open`](Listener::open), on this kernel.
    ///
    /// # Errors
    /// As there.
    pub fn open_on(
        sys: S,
        kind: SocketKind,
        address: &Address,
        options: ListenerOptions,
    ) -> io::Result<Self> {
        match name::publish(&sys, kind, address, &options)? {
            Published::Owned(fd, name) => Ok(Self::new(sys, fd, Some(name), options)),
            #[cfg(unix)]
            Published::Unowned(fd) => Ok(Self::new(sys, fd, None, options)),
            #[cfg(unix)]
            Published::Inherited(fd) => Ok(Self::adopt_on(sys, kind, fd, options)?),
        }
    }

    /// As [`adopt`](Listener::adopt), on this kernel.
    ///
    /// # Errors
    /// As there.
    pub fn adopt_on(
        sys: S,
        kind: SocketKind,
        fd: S::Fd,
        options: ListenerOptions,
    ) -> Result<Self, AdoptError<S::Fd>> {
        let fd = socket::adopt(&sys, fd, kind, true)?;
        match sys.set_nonblocking(sys.borrow(&fd)) {
            Ok(()) => Ok(Self { adopted: true, ..Self::new(sys, fd, None, options) }),
            Err(error) => Err(AdoptError { error, fd }),
        }
    }

    /// A socket that somebody else has published.
    pub(crate) fn of(sys: S, fd: S::Fd, options: ListenerOptions) -> Self {
        Self::new(sys, fd, None, options)
    }

    fn new(sys: S, fd: S::Fd, name: Option<Ownership<S>>, options: ListenerOptions) -> Self {
        Self { sys, name, fd, options, adopted: false, retired: Mutex::default() }
    }

    /// The kernel that it lives on.
    pub(crate) const fn sys(&self) -> &S {
        &self.sys
    }

    /// The descriptor, on loan.
    pub fn borrowed(&self) -> S::Borrowed<'_> {
        self.sys.borrow(&self.fd)
    }

    /// Was the descriptor adopted or inherited, so that others may hold it too?
    pub fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Gives the descriptor away. A name that it owns is removed.
    pub fn into_fd(self) -> S::Fd {
        drop(self.name);
        self.fd
    }

    /// Closes it and leaves the socket file, as a process does that dies: nobody answers there, and whoever listens next
    /// replaces it. For those who remove it themselves.
    pub fn close_and_leave_name(self) {
        // Before the lock: whoever has that shall find nobody here.
        drop(self.fd);
        if let Some(name) = self.name {
            name.forsake();
        }
    }

    /// Takes one waiting connection, of a replaced socket first.
    ///
    /// # Errors
    /// The kernel's; [`AcceptPause`] tells which of them pass.
    pub fn accept(&self) -> Would<Knock<S::Fd>> {
        if let Some(fd) = self.accept_retired()? {
            return self.judge(fd).map(Some);
        }
        match self.sys.accept(self.borrowed(), self.options.nonblocking)? {
            Some(fd) => self.judge(fd).map(Some),
            None => Ok(None),
        }
    }

    /// Are there replaced sockets, whose readiness this descriptor does not tell?
    pub fn has_retired(&self) -> bool {
        !self.lock_retired().is_empty()
    }

    fn lock_retired(&self) -> MutexGuard<'_, Vec<S::Fd>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept_retired(&self) -> Would<S::Fd> {
        let mut retired = self.lock_retired();
        while let Some(oldest) = retired.first() {
            if let Some(fd) = self.sys.accept(self.sys.borrow(oldest), self.options.nonblocking)? {
                return Ok(Some(fd));
            }
            retired.remove(0);
        }
        Ok(None)
    }

    /// Whoever cannot be judged is refused too: one odd peer must not end the accepting of others.
    fn judge(&self, fd: S::Fd) -> io::Result<Knock<S::Fd>> {
        let peer = self.sys.borrow(&fd);
        let allowed = |policy: &Policy| policy.allows_peer(&self.sys, peer).unwrap_or(false);
        if self.options.allow.as_ref().is_none_or(allowed) {
            return Ok(Knock::Allowed(fd));
        }
        tracing::info!("closed a connection that the policy does not allow");
        Ok(Knock::Denied)
    }

    /// Does the path still name this listener? A listener without a path of its own always does.
    ///
    /// # Errors
    /// The kernel's, see fstatat(2).
    pub fn is_published(&self) -> io::Result<bool> {
        self.name.as_ref().map_or(Ok(true), Ownership::is_published)
    }

    /// Publishes the name again if somebody removed or replaced it. Connections that wait already are kept.
    /// `true`: the descriptor is a new one now.
    ///
    /// # Errors
    /// [`SocketError::AddressInUse`] if somebody else listens there by now, [`SocketError::LockLost`] if the lock
    /// file was replaced too; the listener keeps what it has.
    ///
    /// [`SocketError::AddressInUse`]: crate::SocketError::AddressInUse
    /// [`SocketError::LockLost`]: crate::SocketError::LockLost
    pub fn republish(&mut self) -> io::Result<bool> {
        let Some(name) = &mut self.name else { return Ok(false) };
        let Some(fresh) = name.republish()? else { return Ok(false) };
        self.succeed(fresh);
        Ok(true)
    }

    /// Another socket stands at the path. Connections that wait at the one before are kept.
    pub(crate) fn succeed(&mut self, fresh: S::Fd) {
        let replaced = std::mem::replace(&mut self.fd, fresh);
        // This cannot fail for a listening socket. A blocking one could not be polled for what is left.
        if self.sys.set_nonblocking(self.sys.borrow(&replaced)).is_ok() {
            self.lock_retired().push(replaced);
        }
    }
}

/// Who came.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a policy allows or it does not")]
pub enum Knock<F = Handle> {
    /// A connection.
    Allowed(F),
    /// Somebody whom the policy does not allow; the connection was closed unread.
    Denied,
}

/// What to do after a failed `accept`: try again, pause first, or give up. accept(2)
///
/// Running out of descriptors leaves the connection in the queue, so trying again at once would spin.
#[derive(Clone, Debug)]
pub struct AcceptPause(Backoff);

impl AcceptPause {
    /// Before the first failure.
    pub const fn new() -> Self {
        Self(Backoff::new(Duration::from_millis(5), Duration::from_millis(100)))
    }

    /// How long to pause after this error before trying again.
    ///
    /// # Errors
    /// The error itself, if it will not pass.
    pub fn after(&mut self, error: io::Error) -> io::Result<Duration> {
        self.after_on(&Kernel, error)
    }

    pub(crate) fn after_on<S: Names>(&mut self, sys: &S, error: io::Error) -> io::Result<Duration> {
        match error.raw_os_error() {
            Some(code) if codes::GONE.contains(&code) => Ok(Duration::ZERO),
            Some(code) if codes::NO_ROOM.contains(&code) => {
                let pause = self.0.next(sys::jitter(sys));
                tracing::warn!(%error, ?pause, "cannot accept, pausing");
                Ok(pause)
            }
            _ => Err(error),
        }
    }
}

impl Default for AcceptPause {
    fn default() -> Self {
        Self::new()
    }
}
