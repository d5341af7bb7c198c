//! Standard input, read until a deadline.

#[cfg(unix)]
#[path = "input/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "input/windows.rs"]
mod system;

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use ginnel::limits;

pub(crate) use self::system::Input;

impl Input {
    /// Everything to the end, if it is no more than this.
    pub(crate) fn all(self, most: Most) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(most.bytes as u64 + 1).read_to_end(&mut bytes)?;
        most.fits(bytes)
    }
}

/// The next bytes, as many as there are.
pub(crate) fn chunk(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; CHUNK];
    let n = input.read(&mut bytes)?;
    bytes.truncate(n);
    Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
}

/// The lines of an input, without their ends.
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
        // The end beside the line, and one byte too many.
        let most = (self.most.bytes + system::END + 1) as u64;
        if self.input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        system::cut_end(&mut line);
        self.most.fits(line).map(Some)
    }
}

/// Most bytes that are read as one thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// What is moved at once, in bytes.
pub(crate) const CHUNK: usize = 64 << 10;

pub(crate) const NO_INPUT: &str = "cannot read standard input";

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Lines::of(text, Most::PACKET);
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn every_line_is_one_packet() {
        assert_eq!(lines(b"one\n\n\ntwo\rthree"), [&b"one"[..], b"", b"", b"two\rthree"]);
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
