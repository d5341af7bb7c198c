#![expect(unsafe_code, reason = "tokio's read buffer is told how much of it a read has initialised")]

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ginnel_os::sys::Handle;
use ginnel_os::{self as os, Chunk, Credentials, Direction, SocketKind, Wait};
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

    /// Who is at the other end, as recorded when the connection was made.
    ///
    /// # Errors
    /// The kernel's, see unix(7) on `SO_PEERCRED`.
    #[doc(alias = "SO_PEERCRED")]
    pub fn peer_credentials(&self) -> io::Result<Credentials> {
        Credentials::of(self.watched.get().borrowed())
    }

    /// Splits into two halves for two tasks. Dropping the writing half sends the end to the peer; on Windows, where a pipe
    /// has no half of that, the peer reads the end when both are dropped.
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        let watched = Arc::new(self.watched);
        (ReadHalf::new(Arc::clone(&watched)), WriteHalf::new(watched))
    }
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
    watched.poll_until(cx, Direction::Write, |os| {
        let sent = os.send(bytes, &[], Wait::Never)?;
        Ok(sent.map(|sent| taken(sent, bytes)))
    })
}

/// What the kernel does not take of a stream's bytes, it has no room for: readiness can be cleared at once.
pub(crate) fn taken(sent: usize, bytes: &[IoSlice<'_>]) -> Ready<usize> {
    let given = bytes.iter().take(limits::SLICES).map(|part| part.len()).sum();
    Ready { value: sent, drained: sent < given }
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

    /// Ready at once on Unix; on Windows once the system has what was written.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched.poll_flush(cx)
    }

    /// The peer reads the end after what is under way. On Windows, where a pipe has no half of that, nothing more can be
    /// read either.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched.poll_finish(cx)
    }
}

impl Socket for Stream {
    const KIND: SocketKind = SocketKind::Stream;

    fn accepted(fd: Handle, ours: bool) -> io::Result<Self> {
        let os = if ours { os::Stream::made(fd) } else { os::Stream::unchecked(fd) };
        Ok(Self { watched: Watched::new(os)? })
    }
}
