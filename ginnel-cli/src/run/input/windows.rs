//! Standard input on Windows. A console and an anonymous pipe know no waiting with a deadline, so a thread reads, which is
//! left behind at the end: this is a program, and it ends then.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Instant;

/// Standard input, or another, as a thread reads it.
#[derive(Debug)]
pub(crate) struct Input {
    pieces: Receiver<io::Result<Vec<u8>>>,
    /// What was not taken of the last piece.
    rest: Vec<u8>,
    deadline: Option<Instant>,
}

impl Input {
    pub(crate) fn stdin(deadline: Option<Instant>) -> io::Result<Self> {
        Self::from(io::stdin(), deadline)
    }

    /// Reads something else in the same way.
    pub(crate) fn from(
        mut source: impl Read + Send + 'static,
        deadline: Option<Instant>,
    ) -> io::Result<Self> {
        // One piece ahead.
        let (read, pieces) = sync_channel(1);
        thread::Builder::new().spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let came = source.read(&mut piece).map(|n| {
                    piece.truncate(n);
                    piece
                });
                let is_last = came.as_ref().is_ok_and(Vec::is_empty);
                if read.send(came).is_err() || is_last {
                    break;
                }
            }
        })?;
        Ok(Self { pieces, rest: Vec::new(), deadline })
    }

    fn next(&self) -> io::Result<Vec<u8>> {
        let Some(deadline) = self.deadline else {
            // The thread ends behind the end.
            return self.pieces.recv().unwrap_or_else(|_| Ok(Vec::new()));
        };
        match self.pieces.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(piece) => piece,
            Err(RecvTimeoutError::Timeout) => Err(ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Disconnected) => Ok(Vec::new()),
        }
    }
}

impl Read for Input {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.next()?;
        }
        let n = self.rest.len().min(bytes.len());
        bytes[..n].copy_from_slice(&self.rest[..n]);
        self.rest.drain(..n);
        Ok(n)
    }
}

/// How many bytes end a line.
pub(super) const END: usize = 2;

/// Takes the end from a line: a newline, or a carriage return and a newline.
pub(super) fn cut_end(line: &mut Vec<u8>) {
    if line.pop_if(|&mut last| last == b'\n').is_some() {
        line.pop_if(|&mut last| last == b'\r');
    }
}

/// What is read at once, in bytes.
const PIECE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_a_newline_and_perhaps_a_carriage_return_before_it() {
        for (line, text) in
            [(&b"one\r\n"[..], &b"one"[..]), (b"one\n", b"one"), (b"one\r", b"one\r"), (b"\r\r\n", b"\r")]
        {
            let mut line = line.to_vec();
            cut_end(&mut line);
            assert_eq!(line, text);
        }
    }
}
