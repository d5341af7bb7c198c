//! What can be asked of any socket that JavaScript holds.

use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};

use ginnel_os::Credentials;

use crate::js::{Answer, Call, Env, Failure, Value};
use crate::slot::Slot;

fn at<T: 'static>(call: &Call) -> Result<&Slot<T>, Failure> {
    Slot::at(call, 0)
}

/// The number of its descriptor; -1: it is closed.
pub(crate) fn fd<T: AsFd + 'static>(call: &Call) -> Answer {
    let number = at::<T>(call)?.with(|held| held.as_fd().as_raw_fd());
    Ok(call.env().int(number.unwrap_or(-1)))
}

/// Who is at the other end.
pub(crate) fn credentials<T: AsFd + 'static>(call: &Call) -> Answer {
    let found = at::<T>(call)?.with(|held| Credentials::of(held.as_fd()))??;
    Ok(who(call.env(), &found))
}

/// Credentials as JavaScript sees them.
pub(crate) fn who(env: Env, found: &Credentials) -> Value {
    let pid = found.pid.map_or_else(|| env.undefined(), |pid| env.number(pid.into()));
    env.object([("pid", pid), ("uid", env.number(found.uid.into())), ("gid", env.number(found.gid.into()))])
}

/// Gives its descriptor to the caller.
pub(crate) fn detach<T: Into<OwnedFd> + 'static>(call: &Call) -> Answer {
    let taken: OwnedFd = at::<T>(call)?.take().ok_or_else(Failure::closed)?.into();
    Ok(call.env().int(taken.into_raw_fd()))
}

pub(crate) fn close<T: 'static>(call: &Call) -> Answer {
    drop(at::<T>(call)?.take());
    Ok(call.env().undefined())
}
