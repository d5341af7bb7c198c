//! SP, as nng 2.0 speaks it: a greeting, then messages. The header of a protocol is a part of the body here.
//!
//! ```text
//! greeting  00 53 50 ('SP') | version 00 | protocol, two bytes, big-endian | 00 00
//! message   length, eight bytes, big-endian | body             over ipc:// a byte 01 stands before the length
//! ```

use super::{Accept, Declared, Decode, Head, What};
use crate::sp::{Protocol, SpFault};
use crate::{Kind, PeerFault};

/// Bytes of a greeting.
pub(super) const GREETING: usize = 8;
/// Bytes of a length.
const LENGTH: usize = 8;
/// Bytes of a word of a header.
pub(super) const WORD: usize = 4;

const MAGIC: [u8; 3] = [0, b'S', b'P'];
const VERSION: u8 = 0;

/// What begins each message over `ipc://`.
const MESSAGE: u8 = 1;

/// The topmost bits of a length must be zero, so that it can be counted with.
const LARGEST: u64 = u64::MAX >> 4;

/// How one end of a pipe is read and written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoder {
    own: Protocol,
    ipc: bool,
    greeted: bool,
}

impl Decoder {
    pub(super) const fn new(own: Protocol, ipc: bool) -> Self {
        Self { own, ipc, greeted: false }
    }

    /// The header and the length of what may be a message; `None` for anything out of the ordinary.
    #[inline]
    pub(super) fn quick_message(self, input: &[u8]) -> Option<(usize, usize)> {
        let (kind, rest) = if self.ipc { input.split_first()? } else { (&MESSAGE, input) };
        let length = u64::from_be_bytes(*rest.first_chunk()?);
        let ordinary = self.greeted && *kind == MESSAGE && length <= u64::from(u32::MAX);
        ordinary.then_some((header(self.ipc), length as usize))
    }

    /// Judges a greeting as far as it has arrived, so that a foreign one is refused at its first foreign byte.
    fn judge(self, start: &[u8]) -> Result<(), SpFault> {
        let awaited = self.own.peer();
        let said = start.len().min(MAGIC.len());
        if start[..said] != MAGIC[..said] {
            return Err(SpFault::Greeting);
        }
        match *start.get(3..).unwrap_or_default() {
            [theirs, ..] if theirs != VERSION => Err(SpFault::Version { theirs }),
            [_, high, low, ..] if u16::from_be_bytes([high, low]) != awaited.number() => {
                Err(SpFault::Protocol { theirs: u16::from_be_bytes([high, low]), awaited })
            }
            [_, _, _, ref reserved @ ..] if reserved.iter().any(|&byte| byte != 0) => Err(SpFault::Reserved),
            _ => Ok(()),
        }
    }
}

impl Decode for Decoder {
    #[inline]
    fn head(&mut self, input: &[u8], accept: &Accept) -> Result<Option<Head>, PeerFault> {
        if !self.greeted {
            let greeting = &input[..input.len().min(GREETING)];
            self.judge(greeting).map_err(PeerFault::Sp)?;
            if greeting.len() < GREETING {
                return Ok(None);
            }
            self.greeted = true;
            let (skip, trail, fds) = (GREETING, 0, Declared::Number(0));
            return Ok(Some(Head { what: What::Greeted, skip, body: 0, trail, fds }));
        }
        let kind = usize::from(self.ipc);
        if let (true, Some(&kind)) = (self.ipc, input.first())
            && kind != MESSAGE
        {
            return Err(PeerFault::Sp(SpFault::Kind { kind }));
        }
        let length = input.get(kind..).and_then(|rest| rest.first_chunk::<LENGTH>());
        let Some(&length) = length else { return Ok(None) };
        let length = u64::from_be_bytes(length);
        let body = usize::try_from(length).ok().filter(|&body| length <= LARGEST && body <= accept.message);
        let limit = (accept.message as u64).min(LARGEST);
        let body = body.ok_or(PeerFault::TooLong { length, limit })?;
        let what = What::Frame(Kind::Message);
        Ok(Some(Head { what, skip: kind + LENGTH, body, trail: 0, fds: Declared::Number(0) }))
    }
}

/// What each side says first.
pub(super) const fn greeting(own: Protocol) -> [u8; GREETING] {
    let [zero, s, p] = MAGIC;
    let [high, low] = own.number().to_be_bytes();
    [zero, s, p, VERSION, high, low, 0, 0]
}

/// Writes what stands before a body, with the word that goes with it, if one does.
#[inline]
pub(super) fn head(kind: Kind, body: usize, ipc: bool, out: &mut Vec<u8>) {
    if ipc {
        out.push(MESSAGE);
    }
    let word = if let Kind::Headed(word) = kind { Some(word) } else { None };
    let length = body + if word.is_some() { WORD } else { 0 };
    out.extend_from_slice(&(length as u64).to_be_bytes());
    if let Some(word) = word {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// Bytes before the body of a message that we wrote ourselves.
pub(super) const fn header(ipc: bool) -> usize {
    LENGTH + ipc as usize
}
