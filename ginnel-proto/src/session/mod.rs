//! One connection without I/O: its link, what has arrived and was not taken, its calls, and its deadlines.

mod inbox;
mod pulse;

use std::time::Instant;

use crate::calls::{Answer, Calls};
use crate::limits::{Bound, CALLS};
use crate::link::{Greeting, Limit, Rejected};
use crate::{CallId, Frame, Kind, Link, LinkOptions, Message, PeerFault};

use inbox::Inbox;
use pulse::{Pulse, Signs};

pub use pulse::Patience;

/// Something that arrived.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever serves a connection must answer each")]
pub enum Delivery<F> {
    /// A message.
    Message(Message<F>),
    /// A question that wants an answer.
    Request(Request<F>),
    /// A request that was given out is not wanted any more; an answer to it is dropped.
    Cancelled(CallId),
}

/// A question. It is answered by giving it back, once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "whoever asked waits for an answer, or for a refusal"]
#[non_exhaustive]
pub struct Request<F> {
    /// Its number on this connection, as a later cancellation names it.
    pub id: CallId,
    /// What is asked.
    pub message: Message<F>,
}

/// What taking the next thing brought.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is something, not yet, or never again")]
pub enum Next<F> {
    /// Something.
    Delivery(Delivery<F>),
    /// Nothing has arrived yet.
    Pending,
    /// Nothing will: the other side has ended the connection, in order.
    Ended,
}

/// How a connection behaves.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain settings, with a default")]
pub struct SessionOptions {
    /// What is spoken and accepted.
    pub link: LinkOptions,
    /// How much may arrive while something else is waited for.
    pub inbox: Bound,
    /// How long the other side may be silent.
    pub patience: Patience,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { link: LinkOptions::default(), inbox: Bound::CONNECTION, patience: Patience::default() }
    }
}

/// One connection without I/O.
///
/// ```text
///              their goodbye, end of the bytes
///   open ─────────────────────────────────────▶ ended      what arrived before is still given out
///    │                                            ▲
///    └─ our goodbye ─▶ closing: nothing is sent ──┘
/// ```
#[derive(Debug)]
pub struct Session<F> {
    link: Link<F>,
    greets: bool,
    inbox: Inbox<F>,
    calls: Calls<F>,
    pulse: Pulse,
    received: u64,
    ended: bool,
    said_goodbye: bool,
}

impl<F> Session<F> {
    /// A fresh connection; its greeting is queued.
    pub fn new(options: &SessionOptions) -> Self {
        Self {
            link: Link::new(&options.link),
            greets: options.link.wire.greets(),
            inbox: Inbox::new(options.inbox),
            calls: Calls::default(),
            pulse: Pulse::new(Patience {
                ping: options.patience.ping.filter(|_| options.link.wire.greets()),
                ..options.patience
            }),
            received: 0,
            ended: false,
            said_goodbye: false,
        }
    }

    /// The bytes of it.
    #[inline]
    pub const fn link(&mut self) -> &mut Link<F> {
        &mut self.link
    }

    /// What the other side takes and who it is, once it has greeted.
    pub const fn greeting(&self) -> Option<&Greeting> {
        self.link.greeting()
    }

