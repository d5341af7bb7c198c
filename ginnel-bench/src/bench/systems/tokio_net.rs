//! Tokio's streams, and the endpoint that every stream with tokio's traits shares.

use std::io;
use std::path::Path;

use ginnel_bench_part::{ByteStream, Each, Endpoint, System};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::{block_on, floor_messages};

pub(super) const SYSTEM: System = System::named("tokio")
    .with_stream(|part, control| block_on(part.stream::<Asynchronous<TokioNet>>(control)))
    .with_messages(floor_messages::tokio_messages)
    .with_calls(floor_messages::tokio_calls)
    .with_clients(floor_messages::tokio_calls)
    .with_idle(|part, control| block_on(part.idle::<Each<Asynchronous<TokioNet>>>(control)));

/// How an asynchronous library opens its streams; `Asynchronous` makes an endpoint of it.
pub(super) trait AsyncSystem {
    type Stream: AsyncRead + AsyncWrite + Unpin;
    type Listener;

    fn listen(path: &Path) -> io::Result<Self::Listener>;
    async fn accept(listener: &mut Self::Listener) -> io::Result<Self::Stream>;
    async fn connect(path: &Path) -> io::Result<Self::Stream>;
}

pub(super) struct TokioNet;

impl AsyncSystem for TokioNet {
    type Stream = UnixStream;
    type Listener = UnixListener;

    fn listen(path: &Path) -> io::Result<UnixListener> {
        UnixListener::bind(path)
    }

    async fn accept(listener: &mut UnixListener) -> io::Result<UnixStream> {
        listener.accept().await.map(|(stream, _)| stream)
    }

    async fn connect(path: &Path) -> io::Result<UnixStream> {
        UnixStream::connect(path).await
    }
}

/// The stream of an asynchronous library as an endpoint.
pub(super) struct Asynchronous<Y: AsyncSystem>(pub(super) Y::Stream);

impl<Y: AsyncSystem> Endpoint for Asynchronous<Y> {
    type Listener = Y::Listener;

    async fn listen(path: &Path) -> io::Result<Y::Listener> {
        Y::listen(path)
    }

    async fn accept(listener: &mut Y::Listener) -> io::Result<Self> {
        Y::accept(listener).await.map(Self)
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        Y::connect(path).await.map(Self)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.0.write_all(&[1]).await
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.0.read_exact(&mut [0]).await.map(drop)
    }
}

impl<Y: AsyncSystem> ByteStream for Asynchronous<Y> {
    async fn send_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    async fn recv_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(buffer).await.map(drop)
    }

    async fn recv_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).await
    }
}
