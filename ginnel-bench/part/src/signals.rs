//! A stream beside a library's own connection, where that carries only one direction, or only calls.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// A blocking stream of signals, each one byte.
#[derive(Debug)]
pub struct Signals(UnixStream);

/// Where the library itself listens; the socket of its scenario is the one of the signals.
pub fn beside(socket: &Path) -> PathBuf {
    socket.with_extension("data")
}

impl Signals {
    /// Waits for the other end.
    pub fn accept(listener: &UnixListener) -> io::Result<Self> {
        listener.accept().map(|(stream, _)| Self(stream))
    }

    /// Connects to the other end.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        UnixStream::connect(socket).map(Self)
    }

    /// Says "go on" to the other end.
    pub fn signal(&mut self) -> io::Result<()> {
        self.0.write_all(&[1])
    }

    /// Waits for the other end's `signal`.
    pub fn signalled(&mut self) -> io::Result<()> {
        self.0.read_exact(&mut [0])
    }

    /// Makes a socketpair, keeps one of its streams and sends the other to whoever calls `given`.
    pub fn give(&mut self) -> io::Result<UnixStream> {
        let (kept, given) = UnixStream::pair()?;
        let fds = [given.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&fds));
        sendmsg(&self.0, &[IoSlice::new(&[1])], &mut control, SendFlags::NOSIGNAL)?;
        Ok(kept)
    }

    /// Waits for the other end's `give`.
    pub fn given(&mut self) -> io::Result<UnixStream> {
        let (mut byte, mut space) = ([0], [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))]);
        let mut control = RecvAncillaryBuffer::new(&mut space);
        recvmsg(&self.0, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let received = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        received.map(|fd: OwnedFd| fd.into()).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_stream_leads_to_the_one_that_was_kept() {
        let (here, there) = UnixStream::pair().expect("a pair");
        let (mut here, mut there) = (Signals(here), Signals(there));
        let mut kept = here.give().expect("room for a byte");
        let mut given = there.given().expect("a stream");
        kept.write_all(b"x").expect("room for a byte");
        let mut byte = [0];
        given.read_exact(&mut byte).expect("a byte");
        assert_eq!(byte, *b"x");
    }
}
