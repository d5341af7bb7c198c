//! What can be asked of any socket that JavaScript holds.

use ginnel_os::{Credentials, Handle, HandleRef};

use crate::js::{Answer, Call, Failure};
use crate::slot::Slot;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

/// A socket, and what JavaScript holds beside it.
pub(crate) trait Held: 'static {
    fn lent(&self) -> HandleRef<'_>;
    /// Gives the socket away; a name that it owns is given up.
    fn given(self) -> Handle;
}

fn at<T: 'static>(call: &Call) -> Result<&Slot<T>, Failure> {
    Slot::at(call, 0)
}

/// The number of its descriptor; -1: it is closed, or has none.
pub(crate) fn fd<T: Held>(call: &Call) -> Answer {
    let number = at::<T>(call)?.with(|held| number(held.lent()));
    Ok(call.env().int(number.unwrap_or(-1)))
}

/// Calls back when it is ready: the callback, and whether nobody else relies on the flags of its descriptor.
pub(crate) fn watch<T: Held>(call: &Call) -> Answer {
    let ours = call.bool(2)?;
    crate::watch::give(call, 1, source(at::<T>(call)?, ours)?)
}

/// Who is at the other end.
pub(crate) fn credentials<T: Held>(call: &Call) -> Answer {
    let found = at::<T>(call)?.with(|held| Credentials::of(held.lent()))??;
    Ok(who(call.env(), &found))
}

/// Gives its descriptor to the caller.
pub(crate) fn detach<T: Held>(call: &Call) -> Answer {
    give_away(call, || Ok(at::<T>(call)?.take().ok_or_else(Failure::closed)?.given()))
}

pub(crate) fn close<T: 'static>(call: &Call) -> Answer {
    drop(at::<T>(call)?.take());
    Ok(call.env().undefined())
}
