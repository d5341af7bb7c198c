//! `uds`: blocking packets, and descriptors over them.

#![allow(unsafe_code, reason = "the library hands out raw descriptors, which must be owned to be closed")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

use ginnel_bench_part::{Endpoint, FdLink, PacketLink, System, ready};
use uds::{UnixSeqpacketConn, UnixSeqpacketListener};

pub(super) const SYSTEM: System = System::named("uds")
    .with_packets(|part, control| ready(part.packets::<Uds>(control)))
    .with_fds(|part, control| ready(part.fds::<Uds>(control)));

struct Uds {
    socket: UnixSeqpacketConn,
    buffer: [u8; 64],
}

impl Uds {
    fn new(socket: UnixSeqpacketConn) -> Self {
        Self { socket, buffer: [0; 64] }
    }

    fn recv(&mut self) -> io::Result<()> {
        match self.socket.recv(&mut self.buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Endpoint for Uds {
    type Listener = UnixSeqpacketListener;

    async fn listen(path: &Path) -> io::Result<UnixSeqpacketListener> {
        UnixSeqpacketListener::bind(path)
    }

    async fn accept(listener: &mut UnixSeqpacketListener) -> io::Result<Self> {
        listener.accept_unix_addr().map(|(socket, _)| Self::new(socket))
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        UnixSeqpacketConn::connect(path).map(Self::new)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.socket.send(&[1]).map(drop)
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.recv()
    }
}

impl PacketLink for Uds {
    async fn send_some(&mut self, packet: &[u8], _most: u64) -> io::Result<u64> {
        self.socket.send(packet).map(|_| 1)
    }

    async fn recv_some(&mut self) -> io::Result<u64> {
        self.recv().map(|()| 1)
    }
}

impl FdLink for Uds {
    async fn send_fd(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.socket.send_fds(&[1], &[fd.as_raw_fd()]).map(drop)
    }

    async fn recv_fds(&mut self) -> io::Result<u64> {
        let mut fds = [-1];
        match self.socket.recv_fds(&mut [0], &mut fds)? {
            (0, _, _) => Err(io::ErrorKind::UnexpectedEof.into()),
            (_, _, 0) => Ok(0),
            _ => {
                // SAFETY: the library says that it filled the one place with a descriptor it
                // received, which is ours alone.
                drop(unsafe { OwnedFd::from_raw_fd(fds[0]) });
                Ok(1)
            }
        }
    }
}
