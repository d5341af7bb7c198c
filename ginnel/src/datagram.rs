use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use ginnel_os::{self as os, AdoptError, Direction, Message, SocketKind};
use ginnel_proto::{Address, ToAddress, limits};

use crate::driver::{self, Waits};
use crate::stream::connect;

/// Whole packets without a connection, each with its descriptors.
///
/// On local sockets nothing is lost or reordered: a full receiver makes its sender wait. Connect a sender that
/// talks to one receiver: it can then be waited for exactly.
///
/// # Example
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("log.sock");
/// let receiver = ginnel::Datagram::bind(&path)?;
/// ginnel::Datagram::connect(&path)?.send(b"started")?;
/// assert_eq!(receiver.recv()?.body, "started");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "SOCK_DGRAM")]
pub struct Datagram {
    os: os::Datagram,
    waits: Waits,
    most: usize,
}

impl Datagram {
    /// Receives at `address`, which it owns as a listener does: a live owner is `AddrInUse`, a dead one is
    /// replaced. A socket file has mode 0600.
    ///
    /// # Errors
    /// As [`ListenerBuilder::listen`](os::ListenerBuilder::listen); an abstract name needs no policy here, since
    /// datagrams have no credentials to judge.
    pub fn bind(address: impl ToAddress) -> io::Result<Self> {
        let address = address.to_address()?;
        let inherited = matches!(address.kind(), ginnel_proto::AddressKind::Fd(_));
        let waits = if inherited { Waits::BY_POLL } else { Waits::IN_CALL };
        Ok(Self::new(os::Datagram::bind(&address, limits::SOCKET_MODE, false)?, waits))
    }

    /// A socket without a name, to send with.
    ///
    /// # Errors
    /// The kernel's, see socket(2).
    pub fn unbound() -> io::Result<Self> {
        Ok(Self::new(os::Datagram::unbound(false)?, Waits::IN_CALL))
    }

    /// A socket without a name that sends to `address`.
    ///
    /// # Errors
    /// `NotFound` and `ConnectionRefused`: nobody receives there. `InvalidInput`: a bad address. Else the
    /// kernel's, see connect(2).
    pub fn connect(address: impl ToAddress) -> io::Result<Self> {
        let (fd, waits) = connect(SocketKind::Datagram, &address, Waits::IN_CALL)?;
        Ok(Self::new(fd.into(), waits))
    }

