//! `tokio-util`: frames behind their length, over tokio's streams.

use std::io;
use std::path::Path;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use ginnel_bench_part::{CallLink, Each, Endpoint, MessageLink, System};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::block_on;

pub(super) const SYSTEM: System = System::named("tokio-util")
    .with_messages(|part, control| block_on(part.messages::<Frames>(control)))
    .with_calls(|part, control| block_on(part.calls::<Frames>(control)))
    .with_idle(|part, control| block_on(part.idle::<Each<Frames>>(control)));

struct Frames(Framed<UnixStream, LengthDelimitedCodec>);

impl Frames {
    fn new(stream: UnixStream) -> Self {
        Self(Framed::with_capacity(stream, LengthDelimitedCodec::new(), BUFFER))
    }

    async fn recv(&mut self) -> io::Result<BytesMut> {
        self.0.next().await.ok_or(io::ErrorKind::UnexpectedEof)?
    }
}

impl Endpoint for Frames {
    type Listener = UnixListener;

    async fn listen(path: &Path) -> io::Result<UnixListener> {
        UnixListener::bind(path)
    }

    async fn accept(listener: &mut UnixListener) -> io::Result<Self> {
        listener.accept().await.map(|(stream, _)| Self::new(stream))
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        UnixStream::connect(path).await.map(Self::new)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.0.send([1].as_slice()).await
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.recv().await.map(drop)
    }
}

impl MessageLink for Frames {
    type Message = Vec<u8>;

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn feed(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.0.feed(message.as_slice()).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        SinkExt::<&[u8]>::flush(&mut self.0).await
    }

    async fn send(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.0.send(message.as_slice()).await
    }

    async fn recv(&mut self) -> io::Result<usize> {
        Self::recv(self).await.map(|frame| frame.len())
    }
}

impl CallLink for Frames {
    async fn call(&mut self, request: &[u8]) -> io::Result<usize> {
        self.0.send(request).await?;
        self.recv().await.map(|answer| answer.len())
    }

    async fn answer(&mut self, requests: u64) -> io::Result<()> {
        for _ in 0..requests {
            let request = self.recv().await?;
            self.0.send(request.as_ref()).await?;
        }
        Ok(())
    }
}

/// For those who stream: the 8 KiB of a plain `Framed` cost more calls.
const BUFFER: usize = 64 << 10;
