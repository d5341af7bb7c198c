use std::io::{self, IoSlice};

use ginnel_os::sys::{Carried, Handle};
use ginnel_os::{self as os, Batch, Credentials, Direction, Message, SocketKind, Wait, Would};
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
    pub(crate) watched: Watched<os::SeqPacket>,
    pub(crate) most: usize,
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
        Self::accepted(fd, true)
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

    pub(crate) fn new(os: os::SeqPacket) -> io::Result<Self> {
        Ok(Self { watched: Watched::new(os)?, most: limits::PACKET })
    }

    pub(crate) async fn until<R>(
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
        self.until(Direction::Write, |os| os.send(packet, &[], Wait::Never)).await
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
    pub async fn recv_into(&self, bytes: &mut [u8]) -> io::Result<Option<(usize, Vec<Carried>)>> {
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
        Credentials::of(self.watched.get().borrowed())
    }
}

impl Socket for SeqPacket {
    const KIND: SocketKind = SocketKind::SeqPacket;

    fn accepted(fd: Handle, _ours: bool) -> io::Result<Self> {
        Self::new(os::SeqPacket::unchecked(fd))
    }
}
