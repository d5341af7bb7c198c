//! Ends of SP: one table of functions for all eleven; what an end cannot do is a misuse.
#![expect(unsafe_code, reason = "rooms of JavaScript's are written to")]

mod ends;
mod pipes;

use bytes::Bytes;
use ginnel_os::ConnId;
use ginnel_os::sp::{DialerId, ListenerId};
use ginnel_proto::machine::Failure as NotDialled;
use ginnel_proto::sp::{Answered, AskId, Dropped, Event, Request};

use super::batch::Item;
use super::{Batch, Engine, Turns, at, connection, number};
use crate::js::{Answer, Call, Env, Failure, Fault, Function, Handle, Value};
use crate::slot::Slot;
use crate::{fd, socket};

use pipes::Pipes;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "open", run: open },
    Function { name: "watch", run: super::watch::<dyn End> },
    Function { name: "turn", run: super::turn::<dyn End> },
    Function { name: "due", run: super::due::<dyn End> },
    Function { name: "drain", run: super::drain::<dyn End> },
    Function { name: "close", run: super::close::<dyn End> },
    Function { name: "listen", run: listen },
    Function { name: "unlisten", run: unlisten },
    Function { name: "port", run: port },
    Function { name: "dial", run: dial },
    Function { name: "dialled", run: dialled },
    Function { name: "hangUp", run: hang_up },
    #[cfg(unix)]
    Function { name: "adopt", run: adopt },
    #[cfg(windows)]
    Function { name: "adopt", run: fd::none },
    Function { name: "adoptStream", run: adopt_stream },
    Function { name: "feed", run: feed },
    Function { name: "arrivals", run: arrivals },
    Function { name: "ask", run: ask },
    Function { name: "ripe", run: ripe },
    Function { name: "answered", run: answered },
    Function { name: "forget", run: forget },
    Function { name: "reply", run: reply },
    Function { name: "subscribe", run: subscribe },
    Function { name: "unsubscribe", run: unsubscribe },
    Function { name: "event", run: event },
    Function { name: "pipes", run: pipes },
    Function { name: "credentials", run: credentials },
    Function { name: "closePipe", run: close_pipe },
    Function { name: "dropped", run: dropped },
    Function { name: "flushed", run: flushed },
    Function { name: "windDown", run: wind_down },
];

/// What arrives at an end.
enum Arrived {
    Message(Bytes),
    Request(Request),
}

/// An end, and what it can do with messages.
trait End {
    fn base(&mut self) -> &mut dyn Pipes;
    /// Gives a message away. `None`: not now.
    fn feed(&mut self, body: &mut Option<Bytes>) -> Result<Option<()>, Failure> {
        body.take();
        Err(cannot("send"))
    }
    fn received(&mut self) -> Result<Option<Arrived>, Failure> {
        Err(cannot("receive"))
    }
    fn ask(&mut self, body: &mut Option<Bytes>) -> Result<Option<AskId>, Failure> {
        body.take();
        Err(cannot("ask"))
    }
    fn answered(&mut self, _: AskId) -> Result<Option<Answered>, Failure> {
        Err(cannot("ask"))
    }
    fn ripe(&self) -> Vec<AskId> {
        Vec::new()
    }
    fn forget(&mut self, _: AskId) {}
    fn reply(&mut self, _: Request, _: Bytes) -> Result<(), Failure> {
        Err(cannot("reply"))
    }
    fn subscribe(&mut self, _: Bytes) -> Result<(), Failure> {
        Err(cannot("subscribe"))
    }
    fn unsubscribe(&mut self, _: &[u8]) -> Result<bool, Failure> {
        Err(cannot("subscribe"))
    }
}

impl Engine for dyn End {
    fn turns(&mut self) -> &mut dyn Turns {
        self.base()
    }
}

fn cannot(what: &str) -> Failure {
    Failure::new(Fault::Other, "ERR_GINNEL_MISUSE", format!("this end does not {what}"))
}

fn with<R>(call: &Call, action: impl FnOnce(&mut dyn End) -> R) -> Result<R, Failure> {
    at::<dyn End>(call)?.with(|end| action(&mut **end))
}

/// The listeners of one end, by the numbers that JavaScript has for them.
#[derive(Debug, Default)]
struct Listeners(std::cell::RefCell<Vec<ListenerId>>);

/// Two handles: the end, and its listeners.
fn open(call: &Call) -> Answer {
    let end = ends::open(&call.text(0)?, &super::options::sp(&call.numbers(1)?)?)?;
    let env = call.env();
    Ok(env.array([Handle::give(env, Slot::of(end)), Handle::give(env, Listeners::default())]))
}

