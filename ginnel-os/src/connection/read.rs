//! The reading side of the attempts.

use std::io;

use ginnel_proto::client::Reason;
use ginnel_proto::{Gathered, Line, PeerFault};

use super::{Connection, Directions, Error};
use crate::error::SocketError;
use crate::stream::{Chunk, Stream};
use crate::sys::{Sys, Wait, Would, codes};

impl<S: Sys> Connection<S> {
    /// Somebody else's read brought these bytes, as [`Stream::receive_behind`] told. `false`: there was nothing.
    ///
    /// # Errors
    /// What the read failed with.
    pub fn received(&mut self, bytes: &[u8], outcome: Would<Chunk<S::Carried>>) -> io::Result<bool> {
        let Some(chunk) = self.judge(outcome)? else { return Ok(false) };
        self.session.line().received(bytes, chunk.fds);
        Ok(true)
    }

    /// Reads once. `false`: there was nothing.
    #[inline]
    pub(super) fn fill(&mut self, stream: &Stream<S>, wait: Wait) -> io::Result<bool> {
        let wait = self.calmly(wait);
        let room = self.session.line().link().room();
        let outcome = stream.receive_behind(room.buffer, room.most, wait);
        let Some(chunk) = self.judge(outcome)? else { return Ok(false) };
        self.session.line().arrived(chunk.bytes, chunk.fds);
        Ok(true)
    }

    /// Notes whether there is more, and judges.
    #[inline]
    fn judge(&mut self, outcome: Would<Chunk<S::Carried>>) -> Would<Chunk<S::Carried>> {
        let judged = judge(self.session.line(), &mut self.lost, outcome)?;
        self.blocked.read = judged.as_ref().is_none_or(|chunk| chunk.drained);
        Ok(judged)
    }

    pub(super) fn blame(&mut self, fault: PeerFault) -> Error {
        match (fault, self.lost) {
            (PeerFault::WrongFds { .. }, Some(lost)) => Error::Io(lost.into()),
            _ => fault.into(),
        }
    }

    /// Puts what has arrived into the inbox.
    pub(super) fn gather(&mut self) -> Result<(), Error> {
        self.session.gather().map_err(|stopped| match stopped {
            Gathered::Full(limit) => limit.into(),
            Gathered::Fault(fault) => self.blame(fault),
        })
    }

    /// Reads to the inbox while something else is waited for, so that two who both send do not wait for each other.
    /// Says what to wait for.
    pub(super) fn read_aside(&mut self, stream: &Stream<S>, ready: Directions) -> Result<Directions, Error> {
        self.gather()?;
        let write = !self.is_written_at(stream);
        if self.session.line().is_ended() {
            // A hang-up is always readable: wait for the write alone, which says what became of it.
            return if write { Ok(Directions::WRITE) } else { Err(Reason::Closed.into()) };
        }
        if ready.read && self.fill(stream, Wait::Never)? {
            self.gather()?;
        }
        Ok(Directions { read: true, write })
    }
}

/// What a read means to its line: an end, lost descriptors that a frame will miss, or what it brought.
#[inline]
pub(crate) fn judge<F>(
    line: &mut Line<F>,
    lost: &mut Option<SocketError>,
    outcome: Would<Chunk<F>>,
) -> Would<Chunk<F>> {
    match outcome {
        Ok(Some(chunk)) => {
            if chunk.bytes == 0 {
                line.ended();
            }
            Ok(Some(chunk))
        }
        Ok(None) => Ok(None),
        Err(error) => judge_error(line, lost, error).map(Some),
    }
}

#[cold]
fn judge_error<F>(
    line: &mut Line<F>,
    lost: &mut Option<SocketError>,
    error: io::Error,
) -> io::Result<Chunk<F>> {
    let chunk = |bytes| Chunk { bytes, fds: Vec::new(), drained: false };
    match SocketError::of(&error) {
        // The frame that misses them will say so; where frames declare none, nothing would.
        Some(&SocketError::FdsLost { bytes }) if line.greets() => {
            *lost = Some(SocketError::FdsLost { bytes });
            Ok(chunk(bytes))
        }
        // Whoever closes without having read our greeting resets us, and we have said nothing else: that is an end like
        // any other.
        _ if error.raw_os_error() == Some(codes::RESET) && line.has_only_greeted() => {
            line.ended();
            Ok(chunk(0))
        }
        _ => Err(error),
    }
}
