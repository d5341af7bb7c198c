//! No frames at all: what arrived so far is one message.

use super::{Accept, Declared, Decode, Head, What};
use crate::{Kind, PeerFault};

#[derive(Debug)]
pub(super) struct Decoder;

impl Decode for Decoder {
    fn head(&mut self, input: &[u8], accept: &Accept) -> Result<Option<Head>, PeerFault> {
        if input.is_empty() {
            return Ok(None);
        }
        let body = input.len().min(accept.message.max(1));
        let what = What::Frame(Kind::Message);
        Ok(Some(Head { what, skip: 0, body, trail: 0, fds: Declared::Whatever }))
    }
}
