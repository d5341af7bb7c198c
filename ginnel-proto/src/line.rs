//! A link that is looked after: greeting, pings, goodbye and deadlines are seen to, the rest is given out.

mod pulse;

use std::time::Instant;

use bytes::Bytes;

use crate::link::{Greeting, Outbound, Rejected};
use crate::{Frame, Kind, Link, LinkOptions, Message, PeerFault, Wire};

use pulse::{Pulse, Signs};

pub use pulse::Patience;

/// One connection's bytes, and what the wire itself says with them.
///
/// ```text
///             their greeting                 their goodbye, or the end of the bytes
///   silent ───────────────────▶ open ────────────────────────────────────────────────▶ ended
///   (wires that greet)           │                                                       ▲
///                                └─ our goodbye ─▶ leaving: nothing more is pushed ──────┘
/// ```
#[derive(Debug)]
pub struct Line<F> {
    link: Link<F>,
    wire: Wire,
    pulse: Pulse,
    /// The other side must say which peer it is before anything else.
    awaits_hello: bool,
    received: u64,
    ended: bool,
    said_goodbye: bool,
}

/// What looking for the next frame brought.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is something, not yet, or never again")]
pub enum Polled<F> {
    /// A frame for whoever is above: a message, a part of a call, or control.
    Frame(Frame<F>),
    /// A frame that was seen to here: a ping, a pong or a goodbye. There may be more, so whoever shares time out
    /// counts it.
    Heard,
    /// Nothing whole has arrived.
    Pending,
    /// Nothing will: the other side has ended the connection, in order.
    Ended,
}

impl<F> Line<F> {
    /// A fresh connection; its greeting is queued.
    pub fn new(options: &LinkOptions, patience: Patience) -> Self {
        let ping = patience.ping.filter(|_| options.wire.converses());
        let pulse = Pulse::new(Patience { ping, ..patience });
        Self {
            link: Link::new(options),
            wire: options.wire,
            pulse,
            awaits_hello: false,
            received: 0,
            ended: false,
            said_goodbye: false,
        }
    }

    /// Among peers each side says who it is with its greeting: this is queued as a control frame, and the connection is
    /// not open before the other side's has come. It is given out as the first frame.
    pub fn introduce(&mut self, hello: Bytes) {
        self.awaits_hello = true;
        // There is room for it: nothing else is queued yet.
        let _ = self.link.push(Frame::new(Kind::Control, Message::new(hello)));
    }

    /// The bytes of it.
    #[inline]
    pub const fn link(&mut self) -> &mut Link<F> {
        &mut self.link
    }

    /// The writing side.
    #[inline]
    pub const fn outbound(&mut self) -> &mut Outbound<F> {
        self.link.outbound()
    }

    /// What the other side takes and who it is, once it has greeted.
    pub const fn greeting(&self) -> Option<&Greeting> {
        self.link.greeting()
    }

    /// Does a connection begin with greetings?
    pub const fn greets(&self) -> bool {
        self.wire.greets()
    }

    /// May frames be exchanged? Not before the other side's greeting, on a wire that greets.
    pub const fn is_open(&self) -> bool {
        !self.awaits_hello && self.link.is_greeted()
    }

    /// Has the other side said that nothing more will come, as opposed to just having gone?
    pub const fn said_goodbye(&self) -> bool {
        self.said_goodbye
    }

    /// Will nothing more arrive?
    pub const fn is_ended(&self) -> bool {
        self.ended || self.said_goodbye
    }

    /// Has nothing but our greeting been written?
    pub const fn has_only_greeted(&mut self) -> bool {
        self.wire.greets() && self.link.outbound().gone() <= self.wire.greeting_bytes() as u64
    }

    /// Bytes and descriptors were read into the link's room.
    #[inline]
    pub fn arrived(&mut self, bytes: usize, fds: Vec<F>) {
        self.received += bytes as u64;
        self.link.arrived(bytes, fds);
    }

    /// Bytes and descriptors were read into somebody else's buffer.
    pub fn received(&mut self, bytes: &[u8], fds: Vec<F>) {
        self.received += bytes.len() as u64;
        self.link.received(bytes, fds);
    }

    /// The bytes have ended.
    pub const fn ended(&mut self) {
        self.ended = true;
    }

    /// The next frame, as far as it is an ordinary message: the short way of [`poll`](Self::poll). `None` says nothing.
    #[inline]
    pub fn quick_message(&mut self) -> Option<Bytes> {
        if self.awaits_hello { None } else { self.link.inbound().quick_message() }
    }

