#![expect(unsafe_code, reason = "tokio's read buffer is told how much of it a read has initialised")]

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ginnel_os::{self as os, AdoptError, Chunk, Credentials, Direction, SocketKind, Wait, Would};
use ginnel_proto::{ToAddress, limits};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::driver::{self, Ready, Watched};
use crate::halves::{ReadHalf, WriteHalf};
use crate::listener::{Listener, Socket};

/// A byte stream that carries descriptors.
///
/// It is tokio's `AsyncRead` and `AsyncWrite`. `read` has no place for descriptors: if some come, they are closed,
/// the bytes are returned, and the next read fails with `InvalidData`. To receive descriptors use
/// [`recv_with_fds`](Self::recv_with_fds).
///
/// # Example
/// ```
/// use std::{fs::File, io::Read, os::fd::AsFd};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (left, right) = ginnel_tokio::Stream::pair()?;
/// left.send_with_fds(b"see this", &[File::open("/proc/version")?.as_fd()]).await?;
/// let mut bytes = [0; 64];
/// let (n, fds) = right.recv_with_fds(&mut bytes).await?;
/// assert_eq!(&bytes[..n], b"see this");
/// let mut text = String::new();
/// File::from(fds.into_iter().next().expect("one came")).read_to_string(&mut text)?;
/// assert!(text.starts_with("Linux"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[doc(alias = "UnixStream")]
#[doc(alias = "SOCK_STREAM")]
pub struct Stream {
    pub(crate) watched: Watched<os::Stream>,
}

impl Stream {
    /// Connects to whoever listens at `address`, pausing up to 50 ms at a time while its queue is full.
    ///
    /// # Errors
    /// `NotFound` and `ConnectionRefused`: nobody listens there. `InvalidInput`: a bad address. `EPROTOTYPE`:
    /// packets are spoken there. Else the kernel's, see connect(2).
    ///
    /// # Panics
    /// Without a runtime that has I/O enabled, or, if the queue is full, time.
    ///
    /// # Cancel safety
    /// Cancelled, no connection was made.
    pub async fn connect(address: impl ToAddress) -> io::Result<Self> {
        let (fd, ours) = driver::connect(SocketKind::Stream, address).await?;
        Self::accepted(fd, ours)
    }

    /// Listens at `address` with the defaults of [`Listener::builder`]: a file of mode 0600.
    ///
    /// # Errors
    /// As [`ListenerBuilder::listen`](os::ListenerBuilder::listen).
    pub fn listen(address: impl ToAddress) -> io::Result<Listener<Self>> {
        Listener::builder().listen(address)
    }

    /// Two streams connected to each other, to hand one of them to a child or another task.
    ///
    /// # Errors
    /// The kernel's, see socketpair(2).
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = os::Stream::pair(true)?;
        Ok((Self { watched: Watched::new(a)? }, Self { watched: Watched::new(b)? }))
    }

    /// Adopts a connected descriptor after checking it. Its flags stay as they are.
    ///
    /// # Errors
    /// The descriptor comes back if it is no connected stream socket of the local family, or if tokio's reactor
    /// cannot watch it.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        Ok(Self { watched: Watched::adopt(os::Stream::adopt(fd)?)? })
    }

    fn made(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { watched: Watched::new(os::Stream::made(fd))? })
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

    /// Splits into two halves for two tasks. Dropping the writing half sends the end to the peer.
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        let watched = Arc::new(self.watched);
        (ReadHalf::new(Arc::clone(&watched)), WriteHalf::new(watched))
    }
}

pub(crate) async fn send(
    watched: &Watched<os::Stream>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let bytes = [IoSlice::new(bytes)];
    watched.until(Direction::Write, |os| send_some(os, &bytes, fds)).await
}

pub(crate) async fn recv(
    watched: &Watched<os::Stream>,
    bytes: &mut [u8],
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let attempt = |os: &os::Stream| {
        let chunk = os.receive(bytes, Wait::Never)?;
        Ok(chunk.map(|Chunk { bytes, fds, drained, .. }| Ready { value: (bytes, fds), drained }))
    };
    watched.until(Direction::Read, attempt).await
}

pub(crate) fn poll_read(
    watched: &Watched<os::Stream>,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let read = ready!(watched.poll_until(cx, Direction::Read, |os| {
        // SAFETY: `read_uninit` writes to the bytes and never leaves one uninitialised that was not.
        let room = unsafe { buffer.unfilled_mut() };
        let chunk = os.read_uninit(room, Wait::Never)?;
        Ok(chunk.map(|Chunk { bytes, drained, .. }| Ready { value: bytes, drained }))
    }))?;
    // SAFETY: `read_uninit` initialised as many bytes as it reported, at the start of the unfilled part.
    unsafe { buffer.assume_init(read) };
    buffer.advance(read);
    Poll::Ready(Ok(()))
}

pub(crate) fn poll_write(
    watched: &Watched<os::Stream>,
    cx: &mut Context<'_>,
    bytes: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    watched.poll_until(cx, Direction::Write, |os| send_some(os, bytes, &[]))
}

/// What the kernel does not take of a stream's bytes, it has no room for: readiness can be cleared at once.
fn send_some(os: &os::Stream, bytes: &[IoSlice<'_>], fds: &[BorrowedFd<'_>]) -> Would<Ready<usize>> {
    let sent = os.send(bytes, fds, Wait::Never)?;
    let given = bytes.iter().take(limits::SLICES).map(|part| part.len()).sum();
    Ok(sent.map(|sent| Ready { value: sent, drained: sent < given }))
}

/// Cancel safe, as all of `AsyncRead`: what was not returned stays for the next call.
impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_read(&self.watched, cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        poll_write(&self.watched, cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_write(&self.watched, cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Stream::shutdown(&self, Shutdown::Write))
    }
}

impl Socket for Stream {
    const KIND: SocketKind = SocketKind::Stream;

    fn accepted(fd: OwnedFd, ours: bool) -> io::Result<Self> {
        if ours { Self::made(fd) } else { Self::try_from(fd) }
    }
}

/// Takes the descriptor unchecked; [`Stream::adopt`] checks it. It fails where tokio's reactor cannot watch it.
impl TryFrom<OwnedFd> for Stream {
    type Error = io::Error;

    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { watched: Watched::new(fd.into())? })
    }
}

/// Gives the descriptor away. One that this crate made is in non-blocking mode.
impl From<Stream> for OwnedFd {
    fn from(stream: Stream) -> Self {
        stream.watched.into_inner().into()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}
