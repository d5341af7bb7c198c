use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use ginnel_os::{self as os, Connecting, Credentials, Direction, SocketKind, Wait};
use ginnel_proto::ToAddress;

use crate::driver::{Waits, settle};
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

    fn made((fd, waits): (os::Handle, Waits)) -> Self {
        Self { os: os::Stream::made(fd), waits }
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
) -> io::Result<(os::Handle, Waits)> {
    let connecting = Connecting::new(kind, &address.to_address()?, false)?;
    if connecting.is_inherited() {
        return Ok((connecting.into_fd(), Waits::BY_POLL));
    }
    waits.until(connecting.borrowed(), Direction::Write, |_| {
        waits.bound(connecting.borrowed(), Direction::Write)?;
        connecting.attempt()
    })?;
    let mut waits = waits;
    waits.set_deadline(connecting.borrowed(), &[Direction::Write], None)?;
    Ok((connecting.into_fd(), waits))
}

fn read(os: &os::Stream, waits: Waits, bytes: &mut [u8]) -> io::Result<usize> {
    waits.until(os.borrowed(), Direction::Read, |wait| Ok(os.read(bytes, wait)?.map(|chunk| chunk.bytes)))
}

fn write(os: &os::Stream, waits: Waits, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
    waits.until(os.borrowed(), Direction::Write, |wait: Wait| os.send(bytes, &[], wait))
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
        write(&self.os, self.waits, bytes)
    }

    /// Waits until the kernel has what was written, which Unix never makes anybody wait for.
    fn flush(&mut self) -> io::Result<()> {
        settle(self.os.borrowed(), self.waits.deadline())
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
        (&*self).flush()
    }
}

impl Socket for Stream {
    const KIND: SocketKind = SocketKind::Stream;

    fn accepted(fd: os::Handle, ours: bool) -> Self {
        let os = if ours { os::Stream::made(fd) } else { fd.into() };
        Self { os, waits: Waits::IN_CALL }
    }
}

/// Takes the descriptor unchecked, as std does; [`Stream::adopt`] checks it.
impl From<os::Handle> for Stream {
    fn from(fd: os::Handle) -> Self {
        Self { os: fd.into(), waits: Waits::BY_POLL }
    }
}

/// Gives the descriptor away and clears its timeouts.
impl From<Stream> for os::Handle {
    fn from(mut stream: Stream) -> Self {
        // A descriptor that cannot take it is no socket, and had no deadline.
        let _ = stream.set_deadline(None);
        stream.os.into()
    }
}

/// The reading half of a [`Stream`].
#[derive(Debug)]
pub struct ReadHalf {
    pub(crate) os: Arc<os::Stream>,
    pub(crate) waits: Waits,
}

impl ReadHalf {
    /// As [`Stream::set_deadline`], for this half.
    ///
    /// # Errors
    /// As there.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        self.waits.set_deadline(self.os.borrowed(), &[Direction::Read], deadline)
    }
}

impl Read for ReadHalf {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        read(&self.os, self.waits, bytes)
    }
}

/// The writing half of a [`Stream`]. Dropping it sends the end to the peer.
#[derive(Debug)]
pub struct WriteHalf {
    pub(crate) os: Arc<os::Stream>,
    pub(crate) waits: Waits,
}

impl WriteHalf {
    /// As [`Stream::set_deadline`], for this half.
    ///
    /// # Errors
    /// As there.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        self.waits.set_deadline(self.os.borrowed(), &[Direction::Write], deadline)
    }
}

impl Write for WriteHalf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        write(&self.os, self.waits, bytes)
    }

    /// Waits until the kernel has what was written, which Unix never makes anybody wait for.
    fn flush(&mut self) -> io::Result<()> {
        settle(self.os.borrowed(), self.waits.deadline())
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        // The peer may have gone first; then there is nobody to tell.
        let _ = self.os.shutdown(std::net::Shutdown::Write);
    }
}
