//! One connection without I/O, as one owner uses it.

mod inbox;

use std::collections::VecDeque;

use crate::calls::{Answer, Calls};
use crate::limits::Bound;
use crate::line::{Line, Patience, Polled};
use crate::link::{Greeting, Limit, Rejected};
use crate::machine::{ConnId, Refused};
use crate::{CallId, Frame, Kind, LinkOptions, Message, PeerFault};

use inbox::Inbox;
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
    /// The connection it came on; an answer goes there or nowhere. Always the same where there is one connection only.
    pub connection: ConnId,
    /// What is asked.
    pub message: Message<F>,
}

impl<F> Request<F> {
    pub(crate) const fn new(connection: ConnId, id: CallId, message: Message<F>) -> Self {
        Self { id, connection, message }
    }
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

/// What a session is made of.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever takes a session apart must see to every part")]
pub struct Parts<F> {
    /// The bytes of it.
    pub line: Line<F>,
    /// What has arrived and was not taken.
    pub arrived: VecDeque<Delivery<F>>,
    /// How much may arrive.
    pub inbox: Bound,
    /// The calls of both sides.
    pub calls: Calls<F>,
    /// Requests that wait to be refused.
    pub refused: VecDeque<CallId>,
}

/// One connection without I/O, whole: its line, what has arrived and was not taken, its calls.
#[derive(Debug)]
pub struct Session<F> {
    line: Line<F>,
    inbox: Inbox<F>,
    calls: Calls<F>,
    /// Requests that are refused once there is room to say so. Until then they count as waiting.
    refused: VecDeque<CallId>,
}

impl<F> Session<F> {
    /// A fresh connection; its greeting is queued.
    pub fn new(options: &SessionOptions) -> Self {
        let SessionOptions { link, inbox, patience } = options;
        Self {
            line: Line::new(link, *patience),
            inbox: Inbox::new(*inbox),
            calls: Calls::default(),
            refused: VecDeque::new(),
        }
    }

    /// The bytes of it, and what the wire itself says.
    #[inline]
    pub const fn line(&mut self) -> &mut Line<F> {
        &mut self.line
    }

    /// What the other side takes and who it is, once it has greeted.
    pub const fn greeting(&self) -> Option<&Greeting> {
        self.line.greeting()
    }

    /// Has the other side said that nothing more will come, as opposed to just having gone?
    pub const fn said_goodbye(&self) -> bool {
        self.line.said_goodbye()
    }

    /// The next thing that arrived.
    ///
    /// # Errors
    /// The peer broke a rule; everything before was given out.
    #[inline]
    pub fn poll_next(&mut self) -> Result<Next<F>, PeerFault> {
        self.say_refusals();
        if let Some(delivery) = self.inbox.pop() {
            return Ok(Next::Delivery(delivery));
        }
        loop {
            match self.line.poll()? {
                Polled::Pending => return Ok(Next::Pending),
                Polled::Ended => return Ok(Next::Ended),
                Polled::Heard => {}
                Polled::Frame(frame) => {
                    if let Some(delivery) = self.sort(frame)? {
                        return Ok(Next::Delivery(delivery));
                    }
                }
            }
        }
    }

    /// The next thing, if it is a message that has arrived: the short way of [`poll_next`](Self::poll_next). `None`
    /// says nothing.
    #[inline]
    pub fn take_message(&mut self) -> Option<Message<F>> {
        if !self.inbox.is_empty() {
            return None;
        }
        if let Some(body) = self.line.link().inbound().quick_message() {
            return Some(Message::new(body));
        }
        match self.line.poll() {
            Ok(Polled::Frame(Frame { kind: Kind::Message, message })) => Some(message),
            Ok(Polled::Frame(frame)) => {
                if let Ok(Some(delivery)) = self.sort(frame) {
                    self.inbox.push(delivery);
                }
                None
            }
            _ => None,
        }
    }

    /// Puts everything that arrived into the inbox, for somebody who waits for something else.
    ///
    /// # Errors
    /// [`Gathered::Full`]: there is more than the inbox takes. Or the peer broke a rule.
    pub fn gather(&mut self) -> Result<(), Gathered> {
        self.say_refusals();
        loop {
            self.inbox.check().map_err(Gathered::Full)?;
            match self.line.poll().map_err(Gathered::Fault)? {
                Polled::Pending | Polled::Ended => return Ok(()),
                Polled::Heard => {}
                Polled::Frame(frame) => {
                    if let Some(delivery) = self.sort(frame).map_err(Gathered::Fault)? {
                        self.inbox.push(delivery);
                    }
                }
            }
        }
    }

