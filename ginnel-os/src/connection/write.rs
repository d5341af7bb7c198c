//! The writing side of the attempts.

use std::io;
use std::time::Duration;

use ginnel_proto::client::Reason;
use ginnel_proto::link::{Limit, Outbound, Refusal, Transmit};
use ginnel_proto::{Frame, Kind, Message, Session};

use super::{Connection, Directions, Error, SendError, Step};
use crate::stream::Stream;
use crate::sys::{Carried, Sockets, Sys, Wait, Would, codes};

/// What became of a message that was offered.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver must do something about each")]
pub enum Offer<F = Carried> {
    /// It is queued.
    Queued,
    /// There is no room; here it is again.
    Full(Message<F>),
    /// It is too large to be sent before the other side has greeted; here it is again.
    NotGreeted(Message<F>),
}

/// Whether something moved.
#[derive(Debug)]
enum Moved {
    /// There may be room now.
    Some,
    Wait(Directions),
    Pause(Duration),
}

impl<S: Sys> Connection<S> {
    /// Is everything written that was queued?
    #[inline]
    pub(super) fn is_written(&mut self) -> bool {
        self.session.line().outbound().is_empty()
    }

    /// And has the kernel all of it?
    #[inline]
    pub(super) fn is_written_at(&mut self, stream: &Stream<S>) -> bool {
        self.is_written() && stream.is_settled()
    }

    /// The sending half is dropped: says goodbye, as far as that needs no waiting, and ends the writing direction.
    pub fn leave_half(&mut self, stream: &Stream<S>) {
        self.session.line().goodbye();
        self.try_write(stream);
        // The peer may have gone first; then there is nobody to tell. A pipe of Windows has no half of an end.
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }

    /// Writes what needs no waiting: the greeting of a fresh connection, a pong, a cancellation. Errors show when
    /// somebody flushes.
    pub fn try_write(&mut self, stream: &Stream<S>) {
        let _ = self.write_now(stream);
    }

    /// Writes until the kernel has everything that was queued; reads meanwhile, to the inbox.
    ///
    /// # Errors
    /// [`Error::Io`]: the connection broke, or the other side takes no descriptors (`EPERM`): then the message that has
    /// some comes back, and what is behind it is still queued. [`Error::Limit`]: while waiting, more arrived than the
    /// inbox takes; everything is still queued.
    #[inline]
    pub fn flush(
        &mut self,
        stream: &Stream<S>,
        ready: Directions,
    ) -> Result<Step<()>, SendError<S::Carried>> {
        let step = if ready.write { self.drain(stream)? } else { self.written(stream) };
        match step {
            Step::Wait(_) => Ok(Step::Wait(self.read_aside(stream, ready).map_err(SendError::queued)?)),
            Step::Pause(length) => {
                // Descriptors wait to be read everywhere: somebody has to begin.
                self.read_aside(stream, Directions::BOTH).map_err(SendError::queued)?;
                Ok(Step::Pause(length))
            }
            Step::Done(()) => Ok(Step::Done(())),
        }
    }

    /// As [`flush`](Self::flush), for a half, which does not read.
    ///
    /// # Errors
    /// As there, but for the inbox.
    pub fn flush_half(
        &mut self,
        stream: &Stream<S>,
        ready: Directions,
    ) -> Result<Step<()>, SendError<S::Carried>> {
        if ready.write { self.drain(stream) } else { Ok(self.written(stream)) }
    }

    /// As [`flush_half`](Self::flush_half), but what cannot be written stays queued.
    ///
    /// # Errors
    /// The kernel's.
    pub fn write_half(&mut self, stream: &Stream<S>, ready: Directions) -> Result<Step<()>, Error> {
        if ready.write { Ok(self.write_now(stream)?) } else { Ok(self.written(stream)) }
    }

    /// Queues a message for a half, which waits for room without reading.
    ///
    /// # Errors
    /// Whatever does not pass by waiting, with the message.
    #[inline]
    pub fn offer(
        &mut self,
        message: Message<S::Carried>,
    ) -> Result<Offer<S::Carried>, SendError<S::Carried>> {
        let rejected = match self.session.push(message) {
            Ok(()) => return Ok(Offer::Queued),
            Err(rejected) => rejected,
        };
        match rejected.refusal {
            Refusal::Limit(Limit::Queue { .. }) => Ok(Offer::Full(rejected.into_message())),
            Refusal::Limit(Limit::NotGreeted) if self.session.line().is_ended() => {
                Err(SendError::returned(Reason::Closed, rejected.into_message()))
            }
            Refusal::Limit(Limit::NotGreeted) => Ok(Offer::NotGreeted(rejected.into_message())),
            _ => Err(rejected.into()),
        }
    }

