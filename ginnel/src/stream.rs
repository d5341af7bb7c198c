use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use ginnel_os::{self as os, AdoptError, Connecting, Credentials, Direction, SocketKind, Wait};
use ginnel_proto::ToAddress;

use crate::driver::Waits;
use crate::listener::{Listener, Socket};

/// A byte stream that carries descriptors.
///
/// It reads and writes like any other, by value or by reference, so one thread can read while another writes.
/// `read` has no place for descriptors: if some come, they are closed, the bytes are returned, and the next read
/// fails with `InvalidData`. To receive descriptors use
/// [`recv_with_fds`](Self::recv_with_fds).
///
/// # Example
/// ```
/// use std::{fs::File, io::Read, os::fd::AsFd};
/// let (left, right) = ginnel::Stream::pair()?;
/// left.send_with_fds(b"see this", &[File::open("/proc/version")?.as_fd()])?;
/// let mut bytes = [0; 64];
/// let (n, fds) = right.recv_with_fds(&mut bytes)?;
/// assert_eq!(&bytes[..n], b"see this");
/// let mut text = String::new();
/// File::from(fds.into_iter().next().expect("one came")).read_to_string(&mut text)?;
/// assert!(text.starts_with("Linux"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "UnixStream")]
#[doc(alias = "SOCK_STREAM")]
pub struct Stream {
    pub(crate) os: os::Stream,
    pub(crate) waits: Waits,
}

impl Stream {
    /// Connects to whoever listens at `address`, waiting while its queue is full.
    ///
    /// # Errors
    /// `NotFound` and `ConnectionRefused`: nobody listens there. `InvalidInput`: a bad address. `EPROTOTYPE`:
    /// packets are spoken there. Else the kernel's, see connect(2).
    pub fn connect(address: impl ToAddress) -> io::Result<Self> {
        connect(SocketKind::Stream, &address, Waits::IN_CALL).map(Self::made)
    }

    /// As [`connect`](Self::connect), but gives up at `deadline`. The stream itself has no deadline then.
    ///
    /// # Errors
    /// `TimedOut`: the queue was full until then. Else as [`connect`](Self::connect).
    pub fn connect_deadline(address: impl ToAddress, deadline: Instant) -> io::Result<Self> {
        connect(SocketKind::Stream, &address, Waits::IN_CALL.by(deadline)).map(Self::made)
    }

    /// Listens at `address` with the defaults of [`Listener::builder`]: a file of mode 0600.
    ///
    /// # Errors
    /// As [`ListenerBuilder::listen`](os::ListenerBuilder::listen).
    pub fn listen(address: impl ToAddress) -> io::Result<Listener<Self>> {
        Listener::builder().listen(address)
    }

    /// Two streams connected to each other, to hand one of them to a child or another thread.
    ///
    /// # Errors
    /// The kernel's, see socketpair(2).
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = os::Stream::pair(false)?;
        Ok((Self { os: a, waits: Waits::IN_CALL }, Self { os: b, waits: Waits::IN_CALL }))
    }

    /// Adopts a connected descriptor after checking it. Its flags stay as they are.
    ///
    /// # Errors
    /// The descriptor comes back if it is no connected stream socket of the local family.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Ok(Self { os: os::Stream::adopt(fd)?, waits: Waits::BY_POLL })
    }

    fn made((fd, waits): (OwnedFd, Waits)) -> Self {
        Self { os: os::Stream::made(fd), waits }
    }

    /// Sends some of `bytes`, at least one, and duplicates of all of `fds` with the first of them. Returns how
    /// many bytes went; the rest is sent with [`write_all`](Write::write_all).
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

    /// Ends one or both directions; the peer reads the end after what is under way.
    ///
    /// # Errors
    /// The kernel's, see shutdown(2).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        os::shutdown(self.as_fd(), how)
    }

    /// Lets every call from now on fail with `TimedOut` once this moment has come; `None`: wait for ever.
    ///
    /// What is ready is still taken after the moment. With a deadline a receive costs one more system call; a send only
    /// if it has to wait.
    ///
    /// # Errors
    /// The kernel's, see setsockopt(2).
    pub fn set_deadline(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        self.waits.set_deadline(self.os.as_fd(), &[Direction::Read, Direction::Write], deadline)
    }

    /// Splits into two halves for two threads. Dropping the writing half sends the end to the peer.
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        let os = Arc::new(self.os);
        (ReadHalf { os: Arc::clone(&os), waits: self.waits }, WriteHalf { os, waits: self.waits })
    }
}

