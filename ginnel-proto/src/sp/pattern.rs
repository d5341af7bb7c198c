//! What one end of a protocol decides, and what can be asked of it.

use std::fmt::Debug;
use std::time::Instant;

use bytes::Bytes;

use super::{AskId, Options, Pipes, Protocol, SpFault, Trace};
use crate::machine::{ConnId, SendId};

/// What the messages of one end mean. What comes of an input is said through [`Pipes`].
pub trait Pattern: Debug + Send + Sized + 'static {
    /// Which end it is.
    const END: Protocol;
    /// What the application asks.
    type Command: Debug + Send;

    /// One without pipes.
    fn new(options: &Options) -> Self;

    /// The application asks.
    fn command<F>(&mut self, pipes: &mut Pipes<F>, command: Self::Command, now: Instant);

    /// Decides where a message of so many bytes goes that can go at once, and to one pipe alone: whoever asked hands it
    /// over by himself then, as if it had been [sent](crate::machine::Action::Send). The short way of
    /// [`command`](Self::command), which streams of small messages take. `None` says nothing.
    fn grant<F>(&mut self, _pipes: &mut Pipes<F>, _bytes: usize) -> Option<Grant> {
        None
    }

    /// May one more pipe be attached?
    fn admits<F>(&self, _pipes: &Pipes<F>) -> bool {
        true
    }

    /// A pipe was attached. It takes something.
    fn attached<F>(&mut self, pipes: &mut Pipes<F>, pipe: ConnId, now: Instant) {
        self.room(pipes, pipe, now);
    }

    /// A pipe is gone. Of `returned` nothing was written: bodies, with the words before them.
    fn detached<F>(&mut self, _pipes: &mut Pipes<F>, _pipe: ConnId, _returned: Vec<Bytes>, _now: Instant) {}

    /// A pipe was lost in the middle of so many messages.
    fn cut<F>(&self, pipes: &mut Pipes<F>, count: u64) {
        pipes.dropped.unsent += count;
    }

    /// A message came.
    ///
    /// # Errors
    /// It breaks a rule: the pipe is closed.
    fn received<F>(&mut self, pipes: &mut Pipes<F>, pipe: ConnId, body: Bytes) -> Result<(), SpFault>;

    /// A pipe takes something again, and nothing waits for it any more.
    fn room<F>(&mut self, _pipes: &mut Pipes<F>, _pipe: ConnId, _now: Instant) {}

    /// The deadline has come.
    fn timeout<F>(&mut self, _pipes: &mut Pipes<F>, _now: Instant) {}

    /// When it will.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Is there room for what arrives? Else nothing more is read.
    fn has_room(&self) -> bool {
        true
    }

    /// Messages that wait for a pipe to be given to.
    fn waiting(&self) -> usize {
        0
    }

    /// Would a message, or a question, be taken now?
    fn takes<F>(&self, _pipes: &Pipes<F>) -> bool {
        false
    }

    /// Is there something to be received?
    fn has_arrived(&self) -> bool {
        false
    }

    /// Has something come of this question, or is it not open?
    fn has_answer(&self, _id: AskId) -> bool {
        true
    }
}

/// Where a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever asked needs each")]
#[must_use = "the pipe counts on the message"]
pub struct Grant {
    /// To this pipe.
    pub pipe: ConnId,
    /// Under this number.
    pub send: SendId,
    /// Behind this word.
    pub word: Option<u32>,
}

/// What cannot be asked of an end that only listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing in it")]
pub enum Nothing {}

/// An end to which messages are given.
pub trait Sends: Pattern {
    /// Asks to send.
    fn send(body: Bytes) -> Self::Command;
}

/// An end that messages, or requests, are taken from.
pub trait Receives: Pattern {
    /// What arrives: bodies, or requests.
    type Item: Debug + Send;

    /// The next one.
    fn receive(&mut self) -> Option<Self::Item>;
}

/// A request, or a survey, in hand. Answering takes it, so that none is answered twice.
#[derive(PartialEq, Eq, Debug)]
#[must_use = "whoever asked waits"]
pub struct Request {
    /// The end that it came to.
    pub(super) end: u64,
    pub(super) pipe: ConnId,
    pub(super) trace: Trace,
    /// What is asked.
    pub body: Bytes,
}

impl Request {
    /// The pipe that it came over.
    pub const fn pipe(&self) -> ConnId {
        self.pipe
    }

    /// The way back to whoever asked.
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }
}

/// An end that is asked.
pub trait Replies: Receives<Item = Request> {
    /// Asks to answer.
    fn reply(request: Request, body: Bytes) -> Self::Command;
}
