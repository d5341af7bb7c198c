use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ginnel_os::{self as os, AdoptError, Batch, Credentials, Direction, Message, SocketKind, Wait, Would};
use ginnel_proto::{ToAddress, limits};

use crate::driver::{self, Ready, Watched};
use crate::listener::{Listener, Socket};

/// Whole packets over a connection, in order, each with its descriptors.
///
/// All calls take `&self`: packets of several tasks never mix. An empty packet is a packet; `None` is the end.
/// The largest packet is what `SO_SNDBUF` of its sender holds less 32 bytes: 212,960 bytes by default.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (left, right) = ginnel_tokio::SeqPacket::pair()?;
/// left.send(b"one").await?;
/// left.send(b"").await?;
/// drop(left);
/// assert_eq!(right.recv().await?.expect("a packet").body, "one");
/// assert_eq!(right.recv().await?.expect("an empty packet").body, "");
/// assert!(right.recv().await?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[doc(alias = "SOCK_SEQPACKET")]
pub struct SeqPacket {
    watched: Watched<os::SeqPacket>,
    most: usize,
}

impl SeqPacket {
    /// Connects to whoever listens at `address`, pausing up to 50 ms at a time while its queue is full.
    ///
    /// # Errors
    /// As [`Stream::connect`](crate::Stream::connect).
    ///
    /// # Cancel safety
    /// Cancelled, no connection was made.
    pub async fn connect(address: impl ToAddress) -> io::Result<Self> {
        let (fd, _) = driver::connect(SocketKind::SeqPacket, address).await?;
        Self::new(fd.into())
    }

    /// Listens at `address` with the defaults of [`Listener::builder`]: a file of mode 0600.
    ///
    /// # Errors
    /// As [`ListenerBuilder::listen`](os::ListenerBuilder::listen).
    pub fn listen(address: impl ToAddress) -> io::Result<Listener<Self>> {
        Listener::builder().listen(address)
    }

