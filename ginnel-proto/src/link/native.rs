//! The native wire, version 1: `docs/wire.md`.

use super::greeting::Greeting;
use super::{Accept, Declared, Decode, Head, What};
use crate::{CallId, Kind, PeerFault};

pub(super) const MAGIC: &[u8; 3] = b"GNL";
pub(super) const VERSION: u8 = 1;

/// Bytes of a frame's header.
pub(super) const HEADER: usize = 8;
/// Bytes of a call's number, which begins the payload of a frame that belongs to a call.
pub(super) const ID: usize = 8;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Decoder {
    /// Nothing but a greeting may come.
    #[default]
    Greeting,
    Frames,
    /// Nothing may come.
    Goodbye,
}

impl Decode for Decoder {
    #[inline]
    fn head(&mut self, input: &[u8], accept: &Accept) -> Result<Option<Head>, PeerFault> {
        match self {
            Self::Greeting => {
                Greeting::judge(input)?;
                if input.len() < Greeting::BYTES {
                    return Ok(None);
                }
                *self = Self::Frames;
                let (skip, trail, fds) = (0, 0, Declared::Number(0));
                Ok(Some(Head { what: What::Greeting, skip, body: Greeting::BYTES, trail, fds }))
            }
            Self::Frames => {
                let Some(&header) = input.first_chunk::<HEADER>() else { return Ok(None) };
                let Some(head) = frame(header, input, accept)? else { return Ok(None) };
                if matches!(head.what, What::Frame(Kind::Goodbye)) {
                    *self = Self::Goodbye;
                }
                Ok(Some(head))
            }
            Self::Goodbye if input.is_empty() => Ok(None),
            Self::Goodbye => Err(PeerFault::AfterGoodbye),
        }
    }
}

#[inline]
fn frame(header: [u8; HEADER], input: &[u8], accept: &Accept) -> Result<Option<Head>, PeerFault> {
    let [l0, l1, l2, l3, kind, fds, z0, z1] = header;
    if (z0, z1) != (0, 0) {
        return Err(PeerFault::ReservedBit);
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let shape = shape(kind)?;
    let malformed = PeerFault::Malformed { kind, length, fds };
    let id = if shape.id { ID } else { 0 };
    let body = (length as usize).checked_sub(id).ok_or(malformed)?;
    if !shape.body && (body > 0 || fds > 0) {
        return Err(malformed);
    }
    if body > accept.message {
        return Err(PeerFault::TooLong { length: body as u64, limit: accept.message as u64 });
    }
    let declared = usize::from(fds);
    if declared > accept.fds {
        return Err(PeerFault::TooManyFds { declared, limit: accept.fds });
    }
    let number = match input.get(HEADER..).and_then(|rest| rest.first_chunk::<ID>()) {
        Some(&number) => CallId(u64::from_le_bytes(number)),
        None if shape.id => return Ok(None),
        None => CallId(0),
    };
    let what = What::Frame(named(kind, number));
    Ok(Some(Head { what, skip: HEADER + id, body, trail: 0, fds: Declared::Number(declared) }))
}

/// The length of a message without descriptors; `None` for any other header.
#[inline]
pub(super) const fn quick_message(header: [u8; HEADER]) -> Option<usize> {
    let [l0, l1, l2, l3, kind, fds, z0, z1] = header;
    match [kind, fds, z0, z1] {
        [MESSAGE, 0, 0, 0] => Some(u32::from_le_bytes([l0, l1, l2, l3]) as usize),
        _ => None,
    }
}

/// What frames of one kind look like.
struct Shape {
    /// They begin with a call's number.
    id: bool,
    /// They may have a body and descriptors.
    body: bool,
}

#[inline]
fn shape(kind: u8) -> Result<Shape, PeerFault> {
    match kind {
        MESSAGE | CONTROL => Ok(Shape { id: false, body: true }),
        REQUEST | RESPONSE | FAILURE => Ok(Shape { id: true, body: true }),
        CANCEL => Ok(Shape { id: true, body: false }),
        PING | PONG | GOODBYE => Ok(Shape { id: false, body: false }),
        _ => Err(PeerFault::UnknownKind { kind }),
    }
}

/// Only for kinds that have a shape.
#[inline]
const fn named(kind: u8, id: CallId) -> Kind {
    match kind {
        REQUEST => Kind::Request(id),
        RESPONSE => Kind::Response(id),
        FAILURE => Kind::Failure(id),
        CANCEL => Kind::Cancel(id),
        PING => Kind::Ping,
        PONG => Kind::Pong,
        GOODBYE => Kind::Goodbye,
        CONTROL => Kind::Control,
        _ => Kind::Message,
    }
}

/// Writes what stands before a body.
#[inline]
pub(super) fn head(kind: Kind, body: usize, fds: usize, out: &mut Vec<u8>) {
    let (number, id) = match kind {
        // Headed messages belong to other wires, and are refused before they come here.
        Kind::Message | Kind::Headed(_) => (MESSAGE, None),
        Kind::Request(id) => (REQUEST, Some(id)),
        Kind::Response(id) => (RESPONSE, Some(id)),
        Kind::Failure(id) => (FAILURE, Some(id)),
        Kind::Cancel(id) => (CANCEL, Some(id)),
        Kind::Ping => (PING, None),
        Kind::Pong => (PONG, None),
        Kind::Goodbye => (GOODBYE, None),
        Kind::Control => (CONTROL, None),
    };
    let length = body + if id.is_some() { ID } else { 0 };
    let [l0, l1, l2, l3] = (length as u32).to_le_bytes();
    out.extend_from_slice(&[l0, l1, l2, l3, number, fds as u8, 0, 0]);
    if let Some(CallId(id)) = id {
        out.extend_from_slice(&id.to_le_bytes());
    }
}

/// The kind of a frame that we wrote ourselves, and how many bytes stand before its body.
pub(super) fn kind(frame: &[u8]) -> Option<(Kind, usize)> {
    let &[_, _, _, _, kind, ..] = frame.first_chunk::<HEADER>()?;
    let shape = shape(kind).ok()?;
    let number = if shape.id { u64::from_le_bytes(*frame.get(HEADER..)?.first_chunk::<ID>()?) } else { 0 };
    Some((named(kind, CallId(number)), HEADER + if shape.id { ID } else { 0 }))
}

const MESSAGE: u8 = 1;
const REQUEST: u8 = 2;
const RESPONSE: u8 = 3;
const FAILURE: u8 = 4;
const CANCEL: u8 = 5;
const PING: u8 = 6;
const PONG: u8 = 7;
const GOODBYE: u8 = 8;
const CONTROL: u8 = 9;
