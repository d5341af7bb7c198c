//! What goes, and what became of it.

use ginnel_proto::client::Command;
use ginnel_proto::link::{Limit, Refusal};
use ginnel_proto::machine::{ConnId, SendId};
use ginnel_proto::{Answer, CallId, Frame, Kind, Request};

use super::{CONNECTION, Client};
use crate::Message;
use crate::connection::{Error, SendError};
use crate::driven::Queued;
use crate::sys::Carried;

impl Client {
    /// Queues a message, if there is room. It is taken out of `message` then.
    ///
    /// # Errors
    /// Whatever does not pass by waiting. The message is still in `message`.
    pub fn feed(&mut self, message: &mut Option<Message>) -> Result<Option<SendId>, Error> {
        let Some(frame) = self.admit(Kind::Message, message)? else { return Ok(None) };
        let before = self.last();
        self.command(Command::Send(frame.message));
        Ok(Some(SendId(before.0 + 1)))
    }

    /// As [`feed`](Self::feed), now or not at all.
    ///
    /// # Errors
    /// As there, and [`Limit::Queue`]. The message comes back.
    pub fn try_feed(&mut self, message: Message) -> Result<(), SendError> {
        let load = self.engine.machine().unsent();
        let full = Limit::Queue { bytes: load.bytes, messages: load.messages };
        let mut message = Some(message);
        let fed = self.feed(&mut message).and_then(|fed| fed.ok_or(full.into()));
        fed.map(drop).map_err(|error| SendError::with(error, message))
    }

    /// Queues a question, if there is room. It is taken out of `message` then.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn ask(&mut self, message: &mut Option<Message>) -> Result<Option<CallId>, Error> {
        let id = self.engine.machine().upcoming();
        let Some(frame) = self.admit(Kind::Request(id), message)? else { return Ok(None) };
        self.command(Command::Ask(frame.message));
        Ok(Some(id))
    }

    /// Queues the answer to a request, if there is room; one that is not wanted any more, or whose connection is gone,
    /// is dropped. It is taken out of `answer` then.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn answer(
        &mut self,
        request: &Request<Carried>,
        answer: &mut Option<Answer<Carried>>,
    ) -> Result<Option<Queued>, Error> {
        self.answer_call(request.connection, request.id, answer)
    }

    /// As [`answer`](Self::answer), for whoever keeps a request by its numbers.
    ///
    /// # Errors
    /// As there.
    pub fn answer_call(
        &mut self,
        connection: ConnId,
        id: CallId,
        answer: &mut Option<Answer<Carried>>,
    ) -> Result<Option<Queued>, Error> {
        if self.engine.machine().connection() != Some(connection) {
            *answer = None;
            return Ok(Some(Queued::NotWanted));
        }
        let failed = matches!(answer, Some(Answer::Failure(_)));
        let kind = if failed { Kind::Failure(id) } else { Kind::Response(id) };
        let mut message = answer.take().map(Answer::into_message);
        let admitted = self.admit(kind, &mut message);
        let wrap = |message| if failed { Answer::Failure(message) } else { Answer::Response(message) };
        *answer = message.map(wrap);
        let Some(frame) = admitted? else { return Ok(None) };
        let before = self.last();
        self.command(Command::Answer(connection, id, wrap(frame.message)));
        let dropped = self.last() == before;
        Ok(Some(if dropped { Queued::NotWanted } else { Queued::As(SendId(before.0 + 1)) }))
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// [`Error::Failure`] if the other side said so; [`Error::Stopped`] if the connection was lost after the question
    /// was handed over: whether it was heard is not known. [`Error::Limit`] if more arrived meanwhile than the inbox
    /// takes. The question, if it could not be sent.
    pub fn answered(&mut self, id: CallId) -> Result<Option<Message>, SendError> {
        match self.outcomes.take_answer(CONNECTION, id) {
            Some(answer) => answer.map(Some),
            None => self.check_inbox().map(|()| None).map_err(SendError::queued),
        }
    }

    /// Nobody waits for this answer any more; the other side is told.
    pub fn forget(&mut self, id: CallId) {
        self.outcomes.take_answer(CONNECTION, id);
        self.command(Command::Forget(id));
        self.stirred = true;
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

    /// Up to where the kernel has everything, but what has failed.
    pub fn sent_up_to(&self) -> SendId {
        self.engine.machine().first_unsent().map_or(self.last(), |first| SendId(first.0 - 1))
    }

    /// The number of the last message that was queued.
    pub const fn last(&self) -> SendId {
        self.engine.machine().last()
    }

    /// Has the kernel everything that was queued up to this?
    ///
    /// # Errors
    /// What could not be sent, with the message if nothing of it was; what is behind it is still queued.
    /// [`Error::Stopped`] if there is no connection and none will come.
    pub fn flushed(&mut self, up_to: SendId) -> Result<Option<()>, SendError> {
        if let Some(failed) = self.outcomes.take_failed(CONNECTION, up_to) {
            return Err(failed);
        }
        self.passed(up_to)
    }

    /// Somebody waits for this message alone, until it is [`sent`](Self::sent).
    pub fn claim(&mut self, id: SendId) {
        self.outcomes.claim(CONNECTION, id);
    }

    /// Nobody waits for it alone any more.
    pub fn disclaim(&mut self, id: SendId) {
        self.outcomes.disclaim(CONNECTION, id);
    }

    /// Has the kernel this message?
    ///
    /// # Errors
    /// Why it cannot be sent, with it if nothing of it was.
    pub fn sent(&mut self, id: SendId) -> Result<Option<()>, SendError> {
        match self.outcomes.take_claimed(CONNECTION, id) {
            Some(failed) => Err(failed),
            None => self.passed(id),
        }
    }

    pub(super) fn passed(&self, id: SendId) -> Result<Option<()>, SendError> {
        if self.is_sent(id) {
            return Ok(Some(()));
        }
        self.alive().and_then(|()| self.check_inbox()).map(|()| None).map_err(SendError::queued)
    }

    pub(super) fn is_sent(&self, id: SendId) -> bool {
        self.engine.machine().first_unsent().is_none_or(|first| first > id)
    }

    pub(super) fn admit(
        &self,
        kind: Kind,
        message: &mut Option<Message>,
    ) -> Result<Option<Frame<Carried>>, Error> {
        self.alive()?;
        let frame = Frame::new(kind, message.take().unwrap_or_else(Message::empty));
        match self.engine.machine().admit(&frame) {
            Ok(()) => Ok(Some(frame)),
            Err(refusal) => {
                *message = Some(frame.message);
                match refusal {
                    Refusal::Limit(Limit::Queue { .. }) => self.check_inbox().map(|()| None),
                    other => Err(other.into()),
                }
            }
        }
    }
}