    /// Takes it apart, for whoever goes on with it in another way.
    pub fn into_parts(self) -> Parts<F> {
        let Self { line, inbox, calls, refused } = self;
        let (arrived, inbox) = inbox.into_parts();
        Parts { line, arrived, inbox, calls, refused }
    }

    /// Lets go of buffers that hold nothing, before a wait.
    pub fn settle(&mut self) {
        self.line.settle();
        self.inbox.settle();
    }

    /// What is for the application; the rest is seen to.
    #[inline]
    fn sort(&mut self, frame: Frame<F>) -> Result<Option<Delivery<F>>, PeerFault> {
        let Frame { kind, message } = frame;
        match kind {
            Kind::Message => return Ok(Some(Delivery::Message(message))),
            Kind::Request(id) => {
                self.calls.asked(id, 0).map_err(|fault| self.line.fail(fault))?;
                return Ok(Some(Delivery::Request(Request::new(ConnId(0), id, message))));
            }
            Kind::Response(id) => {
                self.calls.answered(id, Answer::Response(message));
            }
            Kind::Failure(id) => {
                self.calls.answered(id, Answer::Failure(message));
            }
            Kind::Cancel(id) if self.calls.settle(id) && !self.inbox.withdraw(id) => {
                return Ok(Some(Delivery::Cancelled(id)));
            }
            // Control frames are for peers, which do not come this way; the line keeps the others to itself, and nothing
            // arrives with its header apart.
            Kind::Cancel(_) | Kind::Headed(_) | Kind::Control | Kind::Ping | Kind::Pong | Kind::Goodbye => {}
        }
        Ok(None)
    }

    /// Queues a message.
    ///
    /// # Errors
    /// As [`Outbound::push`](crate::link::Outbound::push), with the message.
    #[inline]
    pub fn push(&mut self, message: Message<F>) -> Result<(), Rejected<F>> {
        self.line.push(message.into())
    }

    /// Queues a message, if it is small and has no descriptors and there is room: the short way of
    /// [`push`](Self::push). `false` says nothing.
    #[inline]
    pub fn quick_push(&mut self, message: &Message<F>) -> bool {
        message.fds.is_empty() && self.line.outbound().quick_push(&message.body)
    }

    /// Queues a message though the queue may be full: the caller has seen room before, and only one may follow.
    ///
    /// # Errors
    /// As [`push`](Self::push), but for a full queue.
    pub fn push_over(&mut self, message: Message<F>) -> Result<(), Rejected<F>> {
        self.line.outbound().push_over(message.into())
    }

    /// Queues a question.
    ///
    /// # Errors
    /// The same, with the message, and [`Limit::Calls`](crate::link::Limit::Calls).
    pub fn ask(&mut self, message: Message<F>) -> Result<CallId, Rejected<F>> {
        let frame = Frame::new(Kind::Request(self.calls.upcoming()), message);
        if let Err(refusal) = self.calls.admit() {
            return Err(Rejected::new(refusal, frame));
        }
        self.line.push(frame)?;
        Ok(self.calls.ask())
    }

    /// The answer to a question of ours, once it has come.
    pub fn take_answer(&mut self, id: CallId) -> Option<Answer<F>> {
        self.calls.take(id)
    }

    /// Nobody waits for this answer any more; the other side is told.
    pub fn forget(&mut self, id: CallId) {
        if self.calls.forget(id) {
            self.line.say(Kind::Cancel(id));
        }
    }

    /// Queues the answer to a request, or what went wrong with it. One that is not wanted any more is dropped.
    ///
    /// # Errors
    /// As [`push`](Self::push), with the message; the request can be answered again.
    pub fn answer(&mut self, id: CallId, answer: Answer<F>) -> Result<(), Rejected<F>> {
        if self.calls.waits(id) {
            self.line.push(answer.into_frame(id))?;
            self.calls.settle(id);
        }
        Ok(())
    }

    /// The answer to this request has descriptors, which are refused over there: whoever asked is told so. There is one
    /// for each request at most.
    pub fn undeliverable(&mut self, id: CallId) {
        let _ = self.line.outbound().push_over(Answer::undeliverable(Refused::Descriptors).into_frame(id));
    }

    /// Refuses a request that nobody here serves, once there is room to say so.
    pub fn refuse(&mut self, id: CallId) {
        self.refused.push_back(id);
        self.say_refusals();
    }

    #[inline]
    fn say_refusals(&mut self) {
        while !self.refused.is_empty() && self.line.outbound().has_room() {
            if let Some(id) = self.refused.pop_front()
                && self.calls.settle(id)
            {
                // After our goodbye nothing is said.
                let _ = self.line.outbound().push_over(Answer::not_served().into_frame(id));
            }
        }
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

#[cfg(test)]
mod tests;
