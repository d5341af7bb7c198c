use ginnel_os::{
    self as os, CallId, Client, ConnId, Connection, Credentials, Delivery, Error, Greeting, Message,
    SendError, Status,
};
use ginnel_proto::machine::SendId;
use ginnel_proto::{Answer as Reply, ToAddress};

use super::batch::Item;
use super::messages::{Messages, give, unsupported};
use super::{Batch, options};
use crate::js::{Answer, Call, Env, Failure};
use crate::stream;

/// What arrives, and what answers are, to JavaScript.
pub(super) const MESSAGE: u8 = 0;
pub(super) const REQUEST: u8 = 1;
pub(super) const CANCELLED: u8 = 2;
pub(super) const JOINED: u8 = 3;
pub(super) const LEFT: u8 = 4;
pub(super) const ROLE: u8 = 5;
pub(super) const TROUBLE: u8 = 6;
const ANSWERED: u8 = 0;
const UNANSWERED: u8 = 1;

/// A client of an address.
pub(super) fn open(call: &Call) -> Answer {
    let address = call.text(0)?.as_str().to_address()?;
    let options = options::client(&call.numbers(1)?)?;
    let mut client = Client::new(address, &options)?;
    client.dispatch();
    Ok(give(call.env(), client))
}

/// A client that goes on with a stream, which it takes over.
pub(super) fn adopt(call: &Call) -> Answer {
    let options = options::connection(&call.numbers(1)?)?;
    let connection = Connection::new(&options);
    let mut client = Client::adopt(connection, stream::taken(call, 0)?)?;
    client.dispatch();
    Ok(give(call.env(), client))
}

/// It has one connection, and calls it this.
const ONLY: ConnId = ConnId(0);

impl Messages for Client {
    fn feed(&mut self, _: ConnId, message: &mut Option<Message>) -> Result<Option<SendId>, Error> {
        Self::feed(self, message)
    }

    fn ask(&mut self, _: ConnId, message: &mut Option<Message>) -> Result<Option<CallId>, Error> {
        Self::ask(self, message)
    }

    fn answer(&mut self, to: ConnId, call: CallId, reply: Reply<os::Carried>) -> Result<bool, Error> {
        self.answer_call(to, call, &mut Some(reply)).map(|queued| queued.is_some())
    }

    fn forget(&mut self, _: ConnId, call: CallId) {
        Self::forget(self, call);
    }

    fn sent_up_to(&self, _: ConnId) -> Option<SendId> {
        Some(Self::sent_up_to(self))
    }

    fn arrivals(&mut self, batch: &mut Batch<'_>) -> Result<bool, Error> {
        while batch.is_open() {
            match self.arrived() {
                Ok(Some(Some(delivery))) => batch.put(item(delivery)),
                Ok(Some(None)) => return Ok(true),
                Ok(None) => break,
                // What came before it is told first; it stays.
                Err(_) if !batch.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn answers(&mut self, batch: &mut Batch<'_>) {
        while batch.is_open()
            && let Some((_, id, answer)) = self.next_answer()
        {
            batch.put(answered(batch.env(), ONLY, id, answer));
        }
    }

    fn failures(&mut self) -> Vec<(ConnId, SendId, Error)> {
        std::iter::from_fn(|| self.next_failure()).map(|(_, id, failed)| (ONLY, id, failed.error)).collect()
    }

    fn connections(&self) -> Vec<ConnId> {
        if self.status() == Status::Connected { vec![ONLY] } else { Vec::new() }
    }

    fn credentials(&self, _: ConnId) -> std::io::Result<Credentials> {
        self.peer_credentials()
    }

    fn greeting(&self, _: ConnId) -> Option<Greeting> {
        Self::greeting(self)
    }

    fn disconnect(&mut self, _: ConnId) -> bool {
        let was_there = !matches!(self.status(), Status::Disconnected { .. });
        Self::disconnect(self);
        was_there
    }

    fn order(&mut self, what: &str) -> Result<(), Failure> {
        match what {
            "connect" => self.connect(),
            "read" => self.has_reader(),
            _ => return Err(unsupported()),
        }
        Ok(())
    }

    fn look(&mut self, env: Env, at: &str) -> Answer {
        match at {
            "status" => Ok(status(env, Self::status(self))),
            "changed" => Ok(self.changed(Self::OWNER).map_or_else(|| env.null(), |to| status(env, to))),
            _ => Err(unsupported()),
        }
    }

    fn wind_down(&mut self) -> Result<bool, Error> {
        let mut failed = None;
        let over = Self::wind_down(self, &mut failed).is_some();
        failed.map_or(Ok(over), |failed| Err(failed.error))
    }
}

fn item(delivery: Delivery) -> Item {
    match delivery {
        Delivery::Message(message) => Item { message, ..Item::word(MESSAGE, ONLY, 0) },
        Delivery::Request(request) => {
            Item { message: request.message, ..Item::word(REQUEST, request.connection, request.id.0) }
        }
        Delivery::Cancelled(id) => Item::word(CANCELLED, ONLY, id.0),
    }
}

/// An answer, or why there is none.
pub(super) fn answered(env: Env, connection: ConnId, id: CallId, answer: Result<Message, SendError>) -> Item {
    match answer {
        Ok(message) => Item { message, ..Item::word(ANSWERED, connection, id.0) },
        Err(why) => {
            // What the other side says about its failure is bytes, as an answer is.
            let message = match &why.error {
                Error::Failure(said) => Message::new(said.clone()),
                _ => Message::empty(),
            };
            let beside = Some(Failure::from(why).into_value(env));
            Item { message, beside, ..Item::word(UNANSWERED, connection, id.0) }
        }
    }
}

/// Where a client stands.
fn status(env: Env, status: Status) -> crate::js::Value {
    let text = |text: &str| env.text(text);
    match status {
        Status::Disconnected { reason } => {
            env.object([("state", text("disconnected")), ("reason", Failure::from(reason).into_value(env))])
        }
        Status::Connecting { attempt } => {
            env.object([("state", text("connecting")), ("attempt", env.number(attempt.into()))])
        }
        Status::Connected => env.object([("state", text("connected"))]),
        Status::Reconnecting { attempt, next_in, reason } => env.object([
            ("state", text("reconnecting")),
            ("attempt", env.number(attempt.into())),
            ("nextIn", env.number(next_in.as_secs_f64() * 1000.0)),
            ("reason", Failure::from(reason).into_value(env)),
        ]),
    }
}