    /// Waits until the queue is below its bound and the other side has greeted: then a message of any size may follow.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn make_room(
        &mut self,
        stream: &Stream<S>,
        ready: Directions,
    ) -> Result<Step<()>, SendError<S::Carried>> {
        while !self.session.line().is_open() || !self.session.line().outbound().has_room() {
            match self.move_some(stream, ready).map_err(SendError::queued)? {
                Moved::Some => {}
                Moved::Wait(directions) => return Ok(Step::Wait(directions)),
                Moved::Pause(length) => return Ok(Step::Pause(length)),
            }
        }
        Ok(Step::Done(()))
    }

    /// Tries to queue something, and makes room until it can be.
    pub(super) fn queue<M, T>(
        &mut self,
        stream: &Stream<S>,
        ready: Directions,
        item: &mut Option<M>,
        push: impl Fn(&mut Session<S::Carried>, M) -> Result<T, (Refusal, M)>,
    ) -> Result<Step<T>, Error> {
        while let Some(taken) = item.take() {
            let (refusal, back) = match push(&mut self.session, taken) {
                Ok(value) => return Ok(Step::Done(value)),
                Err(refused) => refused,
            };
            *item = Some(back);
            if !refusal.passes() {
                return Err(refusal.into());
            }
            match self.move_some(stream, ready)? {
                Moved::Some => {}
                Moved::Wait(directions) => return Ok(Step::Wait(directions)),
                Moved::Pause(length) => return Ok(Step::Pause(length)),
            }
        }
        unreachable!(
            "the item is put back before each new attempt, and nobody attempts again after one succeeded"
        )
    }

    /// Writes and reads a little. What cannot be written stays where it is: the caller has another message in hand.
    fn move_some(&mut self, stream: &Stream<S>, ready: Directions) -> Result<Moved, Error> {
        let before = (self.session.line().outbound().gone(), self.greeting().is_some());
        if ready.write
            && let Step::Pause(length) = self.write_now(stream)?
        {
            self.read_aside(stream, Directions::BOTH)?;
            return Ok(Moved::Pause(length));
        }
        if self.session.line().outbound().gone() > before.0 {
            return Ok(Moved::Some);
        }
        let directions = self.read_aside(stream, ready)?;
        let greeted = self.greeting().is_some() != before.1;
        Ok(if greeted { Moved::Some } else { Moved::Wait(directions) })
    }

    fn written(&mut self, stream: &Stream<S>) -> Step<()> {
        if self.is_written_at(stream) { Step::Done(()) } else { Step::Wait(Directions::WRITE) }
    }

    /// Writes until nothing is left or the kernel takes no more. A message whose descriptors are refused comes back.
    #[inline]
    pub(super) fn drain(&mut self, stream: &Stream<S>) -> Result<Step<()>, SendError<S::Carried>> {
        self.write_now(stream).map_err(|error| {
            let refused = error.raw_os_error() == Some(codes::FDS_REFUSED);
            let frame = if refused { self.session.line().outbound().take_back() } else { None };
            if let Some(Frame { kind: Kind::Response(id) | Kind::Failure(id), .. }) = frame {
                self.session.undeliverable(id);
                self.try_write(stream);
            }
            SendError::with(error.into(), frame.map(|frame| frame.message))
        })
    }

    /// Writes until nothing is left or the kernel takes no more. After an error everything is still queued.
    #[inline]
    pub(super) fn write_now(&mut self, stream: &Stream<S>) -> io::Result<Step<()>> {
        let written = write_all(stream, self.session.line().outbound());
        self.stuck = !matches!(written, Ok(Written::All | Written::Some));
        Ok(match written? {
            Written::All if stream.is_settled() => {
                self.pause = None;
                Step::Done(())
            }
            Written::All | Written::Some => {
                self.blocked.write = true;
                Step::Wait(Directions::WRITE)
            }
            Written::Stalled => Step::Pause(super::stall(stream.sys(), &mut self.pause)),
        })
    }
}

/// How far writing came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Written {
    /// Nothing is left.
    All,
    /// The kernel takes no more for now.
    Some,
    /// Too many descriptors of this user are under way unread, on whatever connections (`ETOOMANYREFS`).
    Stalled,
}

/// Writes until nothing is left or the kernel takes no more. Never waits. After an error everything is still queued.
#[inline]
pub(crate) fn write_all<S: Sockets>(
    stream: &Stream<S>,
    outbound: &mut Outbound<S::Carried>,
) -> io::Result<Written> {
    while let Some(transmit) = outbound.transmit() {
        match send(stream, &transmit) {
            Ok(Some(written)) => outbound.transmitted(written),
            Ok(None) => return Ok(Written::Some),
            Err(error) if error.raw_os_error() == Some(codes::FDS_UNDER_WAY) => return Ok(Written::Stalled),
            Err(error) => return Err(error),
        }
    }
    Ok(Written::All)
}

#[inline]
fn send<S: Sockets>(stream: &Stream<S>, transmit: &Transmit<'_, S::Carried>) -> Would<usize> {
    if transmit.fds().is_empty() {
        return stream.send(transmit.slices(), &[], Wait::Never);
    }
    let fds: Vec<_> = transmit.fds().iter().map(|fd| stream.sys().lend(fd)).collect();
    stream.send(transmit.slices(), &fds, Wait::Never)
}
