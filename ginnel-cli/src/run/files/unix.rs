use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context, Result};
use ginnel::{Message, SeqPacket, Stream};

/// Open files.
#[derive(Debug)]
pub(crate) struct Files(Vec<File>);

impl Files {
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self> {
        let open =
            |path: &PathBuf| File::open(path).with_context(|| format!("cannot open {}", path.display()));
        paths.iter().map(open).collect::<Result<_>>().map(Self)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn fds(&self) -> Vec<BorrowedFd<'_>> {
        self.0.iter().map(AsFd::as_fd).collect()
    }

    /// The message with them.
    pub(crate) fn with(self, message: Message) -> Message {
        message.with_fds(self.0.into_iter().map(OwnedFd::from).collect())
    }

    /// Sends them with the first of these bytes, and says how many of those went.
    pub(crate) fn send_with(&self, stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
        stream.send_with_fds(bytes, &self.fds())
    }

    /// Sends them with a packet.
    pub(crate) fn send_packet(&self, socket: &SeqPacket, packet: &[u8]) -> io::Result<()> {
        socket.send_with_fds(packet, &self.fds())
    }
}
