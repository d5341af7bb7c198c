//! What became of what was sent and asked, until somebody takes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::RangeInclusive;

use ginnel_proto::client::Reason;
use ginnel_proto::limits::{Bound, Load};
use ginnel_proto::machine::{ConnId, Refused, SendId};
use ginnel_proto::{Answer, CallId};

use crate::Message;
use crate::connection::{Error, SendError};
use crate::inbox::{WORD, load};
use crate::sys::{Carried, codes};

/// What became of what was sent and asked, by connection.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    answers: BTreeMap<(ConnId, CallId), Result<Message, SendError>>,
    /// What could not be sent.
    failed: BTreeMap<(ConnId, SendId), SendError>,
    /// What those weigh.
    kept: Load,
    /// Somebody waits for these alone.
    claimed: BTreeSet<(ConnId, SendId)>,
    /// Somebody takes all of them, soon.
    dispatched: bool,
}

impl Outcomes {
    pub(crate) fn answered(&mut self, connection: ConnId, id: CallId, answer: Answer<Carried>) {
        let answer = match answer {
            Answer::Response(message) => Ok(message),
            Answer::Failure(message) => Err(SendError::queued(Error::Failure(message.body))),
        };
        self.answers.insert((connection, id), answer);
    }

    /// The question has no answer.
    pub(crate) fn unanswered(&mut self, connection: ConnId, id: CallId, why: SendError) {
        self.answers.insert((connection, id), Err(why));
    }

    pub(crate) fn has_answer(&self, connection: ConnId, id: CallId) -> bool {
        self.answers.contains_key(&(connection, id))
    }

    pub(crate) fn take_answer(
        &mut self,
        connection: ConnId,
        id: CallId,
    ) -> Option<Result<Message, SendError>> {
        self.answers.remove(&(connection, id))
    }

    /// From now on somebody takes whatever there is, soon after it has come.
    pub(crate) const fn dispatch(&mut self) {
        self.dispatched = true;
    }

    /// The next answer, or why there is none, whoever asked.
    pub(crate) fn pop_answer(&mut self) -> Option<(ConnId, CallId, Result<Message, SendError>)> {
        let ((connection, id), answer) = self.answers.pop_first()?;
        Some((connection, id, answer))
    }

    /// The next that could not be sent, whoever sent it.
    pub(crate) fn pop_failed(&mut self) -> Option<(ConnId, SendId, SendError)> {
        let key = *self.failed.first_key_value()?.0;
        Some((key.0, key.1, self.take(key)?))
    }

    /// It could not be sent. Whoever waits for it alone gets it back; for whoever may ask later as much is kept as a
    /// queue may hold.
    pub(crate) fn not_sent(&mut self, connection: ConnId, id: SendId, mut why: SendError) {
        let key = (connection, id);
        if !self.dispatched && !self.claimed.contains(&key) {
            let more = why.message.as_ref().map_or(WORD, load);
            if !Bound::CONNECTION.admits(self.kept, more) {
                tracing::warn!("nobody asks what became of messages that could not be sent: one is dropped");
                why.message = None;
                if self.failed.len() >= Bound::CONNECTION.messages {
                    return;
                }
            }
        }
        self.kept = self.kept + weigh(&why);
        self.failed.insert(key, why);
    }

    /// Of a connection that is gone only what somebody waits for is kept.
    pub(crate) fn gone(&mut self, connection: ConnId) {
        if self.dispatched {
            return;
        }
        let all: Vec<_> = self.failed.range(of(connection)).map(|(key, _)| *key).collect();
        for key in all {
            if !self.claimed.contains(&key) {
                self.take(key);
            }
        }
    }

    fn take(&mut self, key: (ConnId, SendId)) -> Option<SendError> {
        let failed = self.failed.remove(&key)?;
        self.kept = self.kept - weigh(&failed);
        Some(failed)
    }

    /// Somebody waits for this one alone.
    pub(crate) fn claim(&mut self, connection: ConnId, id: SendId) {
        self.claimed.insert((connection, id));
    }

    /// Nobody waits for this one alone any more.
    pub(crate) fn disclaim(&mut self, connection: ConnId, id: SendId) {
        self.claimed.remove(&(connection, id));
    }

    /// What became of this one, if it could not be sent.
    pub(crate) fn take_claimed(&mut self, connection: ConnId, id: SendId) -> Option<SendError> {
        self.take((connection, id))
    }

    /// Could this one, or one before it, not be sent?
    pub(crate) fn has_failed(&self, connection: ConnId, up_to: SendId) -> bool {
        self.failed.range((connection, SendId(0))..=(connection, up_to)).next().is_some()
    }

    /// The first that could not be sent of those up to this one for which nobody waits alone.
    pub(crate) fn take_failed(&mut self, connection: ConnId, up_to: SendId) -> Option<SendError> {
        let mut failed = self.failed.range((connection, SendId(0))..=(connection, up_to));
        let key = *failed.find(|(key, _)| !self.claimed.contains(key))?.0;
        self.take(key)
    }
}

/// Why a message comes back.
pub(crate) fn blame(why: Refused, gone: Reason) -> Error {
    match why {
        Refused::Gone => gone.into(),
        Refused::Descriptors => io::Error::from_raw_os_error(codes::FDS_REFUSED).into(),
        Refused::Refusal(refusal) => refusal.into(),
    }
}

fn weigh(failed: &SendError) -> Load {
    failed.message.as_ref().map_or(WORD, load)
}

fn of(connection: ConnId) -> RangeInclusive<(ConnId, SendId)> {
    (connection, SendId(0))..=(connection, SendId(u64::MAX))
}
