//! Bodies that end with a line feed. As procwire's `LineDelimitedFraming`.

use super::{Accept, Declared, Decode, Head, What};
use crate::{Kind, PeerFault};

pub(super) const LINE_FEED: u8 = b'\n';

#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// Bytes at the front that hold no line feed, so that a long line is searched once.
    searched: usize,
}

impl Decode for Decoder {
    fn head(&mut self, input: &[u8], accept: &Accept) -> Result<Option<Head>, PeerFault> {
        let fresh = input.get(self.searched..).unwrap_or_default();
        let found = memchr::memchr(LINE_FEED, fresh).map(|at| self.searched + at);
        let length = found.unwrap_or(input.len());
        if length > accept.message {
            return Err(PeerFault::TooLong { length: length as u64, limit: accept.message as u64 });
        }
        self.searched = if found.is_some() { 0 } else { input.len() };
        let head = |body| Head {
            what: What::Frame(Kind::Message),
            skip: 0,
            body,
            trail: 1,
            fds: Declared::Number(0),
        };
        Ok(found.map(head))
    }
}

/// A line without the line feed that it may bring along.
pub(super) fn unended(body: &[u8]) -> &[u8] {
    body.strip_suffix(&[LINE_FEED]).unwrap_or(body)
}
