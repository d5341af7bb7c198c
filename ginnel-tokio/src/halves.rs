use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ginnel_os as os;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::driver::Watched;
use crate::stream;

/// The reading half of a [`Stream`](crate::Stream).
#[derive(Debug)]
pub struct ReadHalf {
    watched: Arc<Watched<os::Stream>>,
}

impl ReadHalf {
    pub(crate) fn new(watched: Arc<Watched<os::Stream>>) -> Self {
        Self { watched }
    }

    /// As [`Stream::recv_with_fds`](crate::Stream::recv_with_fds).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was received.
    pub async fn recv_with_fds(&mut self, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        stream::recv(&self.watched, bytes).await
    }
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        stream::poll_read(&self.watched, cx, buffer)
    }
}

impl AsFd for ReadHalf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}

/// The writing half of a [`Stream`](crate::Stream). Dropping it sends the end to the peer.
#[derive(Debug)]
pub struct WriteHalf {
    watched: Arc<Watched<os::Stream>>,
}

impl WriteHalf {
    pub(crate) fn new(watched: Arc<Watched<os::Stream>>) -> Self {
        Self { watched }
    }

    /// As [`Stream::send_with_fds`](crate::Stream::send_with_fds).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was sent.
    pub async fn send_with_fds(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        stream::send(&self.watched, bytes, fds).await
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        stream::poll_write(&self.watched, cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        stream::poll_write(&self.watched, cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(os::shutdown(self.watched.as_fd(), Shutdown::Write))
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        // The peer may have gone first; then there is nobody to tell.
        let _ = os::shutdown(self.watched.as_fd(), Shutdown::Write);
    }
}

impl AsFd for WriteHalf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}
