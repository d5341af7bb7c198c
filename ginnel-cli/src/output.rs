//! Standard output, for bytes that a peer chose.

#[cfg(unix)]
#[path = "output/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "output/windows.rs"]
mod system;

use std::io::{self, ErrorKind, IsTerminal, Write};

use self::system::Standard;
use crate::escape::Escape;

/// Standard output without a buffer. On a terminal, control bytes are escaped.
#[derive(Debug)]
pub(crate) struct Output {
    file: Standard,
    escape: Option<Escape>,
    escaped: Vec<u8>,
}

/// Why nothing more can be printed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// As `| head -1` does when it has what it wanted. No failure.
    #[error("the reader of standard output has gone")]
    Gone,
    #[error("cannot write to standard output")]
    Failed(#[source] io::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe { Self::Gone } else { Self::Failed(error) }
    }
}

impl Output {
    pub(crate) fn stdout() -> Result<Self, OutputError> {
        let escape = io::stdout().is_terminal().then(Escape::default);
        Ok(Self { escape, ..Self::stdout_as_is()? })
    }

    /// Without escaping, for text of our own.
    pub(crate) fn stdout_as_is() -> Result<Self, OutputError> {
        Ok(Self { file: system::standard()?, escape: None, escaped: Vec::new() })
    }

    /// Prints part of a stream.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let Some(escape) = &mut self.escape else { return Ok(self.file.write_all(bytes)?) };
        self.escaped.clear();
        escape.push(bytes, &mut self.escaped);
        Ok(self.file.write_all(&self.escaped)?)
    }

    /// Prints the rest of a stream that has ended.
    pub(crate) fn finish(&mut self) -> Result<(), OutputError> {
        let Some(escape) = &mut self.escape else { return Ok(()) };
        self.escaped.clear();
        escape.finish(&mut self.escaped);
        Ok(self.file.write_all(&self.escaped)?)
    }

    /// Prints a packet as a line, in one piece.
    pub(crate) fn line(&mut self, packet: &[u8]) -> Result<(), OutputError> {
        self.escaped.clear();
        match &mut self.escape {
            None => self.escaped.extend_from_slice(packet),
            Some(escape) => {
                escape.push(packet, &mut self.escaped);
                escape.finish(&mut self.escaped);
            }
        }
        self.escaped.push(b'\n');
        Ok(self.file.write_all(&self.escaped)?)
    }
}
