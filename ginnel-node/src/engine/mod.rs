//! Engines: what has many things to do at once, and is turned whenever its descriptor or its deadline says so.
//!
//! Whoever drives one, in JavaScript, turns it, and takes what there is: arrivals, answers, failures. They cross in
//! batches, see [`Batch`].

mod batch;
mod client;
mod hub;
mod messages;
mod options;
mod peer;
mod server;
mod sp;

use std::io;
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::task::Context;
use std::time::{Duration, Instant};

use ginnel_os::driven::Driven;
use ginnel_os::{ConnId, Waitable};

use crate::js::{Answer, Call, Failure};
use crate::slot::Slot;
use crate::watch::Source;

pub(crate) use messages::FUNCTIONS as MESSAGES;
pub(crate) use sp::FUNCTIONS as SP;

use batch::Batch;

/// What is turned, whatever it decides.
trait Turns {
    /// What it waits for.
    fn waitable(&self) -> Waitable;
    fn turn(&mut self, look: bool) -> io::Result<bool>;
    /// Milliseconds until it must be turned at the latest.
    fn due(&self) -> Option<f64>;
    /// Is there something to do that no readiness will tell of?
    fn wants_turn(&self) -> bool;
    fn has_room(&self) -> bool;
    fn set_drain(&mut self, drain: Duration);
}

impl<D: Driven> Turns for D {
    fn waitable(&self) -> Waitable {
        self.descriptor()
    }

    fn turn(&mut self, look: bool) -> io::Result<bool> {
        Driven::turn(self, look)
    }

    fn due(&self) -> Option<f64> {
        let deadline = self.deadline()?;
        Some(deadline.saturating_duration_since(Instant::now()).as_secs_f64() * 1000.0)
    }

    fn wants_turn(&self) -> bool {
        Driven::wants_turn(self)
    }

    fn has_room(&self) -> bool {
        Driven::has_room(self)
    }

    fn set_drain(&mut self, drain: Duration) {
        Driven::set_drain(self, drain);
    }
}

/// Something behind a handle that is turned.
trait Engine {
    fn turns(&mut self) -> &mut dyn Turns;
}

/// An engine that JavaScript holds.
type Held<E> = Slot<Box<E>>;

fn at<E: ?Sized + 'static>(call: &Call) -> Result<&Held<E>, Failure> {
    Slot::at(call, 0)
}

/// Calls back (argument 1) when there is something to do.
fn watch<E: Engine + ?Sized + 'static>(call: &Call) -> Answer {
    let waitable = at::<E>(call)?.with(|end| end.turns().waitable())?;
    crate::watch::give(call, 1, source(waitable)?)
}

#[cfg(unix)]
fn source(waitable: Waitable) -> Result<Source, Failure> {
    Source::new(waitable.as_fd(), true)
}

#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "as where descriptors are polled")]
fn source(waitable: Waitable) -> Result<Source, Failure> {
    Ok(Source::new(Box::new(move |_, waker| waitable.poll(&Context::from_waker(waker)))))
}

/// There is more to do.
const ACTIVE: i32 = 1;
/// What has arrived fills the inbox, and nothing more is read before it is taken.
const FULL: i32 = 2;
/// It must be turned again at a certain moment.
const DUE: i32 = 4;

/// Does what is ready. Answers [`ACTIVE`], [`FULL`] and [`DUE`]; how many milliseconds there are until it must be turned
/// again is asked by `due`.
fn turn<E: Engine + ?Sized + 'static>(call: &Call) -> Answer {
    let look = call.bool(1)?;
    let bits = at::<E>(call)?.with(|end| -> io::Result<i32> {
        let end = end.turns();
        end.turn(look)?;
        let marks = [(end.wants_turn(), ACTIVE), (!end.has_room(), FULL), (end.due().is_some(), DUE)];
        Ok(marks.iter().filter(|(is, _)| *is).fold(0, |all, (_, mark)| all | mark))
    })??;
    Ok(call.env().int(bits))
}

/// Milliseconds until it must be turned; -1: it need not.
fn due<E: Engine + ?Sized + 'static>(call: &Call) -> Answer {
    let due = at::<E>(call)?.with(|end| end.turns().due())?;
    Ok(call.env().number(due.unwrap_or(-1.0)))
}

fn drain<E: Engine + ?Sized + 'static>(call: &Call) -> Answer {
    let length = Duration::try_from_secs_f64(call.number(1)? / 1000.0).unwrap_or(Duration::MAX);
    at::<E>(call)?.with(|end| end.turns().set_drain(length))?;
    Ok(call.env().undefined())
}

fn close<E: ?Sized + 'static>(call: &Call) -> Answer {
    drop(at::<E>(call)?.take());
    Ok(call.env().undefined())
}

/// A connection, as JavaScript counts them: whoever came in is even, whoever was gone to is odd.
fn number(id: ConnId) -> f64 {
    match id.0.checked_sub(ConnId::FIRST_ACCEPTED.0) {
        Some(came) => came as f64 * 2.0,
        None => id.0 as f64 * 2.0 + 1.0,
    }
}

/// The connection that an argument names.
fn connection(call: &Call, index: usize) -> Result<ConnId, Failure> {
    let number: u64 = call.int(index)?;
    let half = number / 2;
    Ok(ConnId(if number.is_multiple_of(2) { ConnId::FIRST_ACCEPTED.0 + half } else { half }))
}
