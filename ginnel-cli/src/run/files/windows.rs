//! No file travels through a pipe, and `plan` has refused those that were named.

use std::io;
use std::path::PathBuf;

use anyhow::Result;
use ginnel::{Message, SeqPacket, Stream};

/// None.
#[derive(Debug)]
pub(crate) struct Files;

impl Files {
    #[expect(clippy::unnecessary_wraps, reason = "it may fail elsewhere")]
    pub(crate) fn open(_: &[PathBuf]) -> Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "there may be some elsewhere")]
    pub(crate) fn count(&self) -> usize {
        0
    }

    /// The message as it is.
    #[expect(clippy::unused_self, reason = "there may be some elsewhere")]
    pub(crate) fn with(self, message: Message) -> Message {
        message
    }

    /// Sends nothing yet.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "there may be some elsewhere")]
    pub(crate) fn send_with(&self, _: &Stream, _: &[u8]) -> io::Result<usize> {
        Ok(0)
    }

    /// Sends a packet.
    #[expect(clippy::unused_self, reason = "there may be some elsewhere")]
    pub(crate) fn send_packet(&self, socket: &SeqPacket, packet: &[u8]) -> io::Result<()> {
        socket.send(packet)?;
        socket.flush()
    }
}
