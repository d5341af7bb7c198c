//! Sockets are pipes, which have no numbers.

use std::io;
use std::net::Shutdown;

use ginnel_os::sys::{Kernel, Sockets};
use ginnel_os::{Credentials, Handle, HandleRef};

use super::Held;
use crate::js::{self, Answer, Call, Env, Failure, Value};
use crate::slot::Slot;
use crate::watch::Source;

pub(super) fn number(_: HandleRef<'_>) -> i32 {
    -1
}

pub(super) fn give_away(_: &Call, _: impl FnOnce() -> Result<Handle, Failure>) -> Answer {
    Err(Failure::absent("descriptors"))
}

/// A socket that was accepted, as JavaScript has it until it is made into something.
pub(crate) fn came(env: Env, socket: Handle) -> Value {
    js::Handle::give(env, Slot::of(socket))
}

/// A socket that was accepted just now.
pub(crate) fn accepted(call: &Call, index: usize) -> Result<Handle, Failure> {
    Slot::<Handle>::at(call, index)?.take().ok_or_else(Failure::closed)
}

#[expect(clippy::unnecessary_wraps, reason = "as where descriptors are polled")]
pub(super) fn source<T: Held>(slot: &Slot<T>, _: bool) -> Result<Source, Failure> {
    let slot = slot.clone();
    // What is closed is ready: whoever looks is told.
    Ok(Source::new(Box::new(move |direction, waker| {
        slot.with(|held| held.lent().poll_ready(direction, waker)).unwrap_or(true)
    })))
}

/// A pipe ends as a whole: whoever ends writing has ended, behind what was written.
pub(crate) fn shut(socket: HandleRef<'_>, how: Shutdown) -> io::Result<()> {
    match how {
        Shutdown::Read => Kernel.shutdown(socket, how),
        Shutdown::Write | Shutdown::Both => Kernel.finish(socket),
    }
}

/// Credentials as JavaScript sees them.
pub(crate) fn who(env: Env, found: &Credentials) -> Value {
    let number = |id: Option<u32>| id.map_or_else(|| env.undefined(), |id| env.number(id.into()));
    env.object([
        ("pid", number(found.pid)),
        ("session", number(found.session)),
        ("sid", env.text(&found.sid)),
    ])
}
