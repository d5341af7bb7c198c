use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;

use ginnel_proto::ToAddress;

use crate::credentials::Policy;
use crate::listener::{Listener, ListenerOptions};
use crate::socket::AdoptError;
use crate::sys::SocketKind;

/// A driver's listener: what kind of socket it accepts, and how it is made of one that never waits.
pub trait Publish: Sized {
    /// The kind of socket that it listens with.
    const KIND: SocketKind;
    /// Does the driver want everything non-blocking?
    const NONBLOCKING: bool;

    /// Wraps a listener.
    ///
    /// # Errors
    /// The driver's, if it cannot watch the descriptor, which comes back.
    fn publish(listener: Listener) -> Result<Self, AdoptError>;
}

/// How a listener is published: permissions, queue length, and who may connect.
///
/// `L` is the listener of a driver: `ginnel::Listener<S>` or `ginnel_tokio::Listener<S>`.
pub struct ListenerBuilder<L> {
    options: ListenerOptions,
    listener: PhantomData<fn() -> L>,
}

impl<L: Publish> ListenerBuilder<L> {
    /// Mode 0600, no change of owner, a queue of 4,096, and no policy beside the permissions of the path.
    pub fn new() -> Self {
        let options = ListenerOptions { nonblocking: L::NONBLOCKING, ..ListenerOptions::default() };
        Self { options, listener: PhantomData }
    }

    /// Sets the permission bits of the socket file: to connect, one must be able to write to it. They hold from
    /// the moment the name appears.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.options.mode = mode & 0o777;
        self
    }

    /// Gives the socket file to this user id (which needs privilege) before its name appears.
    #[must_use]
    pub fn owner(mut self, uid: u32) -> Self {
        self.options.owner.0 = Some(uid);
        self
    }

    /// Gives the socket file to this group id before its name appears.
    #[must_use]
    pub fn group(mut self, gid: u32) -> Self {
        self.options.owner.1 = Some(gid);
        self
    }

    /// Sets how many connections may wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
    #[must_use]
    pub fn backlog(mut self, connections: u32) -> Self {
        self.options.backlog = connections;
        self
    }

    /// Lets only these users and groups connect. Others are closed before a byte of theirs is read.
    #[must_use]
    pub fn allow(mut self, policy: Policy) -> Self {
        self.options.allow = Some(policy);
        self
    }

    /// Listens at `address`.
    ///
    /// # Errors
    /// * `AddrInUse`: a live listener owns the name. A dead one is replaced.
    /// * `AlreadyExists`: what stands there is no socket; it is left alone.
    /// * `InvalidInput`: a bad address, an abstract name without [`allow`](Self::allow), or a descriptor (`fd:N`)
    ///   that is no such listening socket.
    /// * `PermissionDenied`: the directory for portable names is not ours alone, or the kernel says so.
    /// * The kernel's own otherwise. Nothing is changed in any of these cases.
    pub fn listen(self, address: impl ToAddress) -> io::Result<L> {
        Ok(L::publish(Listener::open(L::KIND, &address.to_address()?, self.options)?)?)
    }

    /// Adopts a listening descriptor. It becomes non-blocking for everyone who holds it, since `accept` has no
    /// flag for that. Its name stays whoever's it is, and is not removed.
    ///
    /// # Errors
    /// The descriptor comes back if it is no such listening socket.
    pub fn adopt(self, fd: OwnedFd) -> Result<L, AdoptError> {
        L::publish(Listener::adopt(L::KIND, fd, self.options)?)
    }

    /// Takes a listening socket that a service manager passed (`LISTEN_FDS`, sd_listen_fds(3)): the first with
    /// this name that was not taken yet, or the first of all.
    ///
    /// # Errors
    /// `NotFound` if none was passed to this very process, `InvalidInput` if it is no such listening socket.
    pub fn from_activation(self, name: Option<&str>) -> io::Result<L> {
        Ok(L::publish(Listener::from_activation(L::KIND, name, self.options)?)?)
    }
}

impl<L: Publish> Default for ListenerBuilder<L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L> fmt::Debug for ListenerBuilder<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt(f)
    }
}
