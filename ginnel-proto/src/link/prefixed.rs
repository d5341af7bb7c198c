//! A length of four bytes, big-endian, then the body. As procwire's `LengthPrefixedFraming`.

use super::{Accept, Declared, Decode, Head, What};
use crate::{Kind, PeerFault};

pub(super) const HEADER: usize = 4;

#[derive(Debug)]
pub(super) struct Decoder;

impl Decode for Decoder {
    fn head(&mut self, input: &[u8], accept: &Accept) -> Result<Option<Head>, PeerFault> {
        let Some(&length) = input.first_chunk::<HEADER>() else { return Ok(None) };
        let length = u32::from_be_bytes(length);
        let body = length as usize;
        if body > accept.message {
            return Err(PeerFault::TooLong { length: length.into(), limit: accept.message as u64 });
        }
        let what = What::Frame(Kind::Message);
        Ok(Some(Head { what, skip: HEADER, body, trail: 0, fds: Declared::Number(0) }))
    }
}

pub(super) fn head(body: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(body as u32).to_be_bytes());
}
