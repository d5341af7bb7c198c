//! Names that others connect to.

use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};

use ginnel_os::{AcceptPause, Knock, Listener, ListenerOptions, Policy};
use ginnel_proto::ToAddress;

use crate::connecting::kind;
use crate::js::{Answer, Call, Failure, Fault, Function, Handle};
use crate::slot::Slot;
use crate::socket;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "open", run: open },
    Function { name: "fd", run: socket::fd::<Held> },
    Function { name: "accept", run: accept },
    Function { name: "detach", run: socket::detach::<Held> },
    Function { name: "close", run: socket::close::<Held> },
    Function { name: "leave", run: leave },
];

struct Held {
    listener: Listener,
    pause: AcceptPause,
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Gives up the name and gives away the socket that listens.
impl From<Held> for OwnedFd {
    fn from(held: Held) -> Self {
        held.listener.into_fd()
    }
}

fn held(call: &Call) -> Result<&Slot<Held>, Failure> {
    Slot::at(call, 0)
}

/// Takes the listener out of a handle, for an engine.
pub(crate) fn taken(call: &Call, index: usize) -> Result<Listener, Failure> {
    let slot: &Slot<Held> = Slot::at(call, index)?;
    slot.take().map(|held| held.listener).ok_or_else(Failure::closed)
}

/// Arguments from `first` on: mode, backlog, owner, group, who is allowed. Each may be left out.
pub(crate) fn options(call: &Call, first: usize) -> Result<ListenerOptions, Failure> {
    let mut options = ListenerOptions::default();
    options.nonblocking = true;
    let numbers = call.given(first, Call::ints)?.unwrap_or_default();
    let given = |index: usize| numbers.get(index).and_then(|&number: &i64| u32::try_from(number).ok());
    options.mode = given(0).unwrap_or(options.mode);
    options.backlog = given(1).unwrap_or(options.backlog);
    options.owner = (given(2), given(3));
    options.allow = policy(call, first + 1)?;
    Ok(options)
}

pub(crate) fn policy(call: &Call, index: usize) -> Result<Option<Policy>, Failure> {
    let Some(text) = call.given(index, Call::text)? else { return Ok(None) };
    let wrong =
        |error: ginnel_os::PolicyError| Failure::new(Fault::Type, "ERR_GINNEL_POLICY", error.to_string());
    text.parse().map(Some).map_err(wrong)
}

fn open(call: &Call) -> Answer {
    let address = call.text(1)?.as_str().to_address()?;
    let listener = Listener::open(kind(call.int(0)?)?, &address, options(call, 2)?)?;
    Ok(Handle::give(call.env(), Slot::of(Held { listener, pause: AcceptPause::new() })))
}

/// A descriptor of a connection, or what `accept` tells in its place.
pub(crate) fn told(came: std::io::Result<Option<i32>>, pause: &mut AcceptPause) -> Result<i32, Failure> {
    match came {
        Ok(Some(fd)) => {
            *pause = AcceptPause::new();
            Ok(fd)
        }
        Ok(None) => Ok(-1),
        Err(error) => Ok(-2 - i32::try_from(pause.after(error)?.as_millis()).unwrap_or(i32::MAX / 2)),
    }
}

/// Most of those who are turned away before others have their turn: who floods us with them must not hold up the loop.
const DENIED: usize = 64;

/// The descriptor of a connection; -1: not yet; less: pause for so many milliseconds, which begin at -2.
fn accept(call: &Call) -> Answer {
    let came = held(call)?.with(|Held { listener, pause }| {
        for _ in 0..DENIED {
            match listener.accept() {
                Ok(Some(Knock::Denied)) => {}
                Ok(Some(Knock::Allowed(fd))) => return told(Ok(Some(fd.into_raw_fd())), pause),
                Ok(None) => return Ok(-1),
                Err(error) => return told(Err(error), pause),
            }
        }
        Ok(-1)
    })??;
    Ok(call.env().int(came))
}

/// As `close`, but the socket file stays.
fn leave(call: &Call) -> Answer {
    if let Some(held) = held(call)?.take() {
        held.listener.close_and_leave_name();
    }
    Ok(call.env().undefined())
}
