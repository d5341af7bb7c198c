//! The frames of kyneta 1.8: a header of six bytes, then the body. Its messages (CBOR) are bodies here.
//!
//! ```text
//! 0 version = 2 | 1 type: 0 complete, 1 fragment | 2..6 length of the body, big-endian
//! fragment: 6..8 frame | 8..10 index | 10..12 total | 12..16 size of the whole, all big-endian | a chunk
//! ```
//!
//! Fragments are accepted and never sent: kyneta itself drops those that come more than a millisecond apart.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Accept, Declared, Decode, Head, What};
use crate::{Kind, PeerFault};

const VERSION: u8 = 2;
const COMPLETE: u8 = 0;
const FRAGMENT: u8 = 1;
pub(super) const HEADER: usize = 6;
const FRAGMENT_HEADER: usize = 16;

/// Most frames that may be in pieces at once.
const FRAMES: usize = 32;
/// Most pieces of one frame.
const PIECES: u16 = 1024;

/// One piece of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part {
    frame: u16,
    index: u16,
    total: u16,
    size: u32,
}

#[derive(Debug)]
pub(super) struct Decoder;

impl Decode for Decoder {
    fn head(&mut self, input: &[u8], accept: &Accept) -> Result<Option<Head>, PeerFault> {
        let Some(&[version, form, l0, l1, l2, l3]) = input.first_chunk::<HEADER>() else { return Ok(None) };
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let body = length as usize;
        if body > accept.message {
            return Err(PeerFault::TooLong { length: length.into(), limit: accept.message as u64 });
        }
        let (skip, what) = match (version, form) {
            (VERSION, FRAGMENT) => {
                let Some(header) = input.first_chunk::<FRAGMENT_HEADER>() else { return Ok(None) };
                let part = Part::decode(*header);
                part.check(body, accept)?;
                (FRAGMENT_HEADER, if part.size > 0 { What::Part(part) } else { What::Skipped })
            }
            // An empty body is no message there.
            (VERSION, COMPLETE) if body > 0 => (HEADER, What::Frame(Kind::Message)),
            _ => (HEADER, What::Skipped),
        };
        Ok(Some(Head { what, skip, body, trail: 0, fds: Declared::Number(0) }))
    }
}

impl Part {
    const fn decode(header: [u8; FRAGMENT_HEADER]) -> Self {
        let [_, _, _, _, _, _, f0, f1, i0, i1, t0, t1, s0, s1, s2, s3] = header;
        Self {
            frame: u16::from_be_bytes([f0, f1]),
            index: u16::from_be_bytes([i0, i1]),
            total: u16::from_be_bytes([t0, t1]),
            size: u32::from_be_bytes([s0, s1, s2, s3]),
        }
    }

    fn check(&self, chunk: usize, accept: &Accept) -> Result<(), PeerFault> {
        if self.size as usize > accept.message {
            return Err(PeerFault::TooLong { length: self.size.into(), limit: accept.message as u64 });
        }
        if self.index >= self.total || self.total > PIECES || chunk > self.size as usize {
            return Err(PeerFault::Fragments);
        }
        Ok(())
    }
}

/// Frames in pieces. What they hold together is bounded by the largest body that is accepted.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    frames: BTreeMap<u16, Pile>,
    held: usize,
}

#[derive(Debug)]
struct Pile {
    total: u16,
    size: u32,
    chunks: BTreeMap<u16, Bytes>,
    held: usize,
}

impl Pieces {
    /// Bytes of frames that are there in part.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Adds a piece; the whole body if it was the last.
    pub(super) fn add(
        &mut self,
        part: Part,
        chunk: Bytes,
        accept: &Accept,
    ) -> Result<Option<Bytes>, PeerFault> {
        let pile = self.frames.entry(part.frame).or_insert_with(|| Pile {
            total: part.total,
            size: part.size,
            chunks: BTreeMap::new(),
            held: 0,
        });
        if (pile.total, pile.size) != (part.total, part.size) {
            return Err(PeerFault::Fragments);
        }
        pile.held += chunk.len();
        self.held += chunk.len();
        if pile.chunks.insert(part.index, chunk).is_some() || self.held > accept.message.max(1) {
            return Err(PeerFault::Fragments);
        }
        if pile.chunks.len() < usize::from(pile.total) {
            return if self.frames.len() > FRAMES { Err(PeerFault::Fragments) } else { Ok(None) };
        }
        let Some(pile) = self.frames.remove(&part.frame) else { return Ok(None) };
        self.held -= pile.held;
        if pile.held != pile.size as usize {
            return Err(PeerFault::Fragments);
        }
        Ok(Some(pile.chunks.into_values().collect::<Vec<_>>().concat().into()))
    }
}

pub(super) fn head(body: usize, out: &mut Vec<u8>) {
    let [l0, l1, l2, l3] = (body as u32).to_be_bytes();
    out.extend_from_slice(&[VERSION, COMPLETE, l0, l1, l2, l3]);
}
