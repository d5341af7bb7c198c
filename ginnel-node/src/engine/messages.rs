//! Ends of connections that carry messages, requests and answers: clients, servers and peers.
#![expect(unsafe_code, reason = "rooms of JavaScript's are written to")]

use bytes::Bytes;
use ginnel_os::{self as os, CallId, ConnId, Credentials, Error, Greeting, Message};
use ginnel_proto::Answer as Reply;
use ginnel_proto::machine::SendId;

use super::{Batch, Engine, Turns, at, connection, number};
use crate::js::{Answer, Call, Env, Failure, Fault, Function, Handle, Value};
use crate::slot::Slot;
use crate::{fd, socket};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "client", run: super::client::open },
    Function { name: "adopt", run: super::client::adopt },
    Function { name: "server", run: super::server::open },
    Function { name: "peer", run: super::peer::open },
    Function { name: "watch", run: super::watch::<dyn Messages> },
    Function { name: "turn", run: super::turn::<dyn Messages> },
    Function { name: "due", run: super::due::<dyn Messages> },
    Function { name: "drain", run: super::drain::<dyn Messages> },
    Function { name: "close", run: super::close::<dyn Messages> },
    Function { name: "feed", run: feed },
    Function { name: "ask", run: ask },
    Function { name: "answer", run: answer },
    Function { name: "forget", run: forget },
    Function { name: "broadcast", run: broadcast },
    Function { name: "sentUpTo", run: sent_up_to },
    Function { name: "arrivals", run: arrivals },
    Function { name: "answers", run: answers },
    Function { name: "failures", run: failures },
    Function { name: "carrier", run: carrier },
    Function { name: "takeFds", run: take_fds },
    Function { name: "connections", run: connections },
    Function { name: "credentials", run: credentials },
    Function { name: "greeting", run: greeting },
    Function { name: "disconnect", run: disconnect },
    Function { name: "order", run: order },
    Function { name: "look", run: look },
    Function { name: "windDown", run: wind_down },
];

