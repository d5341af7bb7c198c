use std::fmt;
use std::io;
use std::marker::PhantomData;

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
    pub(crate) options: ListenerOptions,
    listener: PhantomData<fn() -> L>,
}

impl<L: Publish> ListenerBuilder<L> {
    /// Mode 0600, no change of owner, a queue of 4,096, and no policy beside the permissions of the path.
    pub fn new() -> Self {
        let options = ListenerOptions { nonblocking: L::NONBLOCKING, ..ListenerOptions::default() };
        Self { options, listener: PhantomData }
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
