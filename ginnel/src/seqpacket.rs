use std::io::{self, IoSlice};
use std::time::Instant;

use ginnel_os::{self as os, Batch, Credentials, Direction, Message, SocketKind};
use ginnel_proto::{ToAddress, limits};

use crate::driver::Waits;
use crate::listener::{Listener, Socket};
use crate::stream::connect;

/// Whole packets over a connection, in order, each with its descriptors.
///
/// All calls take `&self`: packets of several threads never mix. An empty packet is a packet; `None` is the end.
/// The largest packet is what `SO_SNDBUF` of its sender holds less 32 bytes: 212,960 bytes by default.
///
/// # Example
/// ```
/// let (left, right) = ginnel::SeqPacket::pair()?;
/// left.send(b"one")?;
/// left.send(b"")?;
/// drop(left);
/// assert_eq!(right.recv()?.expect("a packet").body, "one");
/// assert_eq!(right.recv()?.expect("an empty packet").body, "");
/// assert!(right.recv()?.is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "SOCK_SEQPACKET")]
pub struct SeqPacket {
    pub(crate) os: os::SeqPacket,
    pub(crate) waits: Waits,
    most: usize,
}

impl SeqPacket {
    /// Connects to whoever listens at `address`, waiting while its queue is full.
    ///
    /// # Errors
    /// As [`Stream::connect`](crate::Stream::connect).
    pub fn connect(address: impl ToAddress) -> io::Result<Self> {
        connect(SocketKind::SeqPacket, &address, Waits::IN_CALL).map(Self::made)
    }

    /// As [`connect`](Self::connect), but gives up at `deadline`. The socket itself has no deadline then.
    ///
    /// # Errors
    /// `TimedOut`: the queue was full until then. Else as [`connect`](Self::connect).
    pub fn connect_deadline(address: impl ToAddress, deadline: Instant) -> io::Result<Self> {
        connect(SocketKind::SeqPacket, &address, Waits::IN_CALL.by(deadline)).map(Self::made)
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
        let (a, b) = os::SeqPacket::pair(false)?;
        Ok((Self::new(a, Waits::IN_CALL), Self::new(b, Waits::IN_CALL)))
    }

    pub(crate) fn new(os: os::SeqPacket, waits: Waits) -> Self {
        Self { os, waits, most: limits::PACKET }
    }

    fn made((fd, waits): (os::Handle, Waits)) -> Self {
        Self::new(fd.into(), waits)
    }

    /// Sends one packet, whole. `Ok`: the kernel has it.
    ///
    /// # Errors
    /// `EMSGSIZE`: larger than `SO_SNDBUF` holds. `EPIPE`, `ECONNRESET`: the peer is gone; what it sent before can
    /// still be received. `TimedOut`: the deadline passed. Nothing was sent in any of these cases.
    pub fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.waits.until(self.os.borrowed(), Direction::Write, |wait| self.os.send(packet, &[], wait))
    }

    /// Sends packets in one system call and returns how many of them went, at least one of a non-empty list. At
    /// most 1,024 go at once.
    ///
    /// # Errors
    /// As [`send`](Self::send), about the first packet; what is wrong with a later one shows in the next call.
    #[doc(alias = "sendmmsg")]
    pub fn send_batch(&self, packets: &[IoSlice<'_>]) -> io::Result<usize> {
        self.waits.until(self.os.borrowed(), Direction::Write, |wait| self.os.send_batch(packets, wait))
    }

    /// Receives one packet of up to 1 MiB, or what [`set_max_packet`](Self::set_max_packet) says; `None` is the
    /// end. [`recv_into`](Self::recv_into) does it without an allocation.
    ///
    /// # Errors
    /// `InvalidData`: the packet was larger ([`SocketError::PacketCut`](os::SocketError::PacketCut) has both
    /// sizes), or the kernel dropped descriptors because too many files are open
    /// ([`SocketError::FdsLost`](os::SocketError::FdsLost)); what came with it was closed. `ECONNRESET`: the peer
    /// closed without reading everything, told after its last packet. `TimedOut`: the deadline passed.
    #[doc(alias = "recvmsg")]
    pub fn recv(&self) -> io::Result<Option<Message>> {
        self.waits.until(self.os.borrowed(), Direction::Read, |wait| self.os.receive(self.most, wait))
    }

    /// Receives one packet into `bytes` and says how long it is and what descriptors came with it; `None` is the
    /// end.
    ///
    /// # Errors
    /// As [`recv`](Self::recv). Of a packet that was cut or lost descriptors, the bytes stand in `bytes`.
    pub fn recv_into(&self, bytes: &mut [u8]) -> io::Result<Option<(usize, Vec<os::Carried>)>> {
        self.waits.until(self.os.borrowed(), Direction::Read, |wait| self.os.receive_into(bytes, wait))
    }

    /// Receives what packets there are, as many as `batch` holds, in one system call, and waits only for the
    /// first. Returns how many; 0 is the end.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), except that each [`Packet`](os::Packet) tells what is wrong with it.
    #[doc(alias = "recvmmsg")]
    pub fn recv_batch(&self, batch: &mut Batch) -> io::Result<usize> {
        self.waits.until(self.os.borrowed(), Direction::Read, |wait| self.os.receive_batch(batch, wait))
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
        Credentials::of(self.os.borrowed())
    }

    /// Lets every call from now on fail with `TimedOut` once this moment has come; `None`: wait for ever.
    ///
    /// What is ready is still taken after the moment. With a deadline a receive costs one more system call; a send only
    /// if it has to wait.
    ///
    /// # Errors
    /// The kernel's, see setsockopt(2).
    pub fn set_deadline(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        self.waits.set_deadline(self.os.borrowed(), &[Direction::Read, Direction::Write], deadline)
    }
}

impl Socket for SeqPacket {
    const KIND: SocketKind = SocketKind::SeqPacket;

    fn accepted(fd: os::Handle, _ours: bool) -> Self {
        Self::new(fd.into(), Waits::IN_CALL)
    }
}

/// Takes the descriptor unchecked, as std does; [`SeqPacket::adopt`] checks it.
impl From<os::Handle> for SeqPacket {
    fn from(fd: os::Handle) -> Self {
        Self::new(fd.into(), Waits::BY_POLL)
    }
}

/// Gives the descriptor away, without deadlines.
impl From<SeqPacket> for os::Handle {
    fn from(mut socket: SeqPacket) -> Self {
        // A descriptor that cannot take it is no socket, and had no deadline.
        let _ = socket.set_deadline(None);
        socket.os.into()
    }
}