    /// Two sockets connected to each other.
    ///
    /// # Errors
    /// The kernel's, see socketpair(2).
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = os::Datagram::pair(false)?;
        Ok((Self::new(a, Waits::IN_CALL), Self::new(b, Waits::IN_CALL)))
    }

    /// Adopts a descriptor after checking it. Its flags stay as they are.
    ///
    /// # Errors
    /// The descriptor comes back if it is no datagram socket of the local family.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Ok(Self::new(os::Datagram::adopt(fd)?, Waits::BY_POLL))
    }

    fn new(os: os::Datagram, waits: Waits) -> Self {
        Self { os, waits, most: limits::PACKET }
    }

    /// Sends one packet to the peer that the socket is connected to. `Ok`: the kernel has it.
    ///
    /// # Errors
    /// `ENOTCONN`: not connected. `EMSGSIZE`: larger than `SO_SNDBUF` holds less 32 bytes. `ConnectionRefused`: the
    /// receiver is gone. `TimedOut`: the deadline passed. Nothing was sent in any of these cases.
    pub fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.send_with_fds(packet, &[])
    }

    /// As [`send`](Self::send), with duplicates of at most 253 descriptors.
    ///
    /// # Errors
    /// `InvalidInput`: more than 253 descriptors. `EPERM`: the receiver refuses descriptors. `ETOOMANYREFS`: too
    /// many descriptors of this user are under way unread. Else as [`send`](Self::send).
    #[doc(alias = "sendmsg")]
    #[doc(alias = "SCM_RIGHTS")]
    pub fn send_with_fds(&self, packet: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.waits.until(self.as_fd(), Direction::Write, |wait| self.os.send(packet, fds, None, wait))
    }

    /// Sends one packet to whoever receives at `address`, waiting while its queue is full.
    ///
    /// # Errors
    /// `NotFound` and `ConnectionRefused`: nobody receives there. Else as [`send`](Self::send).
    #[doc(alias = "sendto")]
    pub fn send_to(&self, packet: &[u8], address: impl ToAddress) -> io::Result<()> {
        self.send_to_with_fds(packet, &[], address)
    }

    /// As [`send_to`](Self::send_to), with duplicates of at most 253 descriptors.
    ///
    /// # Errors
    /// As [`send_with_fds`](Self::send_with_fds) and [`send_to`](Self::send_to).
    pub fn send_to_with_fds(
        &self,
        packet: &[u8],
        fds: &[BorrowedFd<'_>],
        address: impl ToAddress,
    ) -> io::Result<()> {
        let address = address.to_address()?;
        self.waits.until(self.as_fd(), Direction::Write, |wait| {
            let sent = self.os.send(packet, fds, Some(&address), wait)?;
            if sent.is_none() {
                self.wait_for_room(&address)?;
            }
            Ok(sent)
        })
    }

    /// An unconnected socket counts as writable whatever its receiver's queue holds, so a connected one is asked.
    fn wait_for_room(&self, address: &Address) -> io::Result<()> {
        match Self::connect(address) {
            Ok(probe) => driver::wait_for(probe.as_fd(), Direction::Write, self.waits.deadline()),
            // The receiver is connected, to us perhaps, so nobody else may connect to it. connect(2)
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.waits.pause(Duration::from_millis(5))
            }
            Err(error) => Err(error),
        }
    }

    /// Receives one packet of up to 1 MiB, or what [`set_max_packet`](Self::set_max_packet) says.
    ///
    /// # Errors
    /// `InvalidData`: the packet was larger ([`SocketError::PacketCut`](os::SocketError::PacketCut) has both
    /// sizes), or the kernel dropped descriptors because too many files are open
    /// ([`SocketError::FdsLost`](os::SocketError::FdsLost)); what came with it was closed. `TimedOut`: the deadline
    /// passed. A peer that goes away is no error: the call
    /// goes on waiting.
    pub fn recv(&self) -> io::Result<Message> {
        self.recv_from().map(|(message, _)| message)
    }

    /// As [`recv`](Self::recv), and says where the packet came from if its sender has a name.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[doc(alias = "recvfrom")]
    pub fn recv_from(&self) -> io::Result<(Message, Option<Address>)> {
        self.waits.until(self.as_fd(), Direction::Read, |wait| self.os.receive(self.most, wait))
    }

    /// Receives one packet into `bytes` and says how long it is and what descriptors came with it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv). Of a packet that was cut or lost descriptors, the bytes stand in `bytes`.
    pub fn recv_into(&self, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        self.waits.until(self.as_fd(), Direction::Read, |wait| self.os.receive_into(bytes, wait))
    }

    /// Sets how many bytes a packet may have that [`recv`](Self::recv) takes: 2 GiB less one at most. Room for so many
    /// is made for each.
    pub fn set_max_packet(&mut self, bytes: usize) {
        self.most = bytes.min(limits::LARGEST_PACKET);
    }

    /// Refuses descriptors from now on: whoever sends some gets `EPERM`. `false`: the kernel is older than Linux
    /// 6.16 and cannot.
    ///
    /// # Errors
    /// The kernel's, see setsockopt(2).
    #[doc(alias = "SO_PASSRIGHTS")]
    pub fn refuse_fds(&self) -> io::Result<bool> {
        os::refuse_fds(self.as_fd())
    }

    /// Lets every call from now on fail with `TimedOut` once this moment has come; `None`: wait for ever.
    ///
    /// # Errors
    /// The kernel's, see setsockopt(2).
    pub fn set_deadline(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        self.waits.set_deadline(self.os.as_fd(), &[Direction::Read, Direction::Write], deadline)
    }
}

/// Takes the descriptor unchecked, as std does; [`Datagram::adopt`] checks it.
impl From<OwnedFd> for Datagram {
    fn from(fd: OwnedFd) -> Self {
        Self::new(fd.into(), Waits::BY_POLL)
    }
}

impl AsFd for Datagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}
