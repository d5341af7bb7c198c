//! Signals beside a library whose own connection carries only one direction, or only calls.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where the library itself listens; the socket of its scenario is the one of the signals.
pub(super) fn beside(socket: &Path) -> PathBuf {
    socket.with_extension("data")
}

/// For a blocking library.
pub(super) struct Signals(UnixStream);

impl Signals {
    pub(super) fn accept(listener: &UnixListener) -> io::Result<Self> {
        listener.accept().map(|(stream, _)| Self(stream))
    }

    pub(super) fn connect(socket: &Path) -> io::Result<Self> {
        UnixStream::connect(socket).map(Self)
    }

    pub(super) fn signal(&mut self) -> io::Result<()> {
        self.0.write_all(&[1])
    }

    pub(super) fn signalled(&mut self) -> io::Result<()> {
        self.0.read_exact(&mut [0])
    }
}

/// For an asynchronous library, which works in the background while its part waits.
pub(super) struct AsyncSignals(tokio::net::UnixStream);

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
    streams: tokio::net::UnixListener,
    signals: tokio::net::UnixListener,
}

impl AsyncListeners {
    pub(super) fn bind(socket: &Path) -> io::Result<Self> {
        let streams = tokio::net::UnixListener::bind(beside(socket))?;
        Ok(Self { streams, signals: tokio::net::UnixListener::bind(socket)? })
    }

    pub(super) async fn accept(&self) -> io::Result<(tokio::net::UnixStream, AsyncSignals)> {
        let (stream, _) = self.streams.accept().await?;
        let (signals, _) = self.signals.accept().await?;
        Ok((stream, AsyncSignals(signals)))
    }
}

/// Connects to an `AsyncListeners`.
pub(super) async fn connect(socket: &Path) -> io::Result<(tokio::net::UnixStream, AsyncSignals)> {
    let stream = tokio::net::UnixStream::connect(beside(socket)).await?;
    Ok((stream, AsyncSignals(tokio::net::UnixStream::connect(socket).await?)))
}
