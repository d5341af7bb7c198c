use std::fs::File;
use std::io::{self, Read};
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
}

impl Read for Input {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.deadline.is_some() {
            wait(&mut [PollFd::new(&self.file, PollFlags::IN)], self.deadline)?;
        }
        self.file.read(bytes)
    }
}

/// How many bytes end a line.
pub(super) const END: usize = 1;

/// Takes the end from a line: a newline.
pub(super) fn cut_end(line: &mut Vec<u8>) {
    line.pop_if(|&mut last| last == b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_a_newline_alone() {
        let mut line = b"one\r\n".to_vec();
        cut_end(&mut line);
        assert_eq!(line, b"one\r");
    }
}