/// Connects a socket of any kind.
pub(crate) fn connect(
    kind: SocketKind,
    address: &impl ToAddress,
    waits: Waits,
) -> io::Result<(OwnedFd, Waits)> {
    let connecting = Connecting::new(kind, &address.to_address()?, false)?;
    if connecting.is_inherited() {
        return Ok((connecting.into_fd(), Waits::BY_POLL));
    }
    waits.until(connecting.as_fd(), Direction::Write, |_| {
        waits.bound(connecting.as_fd(), Direction::Write)?;
        connecting.attempt()
    })?;
    let mut waits = waits;
    waits.set_deadline(connecting.as_fd(), &[Direction::Write], None)?;
    Ok((connecting.into_fd(), waits))
}

fn read(os: &os::Stream, waits: Waits, bytes: &mut [u8]) -> io::Result<usize> {
    waits.until(os.as_fd(), Direction::Read, |wait| Ok(os.read(bytes, wait)?.map(|chunk| chunk.bytes)))
}

fn recv(os: &os::Stream, waits: Waits, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let received = |wait| Ok(os.receive(bytes, wait)?.map(|chunk| (chunk.bytes, chunk.fds)));
    waits.until(os.as_fd(), Direction::Read, received)
}

fn send(os: &os::Stream, waits: Waits, bytes: &[IoSlice<'_>], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    waits.until(os.as_fd(), Direction::Write, |wait: Wait| os.send(bytes, fds, wait))
}

impl Read for &Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        read(&self.os, self.waits, bytes)
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        read(&self.os, self.waits, bytes)
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        send(&self.os, self.waits, bytes, &[])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket for Stream {
    const KIND: SocketKind = SocketKind::Stream;

    fn accepted(fd: OwnedFd, ours: bool) -> Self {
        let os = if ours { os::Stream::made(fd) } else { fd.into() };
        Self { os, waits: Waits::IN_CALL }
    }
}

/// Takes the descriptor unchecked, as std does; [`Stream::adopt`] checks it.
impl From<OwnedFd> for Stream {
    fn from(fd: OwnedFd) -> Self {
        Self { os: fd.into(), waits: Waits::BY_POLL }
    }
}

/// Gives the descriptor away and clears its timeouts.
impl From<Stream> for OwnedFd {
    fn from(mut stream: Stream) -> Self {
        // A descriptor that cannot take it is no socket, and had no deadline.
        let _ = stream.set_deadline(None);
        stream.os.into()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

/// The reading half of a [`Stream`].
#[derive(Debug)]
pub struct ReadHalf {
    os: Arc<os::Stream>,
    waits: Waits,
}

impl ReadHalf {
    /// As [`Stream::recv_with_fds`].
    ///
    /// # Errors
    /// As there.
    pub fn recv_with_fds(&mut self, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        recv(&self.os, self.waits, bytes)
    }

    /// As [`Stream::set_deadline`], for this half.
    ///
    /// # Errors
    /// As there.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        self.waits.set_deadline(self.os.as_fd(), &[Direction::Read], deadline)
    }
}

impl Read for ReadHalf {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        read(&self.os, self.waits, bytes)
    }
}

impl AsFd for ReadHalf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}

/// The writing half of a [`Stream`]. Dropping it sends the end to the peer.
#[derive(Debug)]
pub struct WriteHalf {
    os: Arc<os::Stream>,
    waits: Waits,
}

impl WriteHalf {
    /// As [`Stream::send_with_fds`].
    ///
    /// # Errors
    /// As there.
    pub fn send_with_fds(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        send(&self.os, self.waits, &[IoSlice::new(bytes)], fds)
    }

    /// As [`Stream::set_deadline`], for this half.
    ///
    /// # Errors
    /// As there.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        self.waits.set_deadline(self.os.as_fd(), &[Direction::Write], deadline)
    }
}

impl Write for WriteHalf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        send(&self.os, self.waits, bytes, &[])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        // The peer may have gone first; then there is nobody to tell.
        let _ = os::shutdown(self.os.as_fd(), Shutdown::Write);
    }
}

impl AsFd for WriteHalf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}
