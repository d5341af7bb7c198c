//! `tokio-seqpacket`: asynchronous packets, and descriptors over them.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use ginnel_bench_part::{Endpoint, FdLink, PacketLink, System};
use tokio_seqpacket::ancillary::{AncillaryMessageWriter, OwnedAncillaryMessage};
use tokio_seqpacket::{UnixSeqpacket, UnixSeqpacketListener};

use super::block_on;

pub(super) const SYSTEM: System = System::named("tokio-seqpacket")
    .with_packets(|part, control| block_on(part.packets::<TokioPackets>(control)))
    .with_fds(|part, control| block_on(part.fds::<TokioPackets>(control)));

struct TokioPackets {
    socket: UnixSeqpacket,
    buffer: [u8; 64],
}

impl TokioPackets {
    fn new(socket: UnixSeqpacket) -> Self {
        Self { socket, buffer: [0; 64] }
    }

    async fn recv(&mut self) -> io::Result<()> {
        match self.socket.recv(&mut self.buffer).await?.bytes_read() {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Endpoint for TokioPackets {
    type Listener = UnixSeqpacketListener;

    async fn listen(path: &Path) -> io::Result<UnixSeqpacketListener> {
        UnixSeqpacketListener::bind(path)
    }

    async fn accept(listener: &mut UnixSeqpacketListener) -> io::Result<Self> {
        listener.accept().await.map(Self::new)
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        UnixSeqpacket::connect(path).await.map(Self::new)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.socket.send(&[1]).await.map(drop)
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.recv().await
    }
}

impl PacketLink for TokioPackets {
    async fn send_some(&mut self, packet: &[u8], _most: u64) -> io::Result<u64> {
        self.socket.send(packet).await.map(|_| 1)
    }

    async fn recv_some(&mut self) -> io::Result<u64> {
        self.recv().await.map(|()| 1)
    }
}

impl FdLink for TokioPackets {
    async fn send_fd(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let mut space = [0; ANCILLARY];
        let mut ancillary = AncillaryMessageWriter::new(&mut space);
        ancillary.add_fds([fd]).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.socket.send_with_ancillary(&[1], &mut ancillary).await.map(drop)
    }

    async fn recv_fds(&mut self) -> io::Result<u64> {
        let mut space = [0; ANCILLARY];
        let mut byte = [0];
        let (info, ancillary) = self.socket.recv_with_ancillary(&mut byte, &mut space).await?;
        if info.bytes_read() == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut received = 0;
        for message in ancillary.into_messages() {
            if let OwnedAncillaryMessage::FileDescriptors(fds) = message {
                received += fds.map(drop).count();
            }
        }
        Ok(received as u64)
    }
}

/// Room for the control message of one descriptor, wherever its alignment puts it.
const ANCILLARY: usize = 64;
