//! Sockets are descriptors.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, IntoRawFd};

use ginnel_os::{Credentials, Handle, HandleRef};

use super::Held;
use crate::js::{Answer, Call, Env, Failure, Value};
use crate::slot::Slot;
use crate::watch::Source;

pub(super) fn number(socket: HandleRef<'_>) -> i32 {
    socket.as_raw_fd()
}

pub(super) fn give_away(call: &Call, take: impl FnOnce() -> Result<Handle, Failure>) -> Answer {
    Ok(came(call.env(), take()?))
}

/// A socket that was accepted, as JavaScript has it until it is made into something: by its number.
pub(crate) fn came(env: Env, socket: Handle) -> Value {
    env.int(socket.into_raw_fd())
}

/// A socket that was accepted just now.
pub(crate) fn accepted(call: &Call, index: usize) -> Result<Handle, Failure> {
    crate::fd::own(call.int(index)?)
}

pub(super) fn source<T: Held>(slot: &Slot<T>, ours: bool) -> Result<Source, Failure> {
    slot.with(|held| Source::new(held.lent(), ours))?
}

/// shutdown(2)
pub(crate) fn shut(socket: HandleRef<'_>, how: Shutdown) -> io::Result<()> {
    ginnel_os::shutdown(socket, how)
}

/// Credentials as JavaScript sees them.
pub(crate) fn who(env: Env, found: &Credentials) -> Value {
    let pid = found.pid.map_or_else(|| env.undefined(), |pid| env.number(pid.into()));
    env.object([("pid", pid), ("uid", env.number(found.uid.into())), ("gid", env.number(found.gid.into()))])
}
