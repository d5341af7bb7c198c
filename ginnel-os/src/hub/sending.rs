//! What goes, and what became of it.

use bytes::Bytes;
use ginnel_proto::link::{Limit, Refusal};
use ginnel_proto::machine::{ConnId, SendId};
use ginnel_proto::server::Command;
use ginnel_proto::{Answer, CallId, Frame, Kind, Request};

use super::{GONE, Hub, Many};
use crate::Message;
use crate::connection::{Error, SendError};
use crate::sys::Carried;

impl<M: Many> Hub<M> {
    /// Queues a message for one, if there is room. It is taken out of `message` then.
    ///
    /// # Errors
    /// [`Error::Stopped`]: it is gone. Whatever else does not pass by waiting. The message is still in `message`.
    pub fn feed(&mut self, id: ConnId, message: &mut Option<Message>) -> Result<Option<SendId>, Error> {
        let Some(frame) = self.admit(id, Kind::Message, message)? else { return Ok(None) };
        let before = self.last(id);
        self.command(Command::Send(id, frame.message));
        Ok(Some(SendId(before.0 + 1)))
    }

    /// As [`feed`](Self::feed), now or not at all.
    ///
    /// # Errors
    /// As there, and [`Limit::Queue`]. The message comes back.
    pub fn try_feed(&mut self, id: ConnId, message: Message) -> Result<(), SendError> {
        let load = self.engine.machine().unsent(id);
        let full = Limit::Queue { bytes: load.bytes, messages: load.messages };
        let mut message = Some(message);
        let fed = self.feed(id, &mut message).and_then(|fed| fed.ok_or(full.into()));
        fed.map(drop).map_err(|error| SendError::with(error, message))
    }

    /// Queues a question for one, if there is room. It is taken out of `message` then.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn ask(&mut self, id: ConnId, message: &mut Option<Message>) -> Result<Option<CallId>, Error> {
        let Some(call) = self.engine.machine().upcoming(id) else { return Err(GONE.into()) };
        let Some(frame) = self.admit(id, Kind::Request(call), message)? else { return Ok(None) };
        self.command(Command::Ask(id, frame.message));
        Ok(Some(call))
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// As [`Client::answered`](crate::Client::answered).
    pub fn answered(&mut self, id: ConnId, call: CallId) -> Result<Option<Message>, SendError> {
        match self.outcomes.take_answer(id, call) {
            Some(answer) => answer.map(Some),
            None => self.check_inbox().map(|()| None).map_err(SendError::queued),
        }
    }

    /// Nobody waits for this answer any more; the other side is told.
    pub fn forget(&mut self, id: ConnId, call: CallId) {
        self.outcomes.take_answer(id, call);
        self.command(Command::Forget(id, call));
        self.stirred = true;
    }

    /// Queues the answer to a request. It waits for nobody, see
    /// [`ServerOptions::answers`](crate::ServerOptions::answers). One that is not wanted any more, or whose connection
    /// is gone, is dropped.
    pub fn answer(&mut self, request: &Request<Carried>, answer: Answer<Carried>) {
        self.answer_call(request.connection, request.id, answer);
    }

    /// As [`answer`](Self::answer), for whoever keeps a request by its numbers. Numbers of no request are let be.
    pub fn answer_call(&mut self, connection: ConnId, id: CallId, answer: Answer<Carried>) {
        self.command(Command::Answer(connection, id, answer));
    }

    /// From now on whoever drives it takes the [next answer](Self::next_answer) and the [next
    /// failure](Self::next_failure) after every turn, and gives each to whoever waits for it. What is not taken is kept,
    /// however much it is: of failures no longer only as many as a queue may hold.
    pub const fn dispatch(&mut self) {
        self.outcomes.dispatch();
    }

    /// The next answer, or why there is none: to whichever question, by its connection and number.
    pub fn next_answer(&mut self) -> Option<(ConnId, CallId, Result<Message, SendError>)> {
        self.outcomes.pop_answer()
    }

    /// The next message that could not be sent, and why; it comes back unless a part of it was written.
    pub fn next_failure(&mut self) -> Option<(ConnId, SendId, SendError)> {
        self.outcomes.pop_failed()
    }

    /// Up to where the kernel has everything for this one, but what has failed; `None`: it is gone.
    pub fn sent_up_to(&self, id: ConnId) -> Option<SendId> {
        if !self.is_connected(id) {
            return None;
        }
        Some(self.engine.machine().first_unsent(id).map_or(self.last(id), |first| SendId(first.0 - 1)))
    }

    /// The number of the last message that was queued for one.
    pub fn last(&self, id: ConnId) -> SendId {
        self.engine.machine().last(id).unwrap_or(SendId(0))
    }

    /// Has the kernel everything that was queued for this one up to there?
    ///
    /// # Errors
    /// What could not be sent, with the message if nothing of it was. [`Error::Stopped`]: it is gone.
    pub fn flushed(&mut self, id: ConnId, up_to: SendId) -> Result<Option<()>, SendError> {
        match self.outcomes.take_failed(id, up_to) {
            Some(failed) => Err(failed),
            None => self.passed(id, up_to),
        }
    }

    /// Somebody waits for this message alone, until it is [`sent`](Self::sent).
    pub fn claim(&mut self, id: ConnId, send: SendId) {
        self.outcomes.claim(id, send);
    }

    /// Nobody waits for it alone any more.
    pub fn disclaim(&mut self, id: ConnId, send: SendId) {
        self.outcomes.disclaim(id, send);
    }

    /// Has the kernel this message?
    ///
    /// # Errors
    /// Why it cannot be sent, with it if nothing of it was.
    pub fn sent(&mut self, id: ConnId, send: SendId) -> Result<Option<()>, SendError> {
        match self.outcomes.take_claimed(id, send) {
            Some(failed) => Err(failed),
            None => self.passed(id, send),
        }
    }

    pub(super) fn passed(&self, id: ConnId, send: SendId) -> Result<Option<()>, SendError> {
        if !self.is_connected(id) {
            return Err(SendError::queued(GONE));
        }
        if self.is_sent(id, send) {
            return Ok(Some(()));
        }
        self.check_inbox().map(|()| None).map_err(SendError::queued)
    }

    pub(super) fn is_sent(&self, id: ConnId, send: SendId) -> bool {
        self.engine.machine().first_unsent(id).is_none_or(|first| first > send)
    }

    /// Sends the same bytes to everybody who is connected, shared and not copied if there are more than 4 KiB. It waits
    /// for nobody: whoever's queue is full misses it. Says who did.
    pub fn broadcast(&mut self, body: Bytes) -> Vec<ConnId> {
        self.command(Command::Broadcast(body));
        std::mem::take(&mut self.missed)
    }

    pub(super) fn admit(
        &self,
        id: ConnId,
        kind: Kind,
        message: &mut Option<Message>,
    ) -> Result<Option<Frame<Carried>>, Error> {
        let frame = Frame::new(kind, message.take().unwrap_or_else(Message::empty));
        let refusal = match self.engine.machine().admit(id, &frame) {
            Some(Ok(())) => return Ok(Some(frame)),
            Some(Err(refusal)) => Some(refusal),
            None => None,
        };
        *message = Some(frame.message);
        match refusal {
            Some(Refusal::Limit(Limit::Queue { .. })) => self.check_inbox().map(|()| None),
            Some(other) => Err(other.into()),
            None => Err(GONE.into()),
        }
    }
}
