use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use ginnel_os::{self as os, AdoptError, Direction, Message, SocketKind, Wait, Would};
use ginnel_proto::{Address, ToAddress, limits};
use tokio::task::coop;

use crate::driver::{self, Ready, Watched};

/// Whole packets without a connection, each with its descriptors.
///
/// On local sockets nothing is lost or reordered: a full receiver makes its sender wait. Connect a sender that
/// talks to one receiver: it can then be waited for exactly.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("log.sock");
/// let receiver = ginnel_tokio::Datagram::bind(&path)?;
/// ginnel_tokio::Datagram::connect(&path).await?.send(b"started").await?;
/// assert_eq!(receiver.recv().await?.body, "started");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[doc(alias = "SOCK_DGRAM")]
pub struct Datagram {
    watched: Watched<os::Datagram>,
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
        Self::new(os::Datagram::bind(&address.to_address()?, limits::SOCKET_MODE, true)?)
    }

    /// A socket without a name, to send with.
    ///
    /// # Errors
    /// The kernel's, see socket(2).
    pub fn unbound() -> io::Result<Self> {
        Self::new(os::Datagram::unbound(true)?)
    }

    /// A socket without a name that sends to `address`.
    ///
    /// # Errors
    /// `NotFound` and `ConnectionRefused`: nobody receives there. `InvalidInput`: a bad address. Else the
    /// kernel's, see connect(2).
    ///
    /// # Cancel safety
    /// Cancelling closes the socket.
    pub async fn connect(address: impl ToAddress) -> io::Result<Self> {
        let (fd, _) = driver::connect(SocketKind::Datagram, address).await?;
        Self::new(fd.into())
    }

    /// Two sockets connected to each other.
    ///
    /// # Errors
    /// The kernel's, see socketpair(2).
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = os::Datagram::pair(true)?;
        Ok((Self::new(a)?, Self::new(b)?))
    }

    /// Adopts a descriptor after checking it. Its flags stay as they are.
    ///
    /// # Errors
    /// The descriptor comes back if it is no datagram socket of the local family, or if tokio's reactor cannot
    /// watch it.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Ok(Self { watched: Watched::adopt(os::Datagram::adopt(fd)?)?, most: limits::PACKET })
    }

    fn new(os: os::Datagram) -> io::Result<Self> {
        Ok(Self { watched: Watched::new(os)?, most: limits::PACKET })
    }

    async fn until<R>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&os::Datagram) -> Would<R>,
    ) -> io::Result<R> {
        self.watched.until(direction, |os| Ok(attempt(os)?.map(Ready::some))).await
    }

    /// Sends one packet to the peer that the socket is connected to. `Ok`: the kernel has it.
    ///
    /// # Errors
    /// `ENOTCONN`: not connected. `EMSGSIZE`: larger than `SO_SNDBUF` holds less 32 bytes. `ConnectionRefused`: the
    /// receiver is gone. Nothing was sent in any of these cases.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was sent.
    pub async fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.send_with_fds(packet, &[]).await
    }

    /// As [`send`](Self::send), with duplicates of at most 253 descriptors.
    ///
    /// # Errors
    /// `InvalidInput`: more than 253 descriptors. `EPERM`: the receiver refuses descriptors. `ETOOMANYREFS`: too
    /// many descriptors of this user are under way unread. Else as [`send`](Self::send).
    ///
    /// # Cancel safety
    /// Cancelled, nothing was sent.
    #[doc(alias = "sendmsg")]
    #[doc(alias = "SCM_RIGHTS")]
    pub async fn send_with_fds(&self, packet: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.until(Direction::Write, |os| os.send(packet, fds, None, Wait::Never)).await
    }

    /// Sends one packet to whoever receives at `address`, waiting while its queue is full.
    ///
    /// # Errors
    /// `NotFound` and `ConnectionRefused`: nobody receives there. Else as [`send`](Self::send).
    ///
    /// # Cancel safety
    /// Cancelled, nothing was sent.
    #[doc(alias = "sendto")]
    pub async fn send_to(&self, packet: &[u8], address: impl ToAddress) -> io::Result<()> {
        self.send_to_with_fds(packet, &[], address).await
    }

    /// As [`send_to`](Self::send_to), with duplicates of at most 253 descriptors.
    ///
    /// # Errors
    /// As [`send_with_fds`](Self::send_with_fds) and [`send_to`](Self::send_to).
    ///
    /// # Cancel safety
    /// Cancelled, nothing was sent.
    pub async fn send_to_with_fds(
        &self,
        packet: &[u8],
        fds: &[BorrowedFd<'_>],
        address: impl ToAddress,
    ) -> io::Result<()> {
        let address = address.to_address()?;
        coop::consume_budget().await;
        while self.watched.get().send(packet, fds, Some(&address), Wait::Never)?.is_none() {
            self.room_at(&address).await?;
        }
        Ok(())
    }

    /// An unconnected socket counts as writable whatever its receiver's queue holds, so a connected one is asked;
    /// and then a fresh watch on our own, whose send buffer may be what is full.
    async fn room_at(&self, address: &Address) -> io::Result<()> {
        match Self::connect(address).await {
            Ok(probe) => drop(probe.watched.ready(Direction::Write).await?),
            // The receiver is connected, to us perhaps, so nobody else may connect to it. connect(2)
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => return Err(error),
        }
        let own = Watched::new(self.as_fd().try_clone_to_owned()?)?;
        own.ready(Direction::Write).await.map(drop)
    }

    /// Receives one packet of up to 1 MiB, or what [`set_max_packet`](Self::set_max_packet) says.
    ///
    /// # Errors
    /// `InvalidData`: the packet was larger ([`SocketError::PacketCut`](os::SocketError::PacketCut) has both
    /// sizes), or the kernel dropped descriptors because too many files are open
    /// ([`SocketError::FdsLost`](os::SocketError::FdsLost)); what came with it was closed. A peer that goes away is no
    /// error: the call goes on waiting.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was received: the packet stays for the next call.
    pub async fn recv(&self) -> io::Result<Message> {
        self.recv_from().await.map(|(message, _)| message)
    }

    /// As [`recv`](Self::recv), and says where the packet came from if its sender has a name.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Cancelled, nothing was received: the packet stays for the next call.
    #[doc(alias = "recvfrom")]
    pub async fn recv_from(&self) -> io::Result<(Message, Option<Address>)> {
        self.until(Direction::Read, |os| os.receive(self.most, Wait::Never)).await
    }

    /// Receives one packet into `bytes` and says how long it is and what descriptors came with it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv). Of a packet that was cut or lost descriptors, the bytes stand in `bytes`.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was received: the packet stays for the next call.
    pub async fn recv_into(&self, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        self.until(Direction::Read, |os| os.receive_into(bytes, Wait::Never)).await
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
}

/// Takes the descriptor unchecked; [`Datagram::adopt`] checks it. It fails where tokio's reactor cannot watch it.
impl TryFrom<OwnedFd> for Datagram {
    type Error = io::Error;

    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        Self::new(fd.into())
    }
}

impl AsFd for Datagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}
