//! Can a frame be sent at all, on this wire and to this peer?

use super::{Greeting, Limit, Misuse, Refusal, Wire};
use super::{delimited, native};
use crate::{Frame, Kind, Message, limits};

#[inline]
pub(super) fn sendable<F>(wire: Wire, peer: Option<&Greeting>, frame: &Frame<F>) -> Result<(), Refusal> {
    let Message { body, fds, .. } = &frame.message;
    if matches!(frame.kind, Kind::Ping | Kind::Pong | Kind::Goodbye | Kind::Cancel(_))
        && !(body.is_empty() && fds.is_empty())
    {
        Err(Misuse::NoBody.into())
    } else if wire != Wire::Native {
        foreign(wire, frame)
    } else if matches!(frame.kind, Kind::Headed(_)) {
        Err(Misuse::NoHeader.into())
    } else if body.len() > limits::GUARANTEED_BODY || fds.len() > limits::GUARANTEED_FDS {
        large(peer, body.len(), fds.len())
    } else {
        Ok(())
    }
}

#[cold]
fn large(peer: Option<&Greeting>, length: usize, given: usize) -> Result<(), Refusal> {
    let Some(peer) = peer else { return Err(Limit::NotGreeted.into()) };
    let limit = LARGEST.min(peer.message as usize);
    if length > limit {
        return Err(Limit::Message { length, limit }.into());
    }
    let limit = usize::from(peer.fds).clamp(limits::GUARANTEED_FDS, limits::MAX_FDS);
    if given > limit {
        return Err(Limit::Fds { given, limit }.into());
    }
    Ok(())
}

fn foreign<F>(wire: Wire, frame: &Frame<F>) -> Result<(), Refusal> {
    let Message { body, fds, .. } = &frame.message;
    let is_sp = matches!(wire, Wire::Sp(_) | Wire::SpIpc(_));
    if frame.kind != Kind::Message && !(is_sp && matches!(frame.kind, Kind::Headed(_))) {
        return Err(Misuse::NoCalls.into());
    }
    if !fds.is_empty() && !wire.carries_fds() {
        return Err(Misuse::NoFds.into());
    }
    if fds.len() > limits::MAX_FDS {
        return Err(Limit::Fds { given: fds.len(), limit: limits::MAX_FDS }.into());
    }
    if body.is_empty() && matches!(wire, Wire::Raw | Wire::Kyneta) {
        return Err(Misuse::Empty.into());
    }
    if wire == Wire::Lines && memchr::memchr(delimited::LINE_FEED, delimited::unended(body)).is_some() {
        return Err(Misuse::LineFeed.into());
    }
    if body.len() > LARGEST && !is_sp {
        return Err(Limit::Message { length: body.len(), limit: LARGEST }.into());
    }
    Ok(())
}

/// Largest body whose length fits four bytes, with a call's number.
const LARGEST: usize = u32::MAX as usize - native::ID;