/// What the three have in common. A client has one connection, whatever it is called.
pub(super) trait Messages: Turns {
    /// Queues a message, if there is room.
    fn feed(&mut self, to: ConnId, message: &mut Option<Message>) -> Result<Option<SendId>, Error>;
    /// Queues a question, if there is room.
    fn ask(&mut self, to: ConnId, message: &mut Option<Message>) -> Result<Option<CallId>, Error>;
    /// Queues an answer. `false`: there is no room.
    fn answer(&mut self, to: ConnId, call: CallId, reply: Reply<os::Carried>) -> Result<bool, Error>;
    fn forget(&mut self, to: ConnId, call: CallId);
    fn broadcast(&mut self, body: Bytes) -> Result<Vec<ConnId>, Failure> {
        drop(body);
        Err(unsupported())
    }
    fn sent_up_to(&self, to: ConnId) -> Option<SendId>;
    /// What has arrived. `true`: nothing more will.
    fn arrivals(&mut self, batch: &mut Batch<'_>) -> Result<bool, Error>;
    fn answers(&mut self, batch: &mut Batch<'_>);
    /// What could not be sent: each with its connection and number.
    fn failures(&mut self) -> Vec<(ConnId, SendId, Error)>;
    fn connections(&self) -> Vec<ConnId>;
    fn credentials(&self, of: ConnId) -> std::io::Result<Credentials>;
    fn greeting(&self, of: ConnId) -> Option<Greeting>;
    fn disconnect(&mut self, from: ConnId) -> bool;
    /// Something that only some of them can do.
    fn order(&mut self, what: &str) -> Result<(), Failure>;
    /// Something that only some of them know.
    fn look(&mut self, env: Env, at: &str) -> Answer;
    /// Takes leave, as far as that can be done now. `true`: it is over.
    fn wind_down(&mut self) -> Result<bool, Error>;
}

impl Engine for dyn Messages {
    fn turns(&mut self) -> &mut dyn Turns {
        self
    }
}

pub(super) fn give(env: Env, end: impl Messages + 'static) -> Value {
    let end: Box<dyn Messages> = Box::new(end);
    Handle::give(env, Slot::of(end))
}

pub(super) fn unsupported() -> Failure {
    Failure::new(Fault::Other, "ERR_GINNEL_MISUSE", "this end cannot do that")
}

fn message(call: &Call, first: usize) -> Result<Option<Message>, Failure> {
    let fds = fd::duplicates(call, first + 1)?;
    let mut message = Message::new(Bytes::copy_from_slice(call.bytes(first)?));
    message.fds = fds;
    Ok(Some(message))
}

/// The number that it is queued under; -1: there is no room.
fn feed(call: &Call) -> Answer {
    let to = connection(call, 1)?;
    let mut message = message(call, 2)?;
    let fed = at::<dyn Messages>(call)?.with(|end| end.feed(to, &mut message))??;
    Ok(call.env().number(fed.map_or(-1.0, |id| id.0 as f64)))
}

/// The number of the question; -1: there is no room.
fn ask(call: &Call) -> Answer {
    let to = connection(call, 1)?;
    let mut message = message(call, 2)?;
    let asked = at::<dyn Messages>(call)?.with(|end| end.ask(to, &mut message))??;
    Ok(call.env().number(asked.map_or(-1.0, |id| id.0 as f64)))
}

/// `false`: there is no room.
fn answer(call: &Call) -> Answer {
    let (to, id) = (connection(call, 1)?, CallId(call.int(2)?));
    let failed = call.bool(3)?;
    let message = message(call, 4)?.unwrap_or_else(Message::empty);
    let reply = if failed { Reply::Failure(message) } else { Reply::Response(message) };
    let queued = at::<dyn Messages>(call)?.with(|end| end.answer(to, id, reply))??;
    Ok(call.env().bool(queued))
}

fn forget(call: &Call) -> Answer {
    let (to, id) = (connection(call, 1)?, CallId(call.int(2)?));
    at::<dyn Messages>(call)?.with(|end| end.forget(to, id))?;
    Ok(call.env().undefined())
}

/// Who misses it.
fn broadcast(call: &Call) -> Answer {
    let body = Bytes::copy_from_slice(call.bytes(1)?);
    let missed = at::<dyn Messages>(call)?.with(|end| end.broadcast(body))??;
    Ok(call.env().array(missed.into_iter().map(|id| call.env().number(number(id)))))
}

/// -1: that connection is gone.
fn sent_up_to(call: &Call) -> Answer {
    let to = connection(call, 1)?;
    let sent = at::<dyn Messages>(call)?.with(|end| end.sent_up_to(to))?;
    Ok(call.env().number(sent.map_or(-1.0, |id| id.0 as f64)))
}

/// Fills the numbers (argument 2) and the room (argument 3); see [`Batch`]. Descriptors are taken by `takeFds`. `null`:
/// nothing more will arrive.
fn arrivals(call: &Call) -> Answer {
    crossing(call, |end, batch| end.arrivals(batch).map_err(Failure::from))
}

/// As `arrivals`, of answers.
fn answers(call: &Call) -> Answer {
    crossing(call, |end, batch| {
        end.answers(batch);
        Ok(false)
    })
}

fn crossing(
    call: &Call,
    fill: impl FnOnce(&mut dyn Messages, &mut Batch<'_>) -> Result<bool, Failure>,
) -> Answer {
    let env = call.env();
    let fds = call.held::<Carried>(3)?;
    // SAFETY: the driver gives two arrays of its own that share nothing.
    let rooms = unsafe { (call.room(1)?, call.room(2)?) };
    let mut carried = fds.0.borrow_mut();
    let mut batch = Batch::new(env, rooms, &mut carried);
    let ended = at::<dyn Messages>(call)?.with(|end| fill(&mut **end, &mut batch))??;
    let nothing = ended && batch.is_empty();
    let values = batch.finish();
    drop(carried);
    Ok(if nothing { env.null() } else { values.told(env) })
}

/// Descriptors of the batch that crossed last, until they are taken.
#[derive(Debug, Default)]
pub(super) struct Carried(pub(super) std::cell::RefCell<Vec<os::Carried>>);

/// A place for them.
fn carrier(call: &Call) -> Answer {
    Ok(Handle::give(call.env(), Carried::default()))
}

/// What is in such a place; see [`fd::give`].
fn take_fds(call: &Call) -> Answer {
    fd::give(call, 1, &mut call.held::<Carried>(0)?.0.borrow_mut())
}

/// An array of three values each: connection, number and why.
fn failures(call: &Call) -> Answer {
    let env = call.env();
    let failed = at::<dyn Messages>(call)?.with(|end| end.failures())?;
    Ok(env.array(failed.into_iter().flat_map(|(id, send, error)| {
        [env.number(number(id)), env.number(send.0 as f64), Failure::from(error).into_value(env)]
    })))
}

fn connections(call: &Call) -> Answer {
    let all = at::<dyn Messages>(call)?.with(|end| end.connections())?;
    Ok(call.env().array(all.into_iter().map(|id| call.env().number(number(id)))))
}

fn credentials(call: &Call) -> Answer {
    let of = connection(call, 1)?;
    let found = at::<dyn Messages>(call)?.with(|end| end.credentials(of))??;
    Ok(socket::who(call.env(), &found))
}

/// What the other side takes, or `null`.
fn greeting(call: &Call) -> Answer {
    let (env, of) = (call.env(), connection(call, 1)?);
    let found = at::<dyn Messages>(call)?.with(|end| end.greeting(of))?;
    let Some(greeting) = found else { return Ok(env.null()) };
    Ok(env.object([
        ("largestMessage", env.number(greeting.message.into())),
        ("mostFds", env.number(greeting.fds.into())),
        ("incarnation", env.text(&format!("{:?}", greeting.incarnation))),
    ]))
}

/// `false`: it is gone already.
fn disconnect(call: &Call) -> Answer {
    let from = connection(call, 1)?;
    let left = at::<dyn Messages>(call)?.with(|end| end.disconnect(from))?;
    Ok(call.env().bool(left))
}

fn order(call: &Call) -> Answer {
    let what = call.text(1)?;
    at::<dyn Messages>(call)?.with(|end| end.order(&what))??;
    Ok(call.env().undefined())
}

fn look(call: &Call) -> Answer {
    let what = call.text(1)?;
    at::<dyn Messages>(call)?.with(|end| end.look(call.env(), &what))?
}

/// Writes what waits and takes leave, as far as that can be done now. `true`: it is over.
fn wind_down(call: &Call) -> Answer {
    let over = at::<dyn Messages>(call)?.with(|end| end.wind_down())??;
    Ok(call.env().bool(over))
}
