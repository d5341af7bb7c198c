mod quick;
mod recall;

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use super::{Greeting, Limit, LinkOptions, Misuse, Refusal, Rejected, Wire};
use super::{check, delimited, kyneta, native, prefixed, sp_wire};
use crate::limits::{self, Bound, Load};
use crate::{Frame, Kind, Message};

/// The writing side of a connection: frames in, bytes and descriptors out.
///
/// ```text
///   copied  ┌ written ┌ header, small body, header ┌ header, small body ...
///   ▒▒▒▒▒▒▒▒│         │                            │
///                     └ splice: a large body,      └ splice: descriptors, which begin a write of their own
/// ```
///
/// Headers and bodies up to 4 KiB are copied behind each other, so one write carries many. Larger bodies are spliced in
/// where they belong, uncopied.
#[derive(Debug)]
pub struct Outbound<F> {
    wire: Wire,
    bound: Bound,
    peer: Option<Greeting>,
    copied: Vec<u8>,
    /// Bytes of `copied` that were written.
    written: usize,
    splices: VecDeque<Splice<F>>,
    /// Where frames that count begin and end, in bytes from the beginning of the connection.
    frames: VecDeque<(u64, u64)>,
    pushed: u64,
    gone: u64,
    fds: usize,
    pong_waits: bool,
    closing: bool,
}

/// Something between two bytes of what was copied.
#[derive(Debug)]
struct Splice<F> {
    /// Before this byte of `copied`.
    at: usize,
    what: Spliced<F>,
}

#[derive(Debug)]
enum Spliced<F> {
    /// The rest of a large body.
    Body(Bytes),
    /// The next byte carries these.
    Fds(Vec<F>),
}

/// Most slices that one [`Transmit`] lends.
pub const SLICES: usize = 16;

/// What to write next, in one call: slices, and the descriptors that must go with the first byte of them.
#[derive(Debug)]
#[must_use = "what is not written must not be reported as written"]
pub struct Transmit<'a, F> {
    slices: [IoSlice<'a>; SLICES],
    used: usize,
    fds: &'a [F],
}

impl<'a, F> Transmit<'a, F> {
    /// The bytes, in order; at least one.
    #[inline]
    pub fn slices(&self) -> &[IoSlice<'a>] {
        &self.slices[..self.used]
    }

    /// The descriptors for the first byte.
    pub const fn fds(&self) -> &'a [F] {
        self.fds
    }

    #[inline]
    fn add(&mut self, bytes: &'a [u8]) {
        if !bytes.is_empty() {
            self.slices[self.used] = IoSlice::new(bytes);
            self.used += 1;
        }
    }
}

impl<F> Outbound<F> {
    pub(super) fn new(options: &LinkOptions) -> Self {
        let LinkOptions { wire, message, fds, queue, incarnation } = *options;
        let mut this = Self {
            wire,
            bound: queue,
            peer: None,
            copied: Vec::new(),
            written: 0,
            splices: VecDeque::new(),
            frames: VecDeque::new(),
            pushed: 0,
            gone: 0,
            fds: 0,
            pong_waits: false,
            closing: false,
        };
        match wire {
            Wire::Native => {
                this.copied.extend_from_slice(&Greeting::new(message, fds, incarnation).encode());
            }
            Wire::Sp(own) | Wire::SpIpc(own) => this.copied.extend_from_slice(&sp_wire::greeting(own)),
            Wire::Raw | Wire::LengthPrefixed | Wire::Lines | Wire::Kyneta => {}
        }
        this.pushed = this.copied.len() as u64;
        this
    }

    /// The other side's greeting came.
    pub const fn greeted(&mut self, greeting: Greeting) {
        self.peer = Some(greeting);
    }

    /// What the other side takes and who it is, once it has greeted.
    pub const fn greeting(&self) -> Option<&Greeting> {
        self.peer.as_ref()
    }

    /// What waits to be written.
    #[inline]
    pub fn queued(&self) -> Load {
        Load { bytes: (self.pushed - self.gone) as usize, messages: self.frames.len(), fds: self.fds }
    }