/// A listener's number.
fn listen(call: &Call) -> Answer {
    let url = call.text(2)?;
    let mut known = call.held::<Listeners>(1)?.0.borrow_mut();
    known.push(with(call, |end| end.base().listen(&url))??);
    Ok(call.env().number((known.len() - 1) as f64))
}

fn listener(call: &Call) -> Result<ListenerId, Failure> {
    let index: usize = call.int(2)?;
    call.held::<Listeners>(1)?.0.borrow().get(index).copied().ok_or_else(Failure::closed)
}

fn unlisten(call: &Call) -> Answer {
    let id = listener(call)?;
    Ok(call.env().bool(with(call, |end| end.base().close_listener(id))?))
}

fn port(call: &Call) -> Answer {
    let id = listener(call)?;
    let port = with(call, |end| end.base().port(id))??;
    Ok(call.env().number(port.port().into()))
}

fn dial(call: &Call) -> Answer {
    let url = call.text(1)?;
    let DialerId(id) = with(call, |end| end.base().dial(&url))??;
    Ok(call.env().number(id as f64))
}

/// `true`: there is a pipe; `false`: not yet.
fn dialled(call: &Call) -> Answer {
    let id = DialerId(call.int(1)?);
    let came = with(call, |end| end.base().dialled(id))?.transpose()?;
    Ok(call.env().bool(came.is_some()))
}

fn hang_up(call: &Call) -> Answer {
    let id = DialerId(call.int(1)?);
    with(call, |end| end.base().hang_up(id))?;
    Ok(call.env().undefined())
}

/// Takes a connected stream socket over, of whatever family.
#[cfg(unix)]
fn adopt(call: &Call) -> Answer {
    let given = call.int(1)?;
    // Not before the end is known to be open: else it stays the caller's.
    let pipe = with(call, |end| end.base().adopt(fd::own(given)?).map_err(fd::returned))??;
    Ok(call.env().number(number(pipe)))
}

/// Takes a stream over.
fn adopt_stream(call: &Call) -> Answer {
    let pipe = with(call, |end| {
        end.base().adopt(crate::stream::taken(call, 1)?.into_handle()).map_err(Failure::from)
    })??;
    Ok(call.env().number(number(pipe)))
}

fn body(call: &Call, index: usize) -> Result<Option<Bytes>, Failure> {
    Ok(Some(Bytes::copy_from_slice(call.bytes(index)?)))
}

/// `false`: not now.
fn feed(call: &Call) -> Answer {
    let mut body = body(call, 1)?;
    Ok(call.env().bool(with(call, |end| end.feed(&mut body))??.is_some()))
}

const MESSAGE: u8 = 0;
const REQUEST: u8 = 1;

/// Fills the numbers (argument 1) and the room (argument 2); see [`Batch`].
fn arrivals(call: &Call) -> Answer {
    let mut none = Vec::new();
    // SAFETY: the driver gives two arrays of its own that share nothing.
    let rooms = unsafe { (call.room(1)?, call.room(2)?) };
    let mut batch = Batch::new(call.env(), rooms, &mut none);
    with(call, |end| -> Result<(), Failure> {
        while batch.is_open()
            && let Some(arrived) = end.received()?
        {
            batch.put(item(batch.env(), arrived));
        }
        Ok(())
    })??;
    Ok(batch.finish().told(call.env()))
}

fn item(env: Env, arrived: Arrived) -> Item {
    match arrived {
        Arrived::Message(body) => {
            Item { message: ginnel_os::Message::new(body), ..Item::word(MESSAGE, ConnId(0), 0) }
        }
        Arrived::Request(mut request) => {
            let body = std::mem::take(&mut request.body);
            let pipe = request.pipe();
            let beside = Some(Handle::give(env, Slot::of(request)));
            Item { message: ginnel_os::Message::new(body), beside, ..Item::word(REQUEST, pipe, 0) }
        }
    }
}

/// The number of the question; -1: not now.
fn ask(call: &Call) -> Answer {
    let mut body = body(call, 1)?;
    let asked = with(call, |end| end.ask(&mut body))??;
    Ok(call.env().number(asked.map_or(-1.0, |AskId(id)| id.into())))
}

/// The questions of which something has come.
fn ripe(call: &Call) -> Answer {
    let ripe = with(call, |end| end.ripe())?;
    Ok(call.env().array(ripe.into_iter().map(|AskId(id)| call.env().number(id.into()))))
}

