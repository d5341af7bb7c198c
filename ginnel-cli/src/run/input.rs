//! Standard input, read until a deadline.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::fd::AsFd;
use std::time::Instant;

use ginnel::limits;
use rustix::event::{PollFd, PollFlags};

use crate::wait::wait;

/// Standard input without a buffer of its own.
#[derive(Debug)]
pub(crate) struct Input {
    file: File,
    deadline: Option<Instant>,
}

impl Input {
    pub(crate) fn stdin(deadline: Option<Instant>) -> io::Result<Self> {
        Ok(Self { file: File::from(io::stdin().as_fd().try_clone_to_owned()?), deadline })
    }

    /// Everything to the end, if it is no more than this.
    pub(crate) fn all(self, most: Most) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(most.bytes as u64 + 1).read_to_end(&mut bytes)?;
        most.fits(bytes)
    }
}

impl Read for Input {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.deadline.is_some() {
            wait(&mut [PollFd::new(&self.file, PollFlags::IN)], self.deadline)?;
        }
        self.file.read(bytes)
    }
}

/// The lines of an input, without their newlines.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    most: Most,
}

impl<R: Read> Lines<R> {
    pub(crate) fn of(input: R, most: Most) -> Self {
        Self { input: BufReader::new(input), most }
    }

    /// The next line; `None` is the end. Lines are read no further than what one may have.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        // A newline beside the line, and one byte too many.
        if self.input.by_ref().take(self.most.bytes as u64 + 2).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        line.pop_if(|&mut last| last == b'\n');
        self.most.fits(line).map(Some)
    }
}

/// Most bytes that are read as one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    bytes: usize,
    what: &'static str,
}

impl Most {
    /// What receivers take unless told otherwise.
    pub(crate) const PACKET: Self = Self { bytes: limits::PACKET, what: "packet" };
    /// The same of messages.
    pub(crate) const MESSAGE: Self = Self { bytes: limits::MESSAGE, what: "message" };
    /// What ends of SP take unless told otherwise: 1 GiB.
    pub(crate) const SP: Self = Self { bytes: 1 << 30, what: "message" };

    fn fits(self, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        if bytes.len() <= self.bytes {
            return Ok(bytes);
        }
        let message = format!("more than {} bytes given for one {}", self.bytes, self.what);
        Err(io::Error::new(ErrorKind::InvalidInput, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Lines::of(text, Most::PACKET);
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn every_line_is_one_packet() {
        assert_eq!(lines(b"one\n\ntwo\r\nthree"), [&b"one"[..], b"", b"two\r", b"three"]);
        assert_eq!(lines(b"\n"), [b""]);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn a_line_fits_one_packet_or_is_refused() {
        let longest = [&vec![b'x'; limits::PACKET][..], b"\nnext"].concat();
        assert_eq!(lines(&longest).len(), 2);
        let longer = vec![b'x'; limits::PACKET + 1];
        let error = Lines::of(&longer[..], Most::PACKET).next().unwrap_err();
        assert_eq!(error.to_string(), "more than 1048576 bytes given for one packet");
    }
}