    /// Is nothing left to write?
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.pushed == self.gone
    }

    /// Bytes that were ever queued. What was pushed is gone once [`gone`](Self::gone) has come as far.
    pub const fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Bytes that were ever written, or taken back.
    pub const fn gone(&self) -> u64 {
        self.gone
    }

    /// Queues a frame. Pings, pongs, cancellations and goodbyes are few and small, and find room always.
    ///
    /// # Errors
    /// [`Limit`] or [`Misuse`], with the frame; nothing was queued.
    #[inline]
    pub fn push(&mut self, frame: Frame<F>) -> Result<(), Rejected<F>> {
        if let Err(refusal) = self.admit(&frame) {
            return Err(Rejected::new(refusal, frame));
        }
        self.append(frame);
        Ok(())
    }

    /// Queues a frame, however full the queue is.
    ///
    /// # Errors
    /// As [`push`](Self::push), but for a full queue.
    pub fn push_over(&mut self, frame: Frame<F>) -> Result<(), Rejected<F>> {
        if let Err(refusal) = self.check(&frame) {
            return Err(Rejected::new(refusal, frame));
        }
        self.append(frame);
        Ok(())
    }

    /// Would a frame like this be queued now?
    ///
    /// # Errors
    /// Why not.
    #[inline]
    pub fn admit(&self, frame: &Frame<F>) -> Result<(), Refusal> {
        self.check(frame)?;
        if is_small(frame.kind) {
            return Ok(());
        }
        let held = self.queued();
        let more =
            Load { bytes: frame.message.body.len() + HEADERS, messages: 1, fds: frame.message.fds.len() };
        if self.bound.admits(held, more) {
            return Ok(());
        }
        Err(Limit::Queue { bytes: held.bytes, messages: held.messages }.into())
    }

    /// Is the queue below its bound?
    pub fn has_room(&self) -> bool {
        self.bound.admits(self.queued(), Load { bytes: HEADERS, messages: 1, fds: 0 })
    }

    #[inline]
    fn check(&self, frame: &Frame<F>) -> Result<(), Refusal> {
        if self.closing {
            return Err(Misuse::Closing.into());
        }
        check::sendable(self.wire, self.peer.as_ref(), frame)
    }

    #[inline]
    fn append(&mut self, frame: Frame<F>) {
        let Frame { kind, message: Message { body, fds, .. } } = frame;
        if kind == Kind::Pong && std::mem::replace(&mut self.pong_waits, true) {
            // One answers every ping before it: a flood of pings must not make a queue.
            return;
        }
        self.closing |= kind == Kind::Goodbye;
        self.make_room(body.len());
        let (begin, start) = (self.copied.len(), self.pushed);
        let count = fds.len();
        if count > 0 {
            self.fds += count;
            self.splices.push_back(Splice { at: begin, what: Spliced::Fds(fds) });
        }
        match self.wire {
            Wire::Native => native::head(kind, body.len(), count, &mut self.copied),
            Wire::LengthPrefixed => prefixed::head(body.len(), &mut self.copied),
            Wire::Kyneta => kyneta::head(body.len(), &mut self.copied),
            Wire::Sp(_) => sp_wire::head(kind, body.len(), false, &mut self.copied),
            Wire::SpIpc(_) => sp_wire::head(kind, body.len(), true, &mut self.copied),
            Wire::Raw | Wire::Lines => {}
        }
        let body =
            if self.wire == Wire::Lines { body.slice(..delimited::unended(&body).len()) } else { body };
        if body.len() > limits::COPIED {
            self.pushed += body.len() as u64;
            self.splices.push_back(Splice { at: self.copied.len(), what: Spliced::Body(body) });
        } else {
            self.copied.extend_from_slice(&body);
        }
        if self.wire == Wire::Lines {
            self.copied.push(delimited::LINE_FEED);
        }
        self.pushed += (self.copied.len() - begin) as u64;
        if !is_small(kind) {
            self.frames.push_back((start, self.pushed));
        }
    }

    /// What was written makes room once it is the larger part. The first time there is much, it is much at once.
    #[inline]
    fn make_room(&mut self, body: usize) {
        let more = HEADERS + if body > limits::COPIED { 0 } else { body };
        if self.copied.capacity() - self.copied.len() >= more {
            return;
        }
        if self.written > self.copied.len() / 2 {
            self.copied.drain(..self.written);
            for splice in &mut self.splices {
                splice.at -= self.written;
            }
            self.written = 0;
        }
        if self.copied.len() + more > FIRST {
            self.copied.reserve(MANY.max(more));
        } else {
            self.copied.reserve(more);
        }
    }

    /// What to write next, if anything: all of one call, with the descriptors that go with its first byte. It ends
    /// before the next frame that has descriptors.
    #[inline]
    pub fn transmit(&self) -> Option<Transmit<'_, F>> {
        if self.is_empty() {
            return None;
        }
        let mut transmit = Transmit { slices: [IoSlice::new(&[]); SLICES], used: 0, fds: &[] };
        let mut from = self.written;
        for Splice { at, what } in &self.splices {
            if transmit.used + 3 > SLICES {
                return Some(transmit);
            }
            transmit.add(&self.copied[from..*at]);
            from = *at;
            match what {
                Spliced::Body(body) => transmit.add(body),
                Spliced::Fds(fds) if transmit.used == 0 => transmit.fds = fds,
                Spliced::Fds(_) => return Some(transmit),
            }
        }
        transmit.add(&self.copied[from..]);
        Some(transmit)
    }

    /// So many of the lent bytes were written, and with the first of them the descriptors, which are closed here.
    ///
    /// # Panics
    /// If more is claimed than was queued.
    #[inline]
    pub fn transmitted(&mut self, bytes: usize) {
        self.gone += bytes as u64;
        assert!(self.gone <= self.pushed, "more was written than was lent");
        if self.gone == self.pushed {
            return self.reset();
        }
        self.advance(bytes);
        let done = self.frames.partition_point(|&(_, end)| end <= self.gone);
        self.frames.drain(..done);
    }

    /// Nothing waits.
    #[inline]
    fn reset(&mut self) {
        self.copied.clear();
        self.written = 0;
        self.splices.clear();
        self.frames.clear();
        self.fds = 0;
        self.pong_waits = false;
    }

    fn advance(&mut self, mut bytes: usize) {
        while let Some(splice) = self.splices.front_mut() {
            let before = bytes.min(splice.at - self.written);
            self.written += before;
            bytes -= before;
            if bytes == 0 {
                return;
            }
            match &mut splice.what {
                Spliced::Body(body) if bytes < body.len() => {
                    let _ = body.split_to(bytes);
                    return;
                }
                Spliced::Body(body) => bytes -= body.len(),
                Spliced::Fds(fds) => self.fds -= fds.len(),
            }
            self.splices.pop_front();
        }
        self.written += bytes;
    }

    /// Lets go of buffers that hold nothing, before a wait, but for small ones.
    pub fn settle(&mut self) {
        if self.is_empty() && self.copied.capacity() > KEPT {
            self.release();
        }
    }

    /// Lets go of buffers that hold nothing.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.copied = Vec::new();
            self.frames = VecDeque::new();
            self.splices = VecDeque::new();
        }
    }

    /// How much may be queued.
    pub const fn bound(&self) -> Bound {
        self.bound
    }

    /// What is spoken.
    pub const fn wire(&self) -> Wire {
        self.wire
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.copied.capacity() + self.frames.capacity() + self.splices.capacity()
    }
}

/// Does it find room always?
#[inline]
const fn is_small(kind: Kind) -> bool {
    matches!(kind, Kind::Ping | Kind::Pong | Kind::Goodbye | Kind::Cancel(_))
}

/// Most bytes of a header, with a call's number.
const HEADERS: usize = native::HEADER + native::ID;

/// A queue that grows past this is going to be long...
const FIRST: usize = 8 << 10;
/// ... so it gets so much room at once.
const MANY: usize = 80 << 10;
/// Room that an idle connection may keep, in bytes.
const KEPT: usize = 256;
