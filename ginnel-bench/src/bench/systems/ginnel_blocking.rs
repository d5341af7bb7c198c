//! The blocking crate: streams, packets one by one, and packets in batches.

use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::Path;

use ginnel::{Batch, Listener, SeqPacket, Stream};
use ginnel_bench_part::{Blocking, BlockingFds, BlockingSystem, Each, Endpoint, PacketLink, System, ready};

use super::ginnel_blocking_engines::{Calls, Hall, Receiver};
use super::ginnel_blocking_messages::Messages;

pub(super) const SYSTEM: System = System::named("ginnel")
    .with_stream(|part, control| ready(part.stream::<Blocking<Ginnel>>(control)))
    .with_packets(|part, control| ready(part.packets::<OneByOne>(control)))
    .with_fds(|part, control| ready(part.fds::<Blocking<Ginnel>>(control)))
    .with_messages(|part, control| ready(part.messages::<Messages>(control)))
    .with_calls(|part, control| ready(part.calls::<Messages>(control)))
    .with_clients(|part, control| ready(part.calls::<Calls>(control)))
    .with_broadcasts(|part, control| ready(part.broadcasts::<Receiver>(control)))
    .with_idle(|part, control| ready(part.idle::<Each<Messages>>(control)));

pub(super) const SERVER: System =
    System::named("ginnel-server").with_idle(|part, control| ready(part.idle::<Hall>(control)));

pub(super) const BATCH: System =
    System::named("ginnel-batch").with_packets(|part, control| ready(part.packets::<Batches>(control)));

struct Ginnel;

impl BlockingSystem for Ginnel {
    type Stream = Stream;
    type Listener = Listener<Stream>;

    fn listen(path: &Path) -> io::Result<Listener<Stream>> {
        Stream::listen(path)
    }

    fn accept(listener: &mut Listener<Stream>) -> io::Result<Stream> {
        listener.accept()
    }

    fn connect(path: &Path) -> io::Result<Stream> {
        Stream::connect(path)
    }
}

impl BlockingFds for Ginnel {
    fn send_fd(stream: &mut Stream, fd: BorrowedFd<'_>) -> io::Result<()> {
        stream.send_with_fds(&[1], &[fd]).map(drop)
    }

    fn recv_fds(stream: &mut Stream) -> io::Result<u64> {
        match stream.recv_with_fds(&mut [0])? {
            (0, _) => Err(io::ErrorKind::UnexpectedEof.into()),
            (_, fds) => Ok(fds.len() as u64),
        }
    }
}

struct OneByOne {
    socket: SeqPacket,
    buffer: [u8; 64],
}

impl OneByOne {
    fn new(socket: SeqPacket) -> Self {
        Self { socket, buffer: [0; 64] }
    }

    fn recv(&mut self) -> io::Result<()> {
        let received = self.socket.recv_into(&mut self.buffer)?;
        received.map(drop).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Endpoint for OneByOne {
    type Listener = Listener<SeqPacket>;

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        SeqPacket::listen(path)
    }

    async fn accept(listener: &mut Self::Listener) -> io::Result<Self> {
        listener.accept().map(Self::new)
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        SeqPacket::connect(path).map(Self::new)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.socket.send(&[1])
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.recv()
    }
}

impl PacketLink for OneByOne {
    async fn send_some(&mut self, packet: &[u8], _most: u64) -> io::Result<u64> {
        self.socket.send(packet).map(|()| 1)
    }

    async fn recv_some(&mut self) -> io::Result<u64> {
        self.recv().map(|()| 1)
    }
}

/// The same socket, up to `BATCHED` packets in a call.
struct Batches {
    single: OneByOne,
    batch: Batch,
}

impl Batches {
    fn new(single: OneByOne) -> Self {
        let bytes_each = single.buffer.len();
        Self { single, batch: Batch::new(BATCHED, bytes_each) }
    }
}

impl Endpoint for Batches {
    type Listener = Listener<SeqPacket>;

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        OneByOne::listen(path).await
    }

    async fn accept(listener: &mut Self::Listener) -> io::Result<Self> {
        OneByOne::accept(listener).await.map(Self::new)
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        OneByOne::connect(path).await.map(Self::new)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.single.signal().await
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.single.signalled().await
    }
}

impl PacketLink for Batches {
    async fn send_some(&mut self, packet: &[u8], most: u64) -> io::Result<u64> {
        let packets = [IoSlice::new(packet); BATCHED];
        let most = usize::try_from(most).unwrap_or(BATCHED).min(BATCHED);
        Ok(self.single.socket.send_batch(&packets[..most])? as u64)
    }

    async fn recv_some(&mut self) -> io::Result<u64> {
        match self.single.socket.recv_batch(&mut self.batch)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            packets => Ok(packets as u64),
        }
    }
}

const BATCHED: usize = 32;
