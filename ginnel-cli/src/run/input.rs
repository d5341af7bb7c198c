//! Standard input, read until a deadline.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::fd::AsFd;
use std::time::Instant;

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

    /// Everything to the end, if it fits one packet.
    pub(crate) fn packet(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(MAX_PACKET as u64 + 1).read_to_end(&mut bytes)?;
        fits(bytes)
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

/// The lines of standard input, without their newlines.
#[derive(Debug)]
pub(crate) struct Lines<R>(BufReader<R>);

impl<R: Read> Lines<R> {
    pub(crate) fn of(input: R) -> Self {
        Self(BufReader::new(input))
    }

    /// The next line; `None` is the end. Lines are read no further than what fits one packet.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        // A newline beside the packet, and one byte too many.
        if self.0.by_ref().take(MAX_PACKET as u64 + 2).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        line.pop_if(|&mut last| last == b'\n');
        fits(line).map(Some)
    }
}

fn fits(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if bytes.len() <= MAX_PACKET {
        return Ok(bytes);
    }
    let message = format!("more than {MAX_PACKET} bytes given for one packet");
    Err(io::Error::new(ErrorKind::InvalidInput, message))
}

/// Most bytes that receivers take as one packet unless told otherwise.
const MAX_PACKET: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Lines::of(text);
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
        let longest = [&vec![b'x'; MAX_PACKET][..], b"\nnext"].concat();
        assert_eq!(lines(&longest).len(), 2);
        let longer = vec![b'x'; MAX_PACKET + 1];
        let error = Lines::of(&longer[..]).next().unwrap_err();
        assert_eq!(error.to_string(), "more than 1048576 bytes given for one packet");
    }
}
