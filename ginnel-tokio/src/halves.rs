use std::io::{self, IoSlice};
use std::net::Shutdown;
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
    pub(crate) watched: Arc<Watched<os::Stream>>,
}

impl ReadHalf {
    pub(crate) fn new(watched: Arc<Watched<os::Stream>>) -> Self {
        Self { watched }
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

/// The writing half of a [`Stream`](crate::Stream). Dropping it sends the end to the peer; on Windows, where a pipe has no
/// half of that, the peer reads the end when both halves are dropped.
#[derive(Debug)]
pub struct WriteHalf {
    pub(crate) watched: Arc<Watched<os::Stream>>,
}

impl WriteHalf {
    pub(crate) fn new(watched: Arc<Watched<os::Stream>>) -> Self {
        Self { watched }
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

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched.poll_flush(cx)
    }

    /// As [`Stream`](crate::Stream)'s: on Windows the other half reads the end too.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched.poll_finish(cx)
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        // The peer may have gone first; then there is nobody to tell. A pipe of Windows has no half of an end.
        let _ = self.watched.get().shutdown(Shutdown::Write);
    }
}
