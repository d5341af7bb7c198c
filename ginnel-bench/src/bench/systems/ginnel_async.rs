//! The tokio crate: streams and packets.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use ginnel_bench_part::{Each, Endpoint, FdLink, PacketLink, System};
use ginnel_tokio::{Listener, SeqPacket, Stream};

use super::block_on;
use super::ginnel_async_engines::{Calls, Hall, Receiver};
use super::ginnel_async_messages::Messages;
use super::tokio_net::{AsyncSystem, Asynchronous};

pub(super) const SYSTEM: System = System::named("ginnel-tokio")
    .with_stream(|part, control| block_on(part.stream::<Asynchronous<GinnelTokio>>(control)))
    .with_packets(|part, control| block_on(part.packets::<Packets>(control)))
    .with_fds(|part, control| block_on(part.fds::<Asynchronous<GinnelTokio>>(control)))
    .with_messages(|part, control| block_on(part.messages::<Messages>(control)))
    .with_calls(|part, control| block_on(part.calls::<Messages>(control)))
    .with_clients(|part, control| block_on(part.calls::<Calls>(control)))
    .with_broadcasts(|part, control| block_on(part.broadcasts::<Receiver>(control)))
    .with_idle(|part, control| block_on(part.idle::<Each<Messages>>(control)));

pub(super) const SERVER: System =
    System::named("ginnel-tokio-server").with_idle(|part, control| block_on(part.idle::<Hall>(control)));

struct GinnelTokio;

impl AsyncSystem for GinnelTokio {
    type Stream = Stream;
    type Listener = Listener<Stream>;

    fn listen(path: &Path) -> io::Result<Listener<Stream>> {
        Stream::listen(path)
    }

    async fn accept(listener: &mut Listener<Stream>) -> io::Result<Stream> {
        listener.accept().await
    }

    async fn connect(path: &Path) -> io::Result<Stream> {
        Stream::connect(path).await
    }
}

impl FdLink for Asynchronous<GinnelTokio> {
    async fn send_fd(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.0.send_with_fds(&[1], &[fd]).await.map(drop)
    }

    async fn recv_fds(&mut self) -> io::Result<u64> {
        match self.0.recv_with_fds(&mut [0]).await? {
            (0, _) => Err(io::ErrorKind::UnexpectedEof.into()),
            (_, fds) => Ok(fds.len() as u64),
        }
    }
}

struct Packets {
    socket: SeqPacket,
    buffer: [u8; 64],
}

impl Packets {
    fn new(socket: SeqPacket) -> Self {
        Self { socket, buffer: [0; 64] }
    }

    async fn recv(&mut self) -> io::Result<()> {
        let received = self.socket.recv_into(&mut self.buffer).await?;
        received.map(drop).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Endpoint for Packets {
    type Listener = Listener<SeqPacket>;

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        SeqPacket::listen(path)
    }

    async fn accept(listener: &mut Self::Listener) -> io::Result<Self> {
        listener.accept().await.map(Self::new)
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        SeqPacket::connect(path).await.map(Self::new)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.socket.send(&[1]).await
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.recv().await
    }
}

impl PacketLink for Packets {
    async fn send_some(&mut self, packet: &[u8], _most: u64) -> io::Result<u64> {
        self.socket.send(packet).await.map(|()| 1)
    }

    async fn recv_some(&mut self) -> io::Result<u64> {
        self.recv().await.map(|()| 1)
    }
}
