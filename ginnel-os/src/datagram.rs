#![expect(unsafe_code, reason = "a vector is filled by the kernel")]

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ginnel_proto::Address;

use crate::Message;
use crate::error::SocketError;
use crate::name::{Claim, Located, Ownership, Place, Target};
use crate::socket::{self, AdoptError, Arrived, Form, Received};
use crate::sys::{Descriptors, Kernel, SocketKind, Sockets, Wait, Would};

/// Whole packets without a connection, with descriptors. Never waits by itself.
#[derive(Debug)]
pub struct Datagram {
    /// Held for the name's sake: dropping it, before the socket is closed, removes the name if it is still ours.
    name: Option<Ownership<Kernel>>,
    fd: OwnedFd,
    /// It is a local datagram socket, which writes as many bytes as it reports.
    checked: bool,
}

impl Datagram {
    /// A socket without a name: it can send, and receives only from a peer that it is connected to.
    ///
    /// # Errors
    /// The kernel's, see socket(2).
    pub fn unbound(nonblocking: bool) -> io::Result<Self> {
        Ok(Kernel.socket(SocketKind::Datagram, nonblocking)?.into())
    }

    /// A socket that others reach at `address`, owned like a listener's.
    ///
    /// # Errors
    /// [`SocketError::AddressInUse`], [`SocketError::NotASocketFile`], or the kernel's. For an inherited
    /// descriptor also [`SocketError::WrongSocket`].
    pub fn bind(address: &Address, mode: u32, nonblocking: bool) -> io::Result<Self> {
        match Located::of(address)? {
            Located::Inherited(number) => Ok(Self::adopt(Kernel.duplicate(number)?)?),
            Located::Abstract(name) => {
                let socket = Self::unbound(nonblocking)?;
                Kernel.bind(socket.as_fd(), &name)?;
                Ok(socket)
            }
            Located::Path(path) => {
                let owner = (None, None);
                let claim = Claim { kind: SocketKind::Datagram, nonblocking, mode, owner, backlog: 0 };
                let (fd, name) = Ownership::claim(Kernel, Place::of(&Kernel, &path)?, claim)?;
                Ok(Self { name: Some(name), fd, checked: true })
            }
        }
    }

    /// Closes it and leaves the socket file, as [`Listener::close_and_leave_name`](crate::Listener::close_and_leave_name).
    pub fn close_and_leave_name(self) {
        // Before the lock: whoever has that shall find nobody here.
        drop(self.fd);
        if let Some(name) = self.name {
            name.forsake();
        }
    }

    /// Sends to this address where no other is given, and receives from it alone. `Ok(None)`: not now.
    ///
    /// # Errors
    /// [`SocketError::FdNotHere`], or the kernel's: nobody is there. See connect(2) and unix(7).
    pub fn connect(&self, address: &Address) -> Would<()> {
        let target = Target::of(&Kernel, address)?;
        Kernel.connect(self.fd.as_fd(), target.name().ok_or(SocketError::FdNotHere)?)
    }

    /// Two sockets connected to each other.
    ///
    /// # Errors
    /// The kernel's, see socketpair(2).
    pub fn pair(nonblocking: bool) -> io::Result<(Self, Self)> {
        let (a, b) = Kernel.socket_pair(SocketKind::Datagram, nonblocking)?;
        Ok((a.into(), b.into()))
    }

    /// Adopts a descriptor, keeping its flags.
    ///
    /// # Errors
    /// [`SocketError::WrongSocket`], with the descriptor.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        socket::adopt(&Kernel, fd, SocketKind::Datagram, false).map(Self::from)
    }

    /// Sends one packet to the peer that the socket is connected to, or to `to`.
    ///
    /// # Errors
    /// [`SocketError::TooManyFds`], [`SocketError::FdNotHere`], or the kernel's; nothing was sent then.
    pub fn send(&self, packet: &[u8], fds: &[BorrowedFd<'_>], to: Option<&Address>, wait: Wait) -> Would<()> {
        let sent = match to {
            None => socket::send(&Kernel, self.fd.as_fd(), &[IoSlice::new(packet)], fds, wait)?,
            Some(address) => {
                let target = Target::of(&Kernel, address)?;
                let name = target.name().ok_or(SocketError::FdNotHere)?;
                socket::send_to(&Kernel, self.fd.as_fd(), name, (packet, fds), wait)?
            }
        };
        Ok(sent.map(|_| ()))
    }

    /// Receives one packet of up to `most` bytes, and where it came from if its sender has a name.
    ///
    /// # Errors
    /// [`SocketError::PacketCut`], [`SocketError::FdsLost`], or the kernel's.
    pub fn receive(&self, most: usize, wait: Wait) -> Would<(Message, Option<Address>)> {
        let mut body = socket::body(most, self.checked);
        let mut from = Vec::new();
        let room = &mut body.spare_capacity_mut()[..most];
        let Some(received) = self.take(room, Form::PacketFrom(&mut from), wait)? else { return Ok(None) };
        // SAFETY: a local datagram socket wrote the bytes that it reports to the start of `body`; for any other
        // socket they were written before.
        let message = unsafe { socket::message(body, received) };
        Ok(Some((message, Address::from_sun_path(&from))))
    }

    /// Receives one packet into `bytes`.
    ///
    /// # Errors
    /// As [`receive`](Self::receive). Of a packet that was cut or lost descriptors, the bytes stand in `bytes`.
    pub fn receive_into(&self, bytes: &mut [u8], wait: Wait) -> Would<Received> {
        self.take(socket::room(bytes), Form::Packet, wait)
    }

    /// Receives one packet into `bytes`, and where it came from if its sender has a name.
    ///
    /// # Errors
    /// As [`receive`](Self::receive). Of a packet that was cut or lost descriptors, the bytes stand in `bytes`.
    pub fn receive_from(&self, bytes: &mut [u8], wait: Wait) -> Would<(Received, Option<Address>)> {
        let mut from = Vec::new();
        let received = self.take(socket::room(bytes), Form::PacketFrom(&mut from), wait)?;
        Ok(received.map(|received| (received, Address::from_sun_path(&from))))
    }

    fn take(&self, room: &mut [MaybeUninit<u8>], form: Form<'_>, wait: Wait) -> Would<Received> {
        let most = room.len();
        let arrived = socket::receive(&Kernel, self.fd.as_fd(), room, form, wait)?;
        arrived.map(|arrived| judge(arrived, most)).transpose()
    }
}

fn judge(arrived: Arrived<OwnedFd>, room: usize) -> io::Result<Received> {
    if arrived.lost {
        return Err(SocketError::FdsLost { bytes: arrived.bytes.min(room) }.into());
    }
    Ok((socket::whole(arrived.bytes, room)?, arrived.fds))
}

/// Takes the descriptor as it is, unchecked: calls on one that is no datagram socket fail.
impl From<OwnedFd> for Datagram {
    fn from(fd: OwnedFd) -> Self {
        Kernel.quieten(fd.as_fd());
        let checked = socket::check_kind(&Kernel, fd.as_fd(), SocketKind::Datagram).is_ok();
        Self { name: None, fd, checked }
    }
}

/// Gives the descriptor away; a name that it owned is removed.
impl From<Datagram> for OwnedFd {
    fn from(socket: Datagram) -> Self {
        socket.fd
    }
}

impl AsFd for Datagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
