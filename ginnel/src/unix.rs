//! What only Unix has: descriptors that travel with bytes, and sockets that are descriptors.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ginnel_os::{self as os, AdoptError, Direction, Many, Wait};
use ginnel_proto::sp::Pattern;

use crate::driver::Waits;
use crate::sp;
use crate::{
    Client, Connection, Hub, Listener, ReadHalf, Receiver, Sender, SeqPacket, Socket, Stream, WriteHalf,
};

impl Stream {
    /// Adopts a connected descriptor after checking it. Its flags stay as they are.
    ///
    /// # Errors
    /// The descriptor comes back if it is no connected stream socket of the local family.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Ok(Self { os: os::Stream::adopt(fd)?, waits: Waits::BY_POLL })
    }

    /// Sends some of `bytes`, at least one, and duplicates of all of `fds` with the first of them. Returns how
    /// many bytes went; the rest is sent with [`write_all`](std::io::Write::write_all).
    ///
    /// The peer gets the descriptors no later than that first byte. At most 253 fit one call.
    ///
    /// # Errors
    /// `InvalidInput`: more than 253 descriptors, or descriptors without a byte. `EPERM`: the peer refuses
    /// descriptors. `ETOOMANYREFS`: too many descriptors of this user are under way unread; try again with a
    /// pause. Nothing was sent in any of these cases, nor on another error of sendmsg(2).
    #[doc(alias = "sendmsg")]
    #[doc(alias = "SCM_RIGHTS")]
    pub fn send_with_fds(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        send(&self.os, self.waits, &[IoSlice::new(bytes)], fds)
    }

    /// Receives bytes and the descriptors that were sent with them; 0 bytes are the end.
    ///
    /// One call never reads past the first bytes that carried descriptors, so it may return less than there is.
    /// The descriptors are close-on-exec.
    ///
    /// # Errors
    /// `InvalidData`: the kernel dropped descriptors because too many files are open; those that came were
    /// closed, and the bytes that came with them stand at the start of `bytes`
    /// ([`SocketError::FdsLost`](os::SocketError::FdsLost)). `TimedOut`: the deadline passed. Else the kernel's.
    #[doc(alias = "recvmsg")]
    pub fn recv_with_fds(&self, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        recv(&self.os, self.waits, bytes)
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

impl ReadHalf {
    /// As [`Stream::recv_with_fds`].
    ///
    /// # Errors
    /// As there.
    pub fn recv_with_fds(&mut self, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        recv(&self.os, self.waits, bytes)
    }
}

impl WriteHalf {
    /// As [`Stream::send_with_fds`].
    ///
    /// # Errors
    /// As there.
    pub fn send_with_fds(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        send(&self.os, self.waits, &[IoSlice::new(bytes)], fds)
    }
}

fn recv(os: &os::Stream, waits: Waits, bytes: &mut [u8]) -> io::Result<(usize, Vec<os::Carried>)> {
    let received = |wait| Ok(os.receive(bytes, wait)?.map(|chunk| (chunk.bytes, chunk.fds)));
    waits.until(os.borrowed(), Direction::Read, received)
}

fn send(os: &os::Stream, waits: Waits, bytes: &[IoSlice<'_>], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    waits.until(os.borrowed(), Direction::Write, |wait: Wait| os.send(bytes, fds, wait))
}

impl SeqPacket {
    /// Adopts a connected descriptor after checking it. Its flags stay as they are; the packets that it receives
    /// carry a time from now on (`SO_TIMESTAMPNS`), by which an empty packet is told from the end.
    ///
    /// # Errors
    /// The descriptor comes back if it is no connected packet socket of the local family.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Ok(Self::new(os::SeqPacket::adopt(fd)?, Waits::BY_POLL))
    }

    /// Sends one packet, whole, with duplicates of at most 253 descriptors. It may be empty.
    ///
    /// # Errors
    /// `InvalidInput`: more than 253 descriptors. `EPERM`: the peer refuses descriptors. `ETOOMANYREFS`: too many
    /// descriptors of this user are under way unread; try again with a pause. Else as [`send`](Self::send).
    #[doc(alias = "sendmsg")]
    #[doc(alias = "SCM_RIGHTS")]
    pub fn send_with_fds(&self, packet: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.waits.until(self.as_fd(), Direction::Write, |wait| self.os.send(packet, fds, wait))
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

impl<S: Socket> Listener<S> {
    /// Adopts a listening descriptor after checking it. It becomes non-blocking for everyone who holds it, since
    /// `accept` has no flag for that; its name is not removed at the end.
    ///
    /// # Errors
    /// The descriptor comes back if it is no such listening socket.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Self::builder().adopt(fd)
    }
}

impl Connection {
    /// Adopts a connected descriptor after checking it. Its flags stay as they are.
    ///
    /// # Errors
    /// The descriptor comes back if it is no connected stream socket of the local family.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Stream::adopt(fd).map(Self::from)
    }

    /// Refuses descriptors from now on, as [`Stream::refuse_fds`].
    ///
    /// # Errors
    /// As there.
    pub fn refuse_fds(&self) -> io::Result<bool> {
        os::refuse_fds(self.os.as_fd())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

impl AsFd for ReadHalf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

impl AsFd for WriteHalf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

impl AsFd for SeqPacket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

impl<S> AsFd for Listener<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.stream.as_fd()
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.stream.as_fd()
    }
}

/// One descriptor, readable when there is something to do.
impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

/// One descriptor, readable when there is something to do.
impl<M: Many> AsFd for Hub<M> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

/// One descriptor, readable when there is something to do.
impl<P: Pattern> AsFd for sp::Socket<P> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}
