//! What only Unix has: sockets that are descriptors, given and taken.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ginnel_proto::machine::Machine;
use ginnel_proto::sp::Pattern;

use crate::client::Client;
use crate::driven::Driven;
use crate::engine::{Engine, Net};
use crate::hub::{Hub, Many};
use crate::listener::{Listener, ListenerOptions};
use crate::listener_builder::{ListenerBuilder, Publish};
use crate::name;
use crate::net::SocketNet;
use crate::seqpacket::SeqPacket;
use crate::socket::{self, AdoptError, Connecting};
use crate::sp;
use crate::stream::Stream;
use crate::sys::{self, Kernel, SocketKind, Sockets};

impl Stream {
    /// Adopts a connected descriptor, keeping its flags.
    ///
    /// # Errors
    /// [`SocketError::WrongSocket`](crate::SocketError::WrongSocket) or
    /// [`SocketError::WrongRole`](crate::SocketError::WrongRole), with the descriptor.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Self::adopt_on(Kernel, fd)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.borrowed()
    }
}

impl SeqPacket {
    /// Adopts a connected descriptor, keeping its flags. Packets it receives carry a time from now on
    /// (`SO_TIMESTAMPNS`), by which an empty packet is told from the end.
    ///
    /// # Errors
    /// [`SocketError::WrongSocket`](crate::SocketError::WrongSocket) or
    /// [`SocketError::WrongRole`](crate::SocketError::WrongRole), with the descriptor.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        socket::adopt(&Kernel, fd, SocketKind::SeqPacket, false).map(Self::from)
    }
}

impl AsFd for SeqPacket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.borrowed()
    }
}

impl Listener {
    /// Adopts a listening descriptor. It becomes non-blocking, since `accept` has no flag for that; its name
    /// stays whoever's it is.
    ///
    /// # Errors
    /// [`SocketError::WrongSocket`](crate::SocketError::WrongSocket) or
    /// [`SocketError::WrongRole`](crate::SocketError::WrongRole), with the descriptor.
    pub fn adopt(kind: SocketKind, fd: OwnedFd, options: ListenerOptions) -> Result<Self, AdoptError> {
        Self::adopt_on(Kernel, kind, fd, options)
    }

    /// Takes a listening socket that a service manager passed, see [`activated`](crate::activated).
    ///
    /// # Errors
    /// `NotFound` if none was passed, else as [`adopt`](Self::adopt).
    pub fn from_activation(
        kind: SocketKind,
        name: Option<&str>,
        options: ListenerOptions,
    ) -> io::Result<Self> {
        let fd = name::activated(name)?.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "no listening socket was passed to this process")
        })?;
        Ok(Self::adopt(kind, fd, options)?)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.borrowed()
    }
}

impl<L: Publish> ListenerBuilder<L> {
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

impl AsFd for Connecting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.borrowed()
    }
}

impl AsFd for SocketNet<Kernel> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller().as_fd()
    }
}

impl<M: Machine, N: Net<Fd = M::Fd> + AsFd> AsFd for Engine<M, N> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.net().as_fd()
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.engine().as_fd()
    }
}

impl<M: Many> AsFd for Hub<M> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.engine().as_fd()
    }
}

impl<P: Pattern> AsFd for sp::Socket<P> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.engine().as_fd()
    }
}

/// Ends one or both directions of a connection. shutdown(2)
///
/// # Errors
/// The kernel's: the descriptor is no socket, or it is not connected.
pub fn shutdown(socket: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
    Kernel.shutdown(socket, how)
}

/// Refuses descriptors on this socket from now on: whoever sends some gets `EPERM`, and nothing arrives
/// (`SO_PASSRIGHTS`). `false`: the kernel is older than Linux 6.16 and refuses nothing.
///
/// # Errors
/// The kernel's: the descriptor is no local socket.
pub fn refuse_fds(socket: BorrowedFd<'_>) -> io::Result<bool> {
    sys::refuse_fds(socket)
}