    /// The next frame.
    ///
    /// # Errors
    /// The peer broke a rule; everything before was given out.
    #[inline]
    pub fn poll(&mut self) -> Result<Polled<F>, PeerFault> {
        if let Some(frame) = self.link.poll_frame()? {
            match frame.kind {
                Kind::Control => self.awaits_hello = false,
                _ if self.awaits_hello => return Err(self.fail(PeerFault::NotAPeer)),
                _ => {}
            }
            match frame.kind {
                Kind::Ping => self.say(Kind::Pong),
                // A byte came, and that is all a pong says.
                Kind::Pong => {}
                Kind::Goodbye => self.said_goodbye = true,
                _ => return Ok(Polled::Frame(frame)),
            }
            return Ok(Polled::Heard);
        }
        if !self.is_ended() {
            return Ok(Polled::Pending);
        }
        self.link.end()?;
        Ok(Polled::Ended)
    }

    /// The peer broke a rule that is known further up: nothing more is read from it.
    pub(crate) fn fail(&mut self, fault: PeerFault) -> PeerFault {
        self.link.inbound().fail(fault);
        fault
    }

    /// Queues a frame.
    ///
    /// # Errors
    /// As [`Outbound::push`], with the frame.
    #[inline]
    pub fn push(&mut self, frame: Frame<F>) -> Result<(), Rejected<F>> {
        self.link.push(frame)
    }

    /// Says something that always finds room; after our goodbye it is not said.
    pub(crate) fn say(&mut self, kind: Kind) {
        let _ = self.link.push(Frame::empty(kind));
    }

    /// Says that nothing more will come from this side. Other wires have no word for it. From now on nobody is pinged.
    pub fn goodbye(&mut self) {
        self.pulse.stop_pinging();
        if self.wire.converses() {
            self.say(Kind::Goodbye);
        }
    }

    /// Does anything have to be looked at by the clock before a wait?
    #[inline]
    pub const fn watches_time(&self) -> bool {
        self.pulse.watches(self.signs())
    }

    /// Looks at the clock before a wait: when to look again, at the latest. It may queue a ping.
    ///
    /// # Errors
    /// The other side was silent for too long.
    pub fn look(&mut self, now: Instant) -> Result<Option<Instant>, PeerFault> {
        if !self.watches_time() {
            self.pulse.excuse();
            return Ok(None);
        }
        let look = self.pulse.look(self.signs(), now);
        // Whoever greets without a hello is there, and is no peer.
        let is_no_peer = self.awaits_hello && self.link.is_greeted();
        let look = look.map_err(|fault| if is_no_peer { PeerFault::NotAPeer } else { fault })?;
        if look.ping {
            self.say(Kind::Ping);
        }
        Ok(look.deadline)
    }

    /// Nothing was read meanwhile, or nothing is awaited: silence is counted anew from here.
    pub fn excuse(&mut self) {
        self.pulse.excuse();
    }

    const fn signs(&self) -> Signs {
        Signs { received: self.received, greeted: self.is_open(), unfinished: self.link.unfinished() }
    }

    /// Lets go of all buffers that hold nothing.
    pub fn release(&mut self) {
        self.link.inbound().settle();
        self.link.outbound().release();
    }

    /// Lets go of buffers that hold nothing, before a wait, but for small ones.
    pub fn settle(&mut self) {
        self.link.inbound().settle();
        self.link.outbound().settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ping_of_a_flood_counts_and_they_get_one_answer() {
        let mut line: Line<u32> = Line::new(&LinkOptions::default(), Patience::default());
        let mut other: Line<u32> = Line::new(&LinkOptions::default(), Patience::default());
        for _ in 0..1000 {
            other.say(Kind::Ping);
        }
        other.push(Message::new("x").into()).expect("there is room");
        let bytes: Vec<u8> = other
            .outbound()
            .transmit()
            .expect("pings")
            .slices()
            .iter()
            .flat_map(|slice| slice.to_vec())
            .collect();
        line.received(&bytes, Vec::new());
        let before = line.outbound().pushed();
        for _ in 0..1000 {
            assert_eq!(line.poll(), Ok(Polled::Heard));
        }
        assert_eq!(line.poll(), Ok(Polled::Frame(Message::new("x").into())));
        assert_eq!(line.poll(), Ok(Polled::Pending));
        assert_eq!(line.outbound().pushed(), before + 8, "one answers them all");
    }
}