    /// Has the other side said that nothing more will come, as opposed to just having gone?
    pub const fn said_goodbye(&self) -> bool {
        self.said_goodbye
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

    /// The next thing that arrived.
    ///
    /// # Errors
    /// The peer broke a rule; everything before was given out.
    #[inline]
    pub fn poll_next(&mut self) -> Result<Next<F>, PeerFault> {
        if let Some(delivery) = self.inbox.pop() {
            return Ok(Next::Delivery(delivery));
        }
        while let Some(frame) = self.link.poll_frame()? {
            if let Some(delivery) = self.sort(frame)? {
                return Ok(Next::Delivery(delivery));
            }
        }
        if !self.ended && !self.said_goodbye {
            return Ok(Next::Pending);
        }
        self.link.end()?;
        Ok(Next::Ended)
    }

    /// The next thing, if it is a message that has arrived: the short way of [`poll_next`](Self::poll_next). `None` says nothing.
    #[inline]
    pub fn take_message(&mut self) -> Option<Message<F>> {
        if !self.inbox.is_empty() {
            return None;
        }
        if let Some(body) = self.link.inbound().quick_message() {
            return Some(Message::new(body));
        }
        loop {
            let frame = self.link.poll_frame().ok()??;
            if frame.kind == Kind::Message {
                return Some(frame.message);
            }
            if let Some(delivery) = self.sort(frame).ok()? {
                self.inbox.push(delivery);
                return None;
            }
        }
    }

    /// Puts everything that arrived into the inbox, for somebody who waits for something else.
    ///
    /// # Errors
    /// [`Gathered::Full`]: there is more than the inbox takes. Or the peer broke a rule.
    pub fn gather(&mut self) -> Result<(), Gathered> {
        loop {
            self.inbox.check().map_err(Gathered::Full)?;
            let Some(frame) = self.link.poll_frame().map_err(Gathered::Fault)? else { return Ok(()) };
            if let Some(delivery) = self.sort(frame).map_err(Gathered::Fault)? {
                self.inbox.push(delivery);
            }
        }
    }

    /// Will nothing more arrive?
    pub const fn is_ended(&self) -> bool {
        self.ended || self.said_goodbye
    }

    /// What is for the application; the rest is seen to.
    #[inline]
    fn sort(&mut self, frame: Frame<F>) -> Result<Option<Delivery<F>>, PeerFault> {
        let Frame { kind, message } = frame;
        Ok(match kind {
            Kind::Message => Some(Delivery::Message(message)),
            Kind::Request(id) => {
                self.asked(id, message).inspect_err(|&fault| self.link.inbound().fail(fault))?
            }
            Kind::Response(id) => self.answered(id, Answer::Response(message)),
            Kind::Failure(id) => self.answered(id, Answer::Failure(message)),
            Kind::Cancel(id) => {
                let open = self.calls.settle(id) && !self.inbox.withdraw(id);
                open.then_some(Delivery::Cancelled(id))
            }
            Kind::Ping => self.say(Kind::Pong),
            // A byte came, and that is all a pong says. Control frames are for peers, which do not come this way.
            Kind::Pong | Kind::Control => None,
            Kind::Goodbye => {
                self.said_goodbye = true;
                None
            }
        })
    }

    fn asked(&mut self, id: CallId, message: Message<F>) -> Result<Option<Delivery<F>>, PeerFault> {
        if self.calls.served() >= CALLS {
            return Err(PeerFault::TooManyCalls { limit: CALLS });
        }
        if !self.calls.asked(id) {
            return Err(PeerFault::CallReused { id: id.0 });
        }
        Ok(Some(Delivery::Request(Request { id, message })))
    }

    fn answered(&mut self, id: CallId, answer: Answer<F>) -> Option<Delivery<F>> {
        self.calls.answered(id, answer);
        None
    }

    /// Says something that always finds room; after our goodbye it is not said.
    fn say(&mut self, kind: Kind) -> Option<Delivery<F>> {
        let _ = self.link.push(Frame::empty(kind));
        None
    }

    /// Queues a message.
    ///
    /// # Errors
    /// As [`Outbound::push`](crate::link::Outbound::push), with the message.
    #[inline]
    pub fn push(&mut self, message: Message<F>) -> Result<(), Rejected<F>> {
        self.link.push(message.into())
    }

    /// Queues a message though the queue may be full: the caller has seen room before, and only one may follow.
    ///
    /// # Errors
    /// As [`push`](Self::push), but for a full queue.
    pub fn push_over(&mut self, message: Message<F>) -> Result<(), Rejected<F>> {
        self.link.outbound().push_over(message.into())
    }

    /// Queues a question.
    ///
    /// # Errors
    /// The same, with the message, and [`Limit::Calls`].
    pub fn ask(&mut self, message: Message<F>) -> Result<CallId, Rejected<F>> {
        let pending = self.calls.open();
        let frame = Frame::new(Kind::Request(CallId(0)), message);
        if pending >= CALLS {
            return Err(Rejected::new(Limit::Calls { pending }, frame));
        }
        if let Err(refusal) = self.link.outbound().admit(&frame) {
            return Err(Rejected::new(refusal, frame));
        }
        let id = self.calls.ask();
        self.link.push(Frame { kind: Kind::Request(id), ..frame }).map(|()| id).inspect_err(|_| {
            self.calls.forget(id);
        })
    }

    /// The answer to a question of ours, once it has come.
    pub fn take_answer(&mut self, id: CallId) -> Option<Answer<F>> {
        self.calls.take(id)
    }

    /// Nobody waits for this answer any more; the other side is told.
    pub fn forget(&mut self, id: CallId) {
        if self.calls.forget(id) {
            self.say(Kind::Cancel(id));
        }
    }

    /// Queues the answer to a request, or what went wrong with it. One that is not wanted any more is dropped.
    ///
    /// # Errors
    /// As [`push`](Self::push), with the message; the request can be answered again.
    pub fn answer(&mut self, id: CallId, answer: Answer<F>) -> Result<(), Rejected<F>> {
        let frame = match answer {
            Answer::Response(message) => Frame::new(Kind::Response(id), message),
            Answer::Failure(message) => Frame::new(Kind::Failure(id), message),
        };
        if self.calls.settle(id) {
            self.link.push(frame).inspect_err(|_| {
                self.calls.asked(id);
            })?;
        }
        Ok(())
    }

    /// Refuses a request that nobody here serves. That finds room always: there is one for each request at most.
    pub fn refuse(&mut self, id: CallId) {
        if self.calls.settle(id) {
            // After our goodbye nothing is said.
            let _ = self.link.outbound().push_over(Frame::new(Kind::Failure(id), Message::new(NOT_SERVED)));
        }
    }

    /// Says that nothing more will come from this side. Other wires have no word for it. From now on nobody is pinged.
    pub fn goodbye(&mut self) {
        self.pulse.stop_pinging();
        if self.greets {
            self.say(Kind::Goodbye);
        }
    }

    /// Has nothing but our greeting been written?
    pub const fn has_only_greeted(&mut self) -> bool {
        self.greets && self.link.outbound().gone() <= Greeting::BYTES as u64
    }

    /// Does anything have to be looked at by the clock before a wait?
    #[inline]
    pub const fn watches_time(&self) -> bool {
        self.pulse.watches(self.signs())
    }

    /// Looks at the clock before a wait: when to look again, at the latest.
    ///
    /// # Errors
    /// The other side was silent for too long.
    pub fn look(&mut self, now: Instant) -> Result<Option<Instant>, PeerFault> {
        if !self.watches_time() {
            return Ok(None);
        }
        let look = self.pulse.look(self.signs(), now)?;
        if look.ping {
            self.say(Kind::Ping);
        }
        Ok(look.deadline)
    }

    const fn signs(&self) -> Signs {
        Signs {
            received: self.received,
            greeted: !self.greets || self.link.greeting().is_some(),
            unfinished: self.link.unfinished(),
        }
    }

    /// Lets go of buffers that hold nothing, before a wait.
    pub fn settle(&mut self) {
        self.link.inbound().settle();
        self.link.outbound().settle();
    }
}

/// Why not everything was put into the inbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a bound of ours or a fault of theirs")]
pub enum Gathered {
    /// The inbox is full.
    Full(Limit),
    /// The peer broke a rule.
    Fault(PeerFault),
}

const NOT_SERVED: &[u8] = b"requests are not served here";

#[cfg(test)]
mod tests;
