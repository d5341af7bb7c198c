//! Signals beside a library whose own connection carries only one direction, or only calls.

use std::io;
use std::path::Path;

use ginnel_bench_part::beside;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// For an asynchronous library, which works in the background while its part waits.
pub(super) struct AsyncSignals(UnixStream);

impl AsyncSignals {
    pub(super) async fn signal(&mut self) -> io::Result<()> {
        self.0.write_all(&[1]).await
    }

    pub(super) async fn signalled(&mut self) -> io::Result<()> {
        self.0.read_exact(&mut [0]).await.map(drop)
    }
}

/// Where an asynchronous library gets a stream of its own, with signals beside it.
pub(super) struct AsyncListeners {
    streams: UnixListener,
    signals: UnixListener,
}

impl AsyncListeners {
    pub(super) fn bind(socket: &Path) -> io::Result<Self> {
        let streams = UnixListener::bind(beside(socket))?;
        Ok(Self { streams, signals: UnixListener::bind(socket)? })
    }

    pub(super) async fn accept(&self) -> io::Result<(UnixStream, AsyncSignals)> {
        let (stream, _) = self.streams.accept().await?;
        let (signals, _) = self.signals.accept().await?;
        Ok((stream, AsyncSignals(signals)))
    }
}

/// Connects to an `AsyncListeners`.
pub(super) async fn connect(socket: &Path) -> io::Result<(UnixStream, AsyncSignals)> {
    let stream = UnixStream::connect(beside(socket)).await?;
    Ok((stream, AsyncSignals(UnixStream::connect(socket).await?)))
}
