//! What only Unix has: sockets that are descriptors, given and taken, and messages that carry some.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ginnel_os::driven::Driven;
use ginnel_os::{self as os, AdoptError, Chunk, ConnId, Direction, Many, Wait};
use ginnel_proto::limits;
use ginnel_proto::sp::Pattern;

use crate::driver::{Ready, Watched};
use crate::listener::Socket;
use crate::stream::taken;
use crate::{
    Client, Connection, Hub, Listener, ReadHalf, Receiver, Sender, SeqPacket, Stream, WriteHalf, sp,
};

impl Stream {
    /// Adopts a connected descriptor after checking it. Its flags stay as they are.
    ///
    /// # Errors
    /// The descriptor comes back if it is no connected stream socket of the local family, or if tokio's reactor
    /// cannot watch it.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Ok(Self { watched: Watched::adopt(os::Stream::adopt(fd)?)? })
    }

    /// Sends some of `bytes`, at least one, and duplicates of all of `fds` with the first of them. Returns how
    /// many bytes went; the rest is sent with `write_all`.
    ///
    /// The peer gets the descriptors no later than that first byte. At most 253 fit one call.
    ///
    /// # Errors
    /// `InvalidInput`: more than 253 descriptors, or descriptors without a byte. `EPERM`: the peer refuses
    /// descriptors. `ETOOMANYREFS`: too many descriptors of this user are under way unread; try again with a
    /// pause. Nothing was sent in any of these cases, nor on another error of sendmsg(2).
    ///
    /// # Cancel safety
    /// Cancelled, nothing was sent.
    #[doc(alias = "sendmsg")]
    #[doc(alias = "SCM_RIGHTS")]
    pub async fn send_with_fds(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        send(&self.watched, bytes, fds).await
    }

    /// Receives bytes and the descriptors that were sent with them; 0 bytes are the end.
    ///
    /// One call never reads past the first bytes that carried descriptors, so it may return less than there is.
    /// The descriptors are close-on-exec.
    ///
    /// # Errors
    /// `InvalidData`: the kernel dropped descriptors because too many files are open; those that came were
    /// closed, and the bytes that came with them stand at the start of `bytes`
    /// ([`SocketError::FdsLost`](os::SocketError::FdsLost)). Else the kernel's.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was received: bytes and descriptors stay for the next call.
    #[doc(alias = "recvmsg")]
    pub async fn recv_with_fds(&self, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        recv(&self.watched, bytes).await
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

    /// Ends one or both directions; the peer reads the end after what is under way.
    ///
    /// # Errors
    /// The kernel's, see shutdown(2).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        os::shutdown(self.as_fd(), how)
    }
}

/// Takes the descriptor unchecked; [`Stream::adopt`] checks it. It fails where tokio's reactor cannot watch it.
impl TryFrom<OwnedFd> for Stream {
    type Error = io::Error;

    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        Self::accepted(fd, false)
    }
}

/// Gives the descriptor away. One that this crate made is in non-blocking mode.
impl From<Stream> for OwnedFd {
    fn from(stream: Stream) -> Self {
        stream.watched.into_inner().into()
    }
}

async fn send(watched: &Watched<os::Stream>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let bytes = [IoSlice::new(bytes)];
    let attempt = |os: &os::Stream| {
        let sent = os.send(&bytes, fds, Wait::Never)?;
        Ok(sent.map(|sent| taken(sent, &bytes)))
    };
    watched.until(Direction::Write, attempt).await
}

async fn recv(watched: &Watched<os::Stream>, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let attempt = |os: &os::Stream| {
        let chunk = os.receive(bytes, Wait::Never)?;
        Ok(chunk.map(|Chunk { bytes, fds, drained, .. }| Ready { value: (bytes, fds), drained }))
    };
    watched.until(Direction::Read, attempt).await
}

impl ReadHalf {
    /// As [`Stream::recv_with_fds`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was received.
    pub async fn recv_with_fds(&mut self, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        recv(&self.watched, bytes).await
    }
}

impl WriteHalf {
    /// As [`Stream::send_with_fds`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was sent.
    pub async fn send_with_fds(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        send(&self.watched, bytes, fds).await
    }
}

impl SeqPacket {
    /// Adopts a connected descriptor after checking it. Its flags stay as they are; the packets that it receives
    /// carry a time from now on (`SO_TIMESTAMPNS`), by which an empty packet is told from the end.
    ///
    /// # Errors
    /// The descriptor comes back if it is no connected packet socket of the local family, or if tokio's reactor
    /// cannot watch it.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Ok(Self { watched: Watched::adopt(os::SeqPacket::adopt(fd)?)?, most: limits::PACKET })
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

/// Takes the descriptor unchecked; [`SeqPacket::adopt`] checks it. It fails where tokio's reactor cannot watch it.
impl TryFrom<OwnedFd> for SeqPacket {
    type Error = io::Error;

    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        Self::accepted(fd, false)
    }
}

/// Gives the descriptor away. One that this crate made is in non-blocking mode.
impl From<SeqPacket> for OwnedFd {
    fn from(socket: SeqPacket) -> Self {
        socket.watched.into_inner().into()
    }
}

impl<S: Socket> Listener<S> {
    /// Adopts a listening descriptor after checking it. It becomes non-blocking for everyone who holds it, since
    /// `accept` has no flag for that; its name is not removed at the end.
    ///
    /// # Errors
    /// The descriptor comes back if it is no such listening socket, or if it cannot be duplicated or watched.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Self::builder().adopt(fd)
    }
}

impl Connection {
    /// Adopts a connected descriptor after checking it. Its flags stay as they are.
    ///
    /// # Errors
    /// The descriptor comes back if it is no connected stream socket of the local family, or if tokio's reactor
    /// cannot watch it.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Stream::adopt(fd).map(Self::from)
    }

    /// Refuses descriptors from now on, as [`Stream::refuse_fds`].
    ///
    /// # Errors
    /// As there.
    pub fn refuse_fds(&self) -> io::Result<bool> {
        os::refuse_fds(self.as_fd())
    }
}

impl<P: Pattern> sp::Socket<P> {
    /// Takes in a connected stream socket: one of a pair, an accepted one, an inherited one, of whatever family. Both
    /// sides greet over it at once, as over `socket://`; what comes of that is [told](Self::next_event).
    ///
    /// # Errors
    /// It is no socket, no stream, not connected, or it listens. It comes back untouched.
    pub fn adopt(&mut self, socket: impl Into<OwnedFd>) -> Result<ConnId, AdoptError> {
        let pipe = self.turning.driven.adopt(socket.into())?;
        self.turning.driven.flush();
        Ok(pipe)
    }
}

impl<P: Pattern> sp::Handle<P> {
    /// As [`Socket::adopt`](sp::Socket::adopt).
    ///
    /// # Errors
    /// As there.
    pub fn adopt(&self, socket: impl Into<OwnedFd>) -> Result<ConnId, AdoptError> {
        self.shared.with(|os| os.adopt(socket.into()))
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}

impl AsFd for ReadHalf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}

impl AsFd for WriteHalf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}

impl AsFd for SeqPacket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}

impl<S> AsFd for Listener<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.door.get().as_fd()
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.watched.as_fd()
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.watched.as_fd()
    }
}

/// One descriptor, readable when there is something to do.
impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.turning.driven.as_fd()
    }
}

/// One descriptor, readable when there is something to do.
impl<M: Many> AsFd for Hub<M> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.turning.driven.as_fd()
    }
}

/// One descriptor, readable when there is something to do.
impl<P: Pattern> AsFd for sp::Socket<P> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.turning.driven.as_fd()
    }
}
