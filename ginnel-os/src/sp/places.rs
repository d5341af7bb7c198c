//! Where an end listens and dials.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use ginnel_proto::machine::{ConnId, Failure};
use ginnel_proto::sp::{Command, Family, Pattern, Url};
use ginnel_proto::{Address, AddressKind, Wire};

use super::Socket;
use crate::connection::Error;
use crate::credentials::Policy;
use crate::driven::Driven;
use crate::error::SocketError;
use crate::listener::{Listener, ListenerOptions};
use crate::name;
use crate::net::DoorId;
use crate::sys::{Kernel, SocketKind, Sys};

pub use ginnel_proto::sp::DialerId;

/// A listener of one end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ListenerId(DoorId);

/// `socket://`, which is there always: its sockets are handed in.
const HANDED_IN: ListenerId = ListenerId(DoorId(u32::MAX));

impl<P: Pattern> Socket<P> {
    /// Listens at this URL. `socket://` only promises that sockets will be [adopted](Self::adopt).
    ///
    /// # Errors
    /// [`Error::Address`]: it is no URL. [`Error::Stopped`]: this end has. Else as [`Listener::open`], or the kernel's.
    pub fn listen(&mut self, url: &str) -> Result<ListenerId, Error> {
        let own = P::END;
        let (address, allow) = match self.place(url)? {
            Url::Socket => return Ok(HANDED_IN),
            Url::Ipc(address) => (address, self.listener.allow.clone()),
            // Whoever may connect to files must not reach into this process.
            Url::Inproc(name) => (name::private(&name)?, None),
            Url::Tcp { family, host, port } => {
                let fd = Kernel.listen_tcp(resolve(family, &host, port)?, self.listener.backlog)?;
                let listener = Listener::of(Kernel, fd, self.options(self.listener.allow.clone()));
                return Ok(ListenerId(self.engine.net_mut().open(listener, Wire::Sp(own))?));
            }
        };
        let is_abstract = matches!(address.kind(), AddressKind::Abstract(_));
        let allow = allow.or_else(|| is_abstract.then(Policy::same_user));
        let listener = Listener::open(SocketKind::Stream, &address, self.options(allow))?;
        Ok(ListenerId(self.engine.net_mut().open(listener, Wire::SpIpc(own))?))
    }

    /// What a URL names, for an end that is still open.
    fn place(&self, url: &str) -> Result<Url, Error> {
        let url = url.parse()?;
        if self.engine.net().is_inherited() {
            return Err(Error::Io(SocketError::Forked.into()));
        }
        self.ended().map_or(Ok(url), |reason| Err(reason.into()))
    }

    /// As the listeners of this end are published.
    fn options(&self, allow: Option<Policy>) -> ListenerOptions {
        ListenerOptions { nonblocking: true, allow, ..self.listener.clone() }
    }

    /// Listens there no more; pipes stay. `false`: it is gone already, which `socket://` never is.
    pub fn close_listener(&mut self, id: ListenerId) -> bool {
        id == HANDED_IN || self.engine.net_mut().close(id.0)
    }

    pub(super) fn close_listeners(&mut self) {
        self.engine.net_mut().close_all();
    }

    /// The port that a listener of `tcp://` has.
    ///
    /// # Errors
    /// `NotFound` if it is gone, `Unsupported` if it has no port; the kernel's.
    pub fn bound_port(&self, id: ListenerId) -> io::Result<SocketAddr> {
        if id == HANDED_IN {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let listener = self.engine.net().listener_at(id.0).ok_or(io::ErrorKind::NotFound)?;
        Kernel.tcp_port(listener.borrowed()).map_err(|error| match error.raw_os_error() {
            Some(_) => error,
            None => io::ErrorKind::Unsupported.into(),
        })
    }

    /// Dials this URL, and again whenever the pipe is lost or cannot be made. A host's name is looked up once, here.
    ///
    /// # Errors
    /// [`Error::Address`]: it is no URL. `Unsupported`: nobody can be dialled at `socket://`. [`Error::Stopped`]: this end
    /// has. Else the system's, for a name that it does not know.
    pub fn dial(&mut self, url: &str) -> Result<DialerId, Error> {
        let address = match self.place(url)? {
            Url::Socket => return Err(Error::Io(SocketError::NotDialled.into())),
            Url::Ipc(address) => address,
            Url::Inproc(name) => name::private(&name)?,
            Url::Tcp { family, host, port } => Address::tcp(resolve(family, &host, port)?),
        };
        let id = self.engine.machine().upcoming_dialer();
        self.order(Command::Dial(address));
        self.stirred = true;
        Ok(id)
    }

    /// How the last attempt of this dialer went: its pipe, or why there is none. `None`: it is under way.
    pub fn dialled(&self, dialer: DialerId) -> Option<Result<ConnId, Error>> {
        let outcome = self.engine.machine().dialled(dialer)?;
        Some(outcome.map_err(|failure| match failure {
            Failure::Busy => Error::Io(io::ErrorKind::ResourceBusy.into()),
            Failure::Closed => Error::Io(io::ErrorKind::ConnectionReset.into()),
            Failure::Fault(fault) => Error::Peer(fault),
            Failure::Errno(errno) => Error::Io(io::Error::from_raw_os_error(errno)),
        }))
    }

    /// Dials no more; the pipe is closed.
    pub fn hang_up(&mut self, dialer: DialerId) {
        self.order(Command::HangUp(dialer));
        self.flush();
    }

    /// The listener of this pipe: `socket://`'s if it was handed in, and so came from no address. `None` if it was dialled,
    /// or is gone.
    pub fn listener_of(&self, pipe: ConnId) -> Option<ListenerId> {
        if !self.engine.machine().pipes().contains(pipe) || self.dialer_of(pipe).is_some() {
            return None;
        }
        Some(self.engine.net().came_through(pipe).map_or(HANDED_IN, ListenerId))
    }

    /// The dialer of this pipe, if it was dialled.
    pub fn dialer_of(&self, pipe: ConnId) -> Option<DialerId> {
        self.engine.machine().dialer_of(pipe)
    }
}

/// The first address of a host that suits.
fn resolve(family: Family, host: &str, port: u16) -> io::Result<SocketAddr> {
    let suits = |port: &SocketAddr| match family {
        Family::Any => true,
        Family::V4 => port.is_ipv4(),
        Family::V6 => port.is_ipv6(),
    };
    if host.is_empty() {
        let all = if family == Family::V6 {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED)
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        };
        return Ok(SocketAddr::new(all, port));
    }
    (host, port).to_socket_addrs()?.find(suits).ok_or_else(|| io::ErrorKind::NotFound.into())
}
