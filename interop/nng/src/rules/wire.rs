//! The peer's end of a pipe, byte by byte.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::net::{Shutdown, shutdown, sockopt};

use super::Transport;

/// A connected stream socket, read and written as a file is.
#[derive(Debug)]
pub(super) struct Wire {
    stream: File,
    transport: Transport,
}

impl Wire {
    pub(super) fn new(stream: OwnedFd, transport: Transport) -> Result<Self> {
        Self::with_patience(stream, transport, PATIENCE)
    }

    fn with_patience(stream: OwnedFd, transport: Transport, patience: Duration) -> Result<Self> {
        sockopt::set_socket_timeout(&stream, sockopt::Timeout::Recv, Some(patience))?;
        Ok(Self { stream: stream.into(), transport })
    }

    /// False if the other side has closed already.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<bool> {
        match self.stream.write_all(bytes) {
            Ok(()) => Ok(true),
            Err(error) if is_closed(&error) => Ok(false),
            Err(error) => Err(error).context("writing to the victim"),
        }
    }

    pub(super) fn end(&mut self) -> Result<()> {
        match shutdown(&self.stream, Shutdown::Write) {
            Ok(()) | Err(rustix::io::Errno::NOTCONN) => Ok(()),
            Err(error) => Err(error).context("ending what is sent to the victim"),
        }
    }

    pub(super) fn read_greeting(&mut self) -> Result<[u8; 8]> {
        let mut greeting = [0; 8];
        self.stream.read_exact(&mut greeting).context("reading the victim's greeting")?;
        Ok(greeting)
    }

    /// The next message, its header included.
    pub(super) fn read_message(&mut self) -> Result<Vec<u8>> {
        let mut head = vec![0; length_head(self.transport, 0).len()];
        self.stream.read_exact(&mut head).context("reading what comes before a message")?;
        let (kind, length) = head.split_at(head.len() - 8);
        ensure!(kind.iter().all(|kind| *kind == MESSAGE), "the byte before the length is {kind:?}");
        let length = u64::from_be_bytes(length.try_into()?);
        ensure!(length < 1 << 20, "a message of {length} bytes was not expected");
        let mut body = vec![0; usize::try_from(length)?];
        self.stream.read_exact(&mut body).context("reading a message")?;
        Ok(body)
    }

    /// Waits until the victim closes; what it still says is not looked at.
    pub(super) fn read_to_the_end(&mut self) -> Result<()> {
        let mut rest = [0; 256];
        loop {
            match self.stream.read(&mut rest) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if is_closed(&error) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => bail!("the pipe stays open"),
                Err(error) => return Err(error).context("waiting for the victim to close"),
            }
        }
    }
}

/// What stands before a message of that length.
pub(super) fn length_head(transport: Transport, length: u64) -> Vec<u8> {
    typed_length_head(transport, MESSAGE, length)
}

/// The same, with another byte where a transport has one.
pub(super) fn typed_length_head(transport: Transport, kind: u8, length: u64) -> Vec<u8> {
    let mut head = Vec::new();
    if transport == Transport::Ipc {
        head.push(kind);
    }
    head.extend(length.to_be_bytes());
    head
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

/// What says on `ipc://` that a message follows.
const MESSAGE: u8 = 1;

/// How long the victim may take; it is never waited for in a test that passes.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_pipe_that_stays_is_not_taken_for_a_closed_one() -> Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut wire = Wire::with_patience(ours.into(), Transport::Socket, Duration::from_millis(1))?;
        let error = wire.read_to_the_end().expect_err("the other end is open");
        assert_eq!(error.to_string(), "the pipe stays open");
        drop(theirs);
        wire.read_to_the_end()
    }
}