    /// Two sockets connected to each other, to hand one of them to a child or another thread.
    ///
    /// # Errors
    /// The kernel's, see socketpair(2).
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = os::SeqPacket::pair(true)?;
        Ok((Self::new(a)?, Self::new(b)?))
    }

    /// Adopts a connected descriptor after checking it. Its flags stay as they are; the packets that it receives
    /// carry a time from now on (`SO_TIMESTAMPNS`), by which an empty packet is told from the end.
    ///
    /// # Errors
    /// The descriptor comes back if it is no connected packet socket of the local family, or if tokio's reactor
    /// cannot watch it.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Ok(Self { watched: Watched::adopt(os::SeqPacket::adopt(fd)?)?, most: limits::PACKET })
    }

    fn new(os: os::SeqPacket) -> io::Result<Self> {
        Ok(Self { watched: Watched::new(os)?, most: limits::PACKET })
    }

    async fn until<R>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&os::SeqPacket) -> Would<R>,
    ) -> io::Result<R> {
        self.watched.until(direction, |os| Ok(attempt(os)?.map(Ready::some))).await
    }

    /// Sends one packet, whole. `Ok`: the kernel has it.
    ///
    /// # Errors
    /// `EMSGSIZE`: larger than `SO_SNDBUF` holds. `EPIPE`, `ECONNRESET`: the peer is gone; what it sent before can
    /// still be received. Nothing was sent in any of these cases.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was sent.
    pub async fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.send_with_fds(packet, &[]).await
    }

    /// Sends one packet, whole, with duplicates of at most 253 descriptors. It may be empty.
    ///
    /// # Errors
    /// `InvalidInput`: more than 253 descriptors. `EPERM`: the peer refuses descriptors. `ETOOMANYREFS`: too many
    /// descriptors of this user are under way unread; try again with a pause. Else as [`send`](Self::send).
    ///
    /// # Cancel safety
    /// Cancelled, nothing was sent.
    #[doc(alias = "sendmsg")]
    #[doc(alias = "SCM_RIGHTS")]
    pub async fn send_with_fds(&self, packet: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.until(Direction::Write, |os| os.send(packet, fds, Wait::Never)).await
    }

    /// Sends packets in one system call and returns how many of them went, at least one of a non-empty list. At
    /// most 1,024 go at once.
    ///
    /// # Errors
    /// As [`send`](Self::send), about the first packet; what is wrong with a later one shows in the next call.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was sent.
    #[doc(alias = "sendmmsg")]
    pub async fn send_batch(&self, packets: &[IoSlice<'_>]) -> io::Result<usize> {
        self.until(Direction::Write, |os| os.send_batch(packets, Wait::Never)).await
    }

    /// Receives one packet of up to 1 MiB, or what [`set_max_packet`](Self::set_max_packet) says; `None` is the
    /// end. [`recv_into`](Self::recv_into) does it without an allocation.
    ///
    /// # Errors
    /// `InvalidData`: the packet was larger ([`SocketError::PacketCut`](os::SocketError::PacketCut) has both
    /// sizes), or the kernel dropped descriptors because too many files are open
    /// ([`SocketError::FdsLost`](os::SocketError::FdsLost)); what came with it was closed. `ECONNRESET`: the peer
    /// closed without reading everything, told after its last packet.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was received: the packet stays for the next call.
    #[doc(alias = "recvmsg")]
    pub async fn recv(&self) -> io::Result<Option<Message>> {
        self.until(Direction::Read, |os| os.receive(self.most, Wait::Never)).await
    }

    /// Receives one packet into `bytes` and says how long it is and what descriptors came with it; `None` is the
    /// end.
    ///
    /// # Errors
    /// As [`recv`](Self::recv). Of a packet that was cut or lost descriptors, the bytes stand in `bytes`.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was received: the packet stays for the next call.
    pub async fn recv_into(&self, bytes: &mut [u8]) -> io::Result<Option<(usize, Vec<OwnedFd>)>> {
        self.until(Direction::Read, |os| os.receive_into(bytes, Wait::Never)).await
    }

    /// Receives what packets there are, as many as `batch` holds, in one system call, and waits only for the
    /// first. Returns how many; 0 is the end.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), except that each [`Packet`](os::Packet) tells what is wrong with it.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was received: the packet stays for the next call.
    #[doc(alias = "recvmmsg")]
    pub async fn recv_batch(&self, batch: &mut Batch) -> io::Result<usize> {
        self.until(Direction::Read, |os| os.receive_batch(batch, Wait::Never)).await
    }

    /// Sets how many bytes a packet may have that [`recv`](Self::recv) takes: 2 GiB less one at most. Room for so many
    /// is made for each.
    pub fn set_max_packet(&mut self, bytes: usize) {
        self.most = bytes.min(limits::LARGEST_PACKET);
    }

    /// Who is at the other end, as recorded when the connection was made.
    ///
    /// # Errors
    /// The kernel's, see unix(7) on `SO_PEERCRED`.
    #[doc(alias = "SO_PEERCRED")]
    pub fn peer_credentials(&self) -> io::Result<Credentials> {
        Credentials::of(self.as_fd())
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

    /// Ends one or both directions; the peer receives the end after what is under way.
    ///
    /// # Errors
    /// The kernel's, see shutdown(2).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        os::shutdown(self.as_fd(), how)
    }
}

impl Socket for SeqPacket {
    const KIND: SocketKind = SocketKind::SeqPacket;

    fn accepted(fd: OwnedFd, _ours: bool) -> io::Result<Self> {
        Self::new(fd.into())
    }
}

/// Takes the descriptor unchecked; [`SeqPacket::adopt`] checks it. It fails where tokio's reactor cannot watch it.
impl TryFrom<OwnedFd> for SeqPacket {
    type Error = io::Error;

    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        Self::new(fd.into())
    }
}

/// Gives the descriptor away. One that this crate made is in non-blocking mode.
impl From<SeqPacket> for OwnedFd {
    fn from(socket: SeqPacket) -> Self {
        socket.watched.into_inner().into()
    }
}

impl AsFd for SeqPacket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}
