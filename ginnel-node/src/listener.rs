//! Names that others connect to.

use ginnel_os::{self as os, AcceptPause, HandleRef, Knock, Listener, ListenerOptions, Policy};
use ginnel_proto::ToAddress;

use crate::connecting::kind;
use crate::js::{Answer, Call, Env, Failure, Fault, Function, Handle};
use crate::slot::Slot;
use crate::socket;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "open", run: open },
    Function { name: "fd", run: socket::fd::<Held> },
    Function { name: "watch", run: socket::watch::<Held> },
    Function { name: "accept", run: accept },
    Function { name: "detach", run: socket::detach::<Held> },
    Function { name: "close", run: socket::close::<Held> },
    Function { name: "leave", run: leave },
];

struct Held {
    listener: Listener,
    pause: AcceptPause,
}

impl socket::Held for Held {
    fn lent(&self) -> HandleRef<'_> {
        self.listener.borrowed()
    }

    fn given(self) -> os::Handle {
        self.listener.into_fd()
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
    options.backlog = given(1).unwrap_or(options.backlog);
    guard(&mut options, given(0), (given(2), given(3)))?;
    options.allow = policy(call, first + 1)?;
    Ok(options)
}

/// Permission bits, owner and group of a socket file.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "as where there are no such files")]
fn guard(
    options: &mut ListenerOptions,
    mode: Option<u32>,
    owner: (Option<u32>, Option<u32>),
) -> Result<(), Failure> {
    options.mode = mode.unwrap_or(options.mode);
    options.owner = owner;
    Ok(())
}

/// Pipes have none.
#[cfg(windows)]
fn guard(
    _: &mut ListenerOptions,
    mode: Option<u32>,
    owner: (Option<u32>, Option<u32>),
) -> Result<(), Failure> {
    match (mode, owner) {
        (None, (None, None)) => Ok(()),
        _ => Err(Failure::absent("permission bits, owners and groups of sockets: use `allow`")),
    }
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

/// A connection, or what `accept` tells in its place.
pub(crate) fn told(env: Env, came: os::Would<os::Handle>, pause: &mut AcceptPause) -> Answer {
    Ok(match came {
        Ok(Some(connection)) => {
            *pause = AcceptPause::new();
            socket::came(env, connection)
        }
        Ok(None) => env.int(-1),
        Err(error) => env.int(-2 - i32::try_from(pause.after(error)?.as_millis()).unwrap_or(i32::MAX / 2)),
    })
}

/// Most of those who are turned away before others have their turn: who floods us with them must not hold up the loop.
const DENIED: usize = 64;

/// A connection; -1: not yet; less: pause for so many milliseconds, which begin at -2.
fn accept(call: &Call) -> Answer {
    held(call)?.with(|Held { listener, pause }| told(call.env(), knocked(listener), pause))?
}

fn knocked(listener: &Listener) -> os::Would<os::Handle> {
    for _ in 0..DENIED {
        match listener.accept()? {
            Some(Knock::Denied) => {}
            Some(Knock::Allowed(connection)) => return Ok(Some(connection)),
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// As `close`, but the socket file stays.
fn leave(call: &Call) -> Answer {
    if let Some(held) = held(call)?.take() {
        held.listener.close_and_leave_name();
    }
    Ok(call.env().undefined())
}