/// What has come of a question: a body, `true` (it is over), `false` (the pipe is lost), or `null`: not yet.
fn answered(call: &Call) -> Answer {
    let (env, id) = (call.env(), AskId(call.int(1)?));
    let answered = with(call, |end| end.answered(id))??;
    Ok(match answered {
        None => env.null(),
        Some(Answered::Answer(body)) => env.buffer(body),
        Some(Answered::Over) => env.bool(true),
        Some(Answered::Lost) => env.bool(false),
    })
}

fn forget(call: &Call) -> Answer {
    let id = AskId(call.int(1)?);
    with(call, |end| end.forget(id))?;
    Ok(call.env().undefined())
}

/// Answers a request, once. `false`: that was done before.
fn reply(call: &Call) -> Answer {
    let request: &Slot<Request> = Slot::at(call, 1)?;
    let body = Bytes::copy_from_slice(call.bytes(2)?);
    let Some(request) = request.take() else { return Ok(call.env().bool(false)) };
    with(call, |end| end.reply(request, body))??;
    Ok(call.env().bool(true))
}

fn subscribe(call: &Call) -> Answer {
    let prefix = Bytes::copy_from_slice(call.bytes(1)?);
    with(call, |end| end.subscribe(prefix))??;
    Ok(call.env().undefined())
}

/// `false`: it was not subscribed to.
fn unsubscribe(call: &Call) -> Answer {
    let prefix = call.bytes(1)?;
    Ok(call.env().bool(with(call, |end| end.unsubscribe(prefix))??))
}

/// The next thing that happened to a pipe, or `null`.
fn event(call: &Call) -> Answer {
    let env = call.env();
    let Some(event) = with(call, |end| end.base().event())? else { return Ok(env.null()) };
    let about = |kind: &str, pipe: ConnId, why: Option<String>| {
        let why = why.map_or_else(|| env.undefined(), |why| env.text(&why));
        env.object([("type", env.text(kind)), ("pipe", env.number(number(pipe))), ("reason", why)])
    };
    Ok(match event {
        Event::Attached(pipe) => about("attached", pipe, None),
        Event::Detached(pipe, why) => about("detached", pipe, Some(why.to_string())),
        Event::Rejected(pipe, why) => about("rejected", pipe, Some(why.to_string())),
        Event::DialFailed(DialerId(id), why, pause) => env.object([
            ("type", env.text("dialFailed")),
            ("dialer", env.number(id as f64)),
            ("reason", env.text(&why_not(why))),
            ("pause", env.number(pause.as_secs_f64() * 1000.0)),
        ]),
    })
}

fn why_not(why: NotDialled) -> String {
    match why {
        NotDialled::Busy => "the other side's queue is full".to_owned(),
        NotDialled::Fault(fault) => fault.to_string(),
        NotDialled::Closed => "the other side has ended the connection".to_owned(),
        NotDialled::Errno(number) => crate::js::errno(number).into_owned(),
    }
}

fn pipes(call: &Call) -> Answer {
    let pipes = with(call, |end| end.base().pipes())?;
    Ok(call.env().array(pipes.into_iter().map(|pipe| call.env().number(number(pipe)))))
}

fn credentials(call: &Call) -> Answer {
    let pipe = connection(call, 1)?;
    let found = with(call, |end| end.base().credentials(pipe))??;
    Ok(socket::who(call.env(), &found))
}

fn close_pipe(call: &Call) -> Answer {
    let pipe = connection(call, 1)?;
    Ok(call.env().bool(with(call, |end| end.base().close_pipe(pipe))?))
}

fn dropped(call: &Call) -> Answer {
    let env = call.env();
    let Dropped { unsent, unreceived, hops, unwanted, unanswerable, .. } =
        with(call, |end| end.base().dropped())?;
    let count = |count: u64| -> Value { env.number(count as f64) };
    Ok(env.object([
        ("unsent", count(unsent)),
        ("unreceived", count(unreceived)),
        ("hops", count(hops)),
        ("unwanted", count(unwanted)),
        ("unanswerable", count(unanswerable)),
    ]))
}

fn flushed(call: &Call) -> Answer {
    Ok(call.env().bool(with(call, |end| end.base().flushed())?))
}

/// Takes leave, as far as that can be done now. `true`: it is over.
fn wind_down(call: &Call) -> Answer {
    Ok(call.env().bool(with(call, |end| end.base().wind_down())?))
}
