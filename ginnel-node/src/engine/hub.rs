//! What servers and peers have in common, and what they tell.

use bytes::Bytes;
use ginnel_os::{self as os, CallId, ConnId, Credentials, Error, Greeting, Hub, Many, Message};
use ginnel_proto::Answer as Reply;
use ginnel_proto::machine::SendId;

use super::Batch;
use super::batch::Item;
use super::client::answered;
use super::messages::Messages;
use crate::js::{Answer, Env, Failure};

/// What only one of them does.
pub(super) trait Own: Many + Sized {
    /// What happened, as an item.
    fn item(env: Env, happening: Self::Happening) -> Item;
    fn order(hub: &mut Hub<Self>, what: &str) -> Result<(), Failure>;
    fn look(hub: &mut Hub<Self>, env: Env, at: &str) -> Answer;
    /// Lets nobody in any more.
    fn stop_listening(hub: &mut Hub<Self>);
}

impl<M: Own> Messages for Hub<M> {
    fn feed(&mut self, to: ConnId, message: &mut Option<Message>) -> Result<Option<SendId>, Error> {
        Self::feed(self, to, message)
    }

    fn ask(&mut self, to: ConnId, message: &mut Option<Message>) -> Result<Option<CallId>, Error> {
        Self::ask(self, to, message)
    }

    fn answer(&mut self, to: ConnId, call: CallId, reply: Reply<os::Carried>) -> Result<bool, Error> {
        self.answer_call(to, call, reply);
        Ok(true)
    }

    fn forget(&mut self, to: ConnId, call: CallId) {
        Self::forget(self, to, call);
    }

    fn broadcast(&mut self, body: Bytes) -> Result<Vec<ConnId>, Failure> {
        Ok(Self::broadcast(self, body))
    }

    fn sent_up_to(&self, to: ConnId) -> Option<SendId> {
        Self::sent_up_to(self, to)
    }

    fn arrivals(&mut self, batch: &mut Batch<'_>) -> Result<bool, Error> {
        while batch.is_open()
            && let Some(happening) = self.happened()
        {
            batch.put(M::item(batch.env(), happening));
        }
        Ok(false)
    }

    fn answers(&mut self, batch: &mut Batch<'_>) {
        while batch.is_open()
            && let Some((connection, id, answer)) = self.next_answer()
        {
            batch.put(answered(batch.env(), connection, id, answer));
        }
    }

    fn failures(&mut self) -> Vec<(ConnId, SendId, Error)> {
        std::iter::from_fn(|| self.next_failure()).map(|(to, id, failed)| (to, id, failed.error)).collect()
    }

    fn connections(&self) -> Vec<ConnId> {
        Self::connections(self)
    }

    fn credentials(&self, of: ConnId) -> std::io::Result<Credentials> {
        self.peer_credentials(of)
    }

    fn greeting(&self, of: ConnId) -> Option<Greeting> {
        Self::greeting(self, of)
    }

    fn disconnect(&mut self, from: ConnId) -> bool {
        Self::disconnect(self, from)
    }

    fn order(&mut self, what: &str) -> Result<(), Failure> {
        match what {
            "read" => self.has_reader(),
            "stopListening" => M::stop_listening(self),
            "stop" => self.stop(),
            other => return M::order(self, other),
        }
        Ok(())
    }

    fn look(&mut self, env: Env, at: &str) -> Answer {
        M::look(self, env, at)
    }

    fn wind_down(&mut self) -> Result<bool, Error> {
        Ok(Self::wind_down(self).is_some())
    }
}
