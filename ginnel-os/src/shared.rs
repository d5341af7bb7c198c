//! One that many use: they look, and wait until whoever drives it has moved what they wait for.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use ginnel_proto::client::Reason;

use crate::driven::{Awaited, Driven};
use crate::poller::Waitable;
use crate::sys::codes;

/// Something driven that handles on any thread share with one driver.
///
/// A handle never reads: it takes what is there, queues what is to go, and wakes the driver. So what many queue at the same
/// time leaves together; a handle writes only where a queue of SP has taken all that it takes. Nothing here waits: who waits is told to by [`Poll::Pending`].
#[derive(Debug)]
pub struct Shared<D> {
    /// Held by the handle that comes next, while it waits for the lot. The driver, which takes the lot again and again,
    /// passes through here too, and so lets the handle go first.
    next: Mutex<()>,
    lot: Mutex<Lot<D>>,
}

#[derive(Debug)]
struct Lot<D> {
    driven: D,
    waiting: BTreeMap<u64, Waiting>,
    last: u64,
    handles: usize,
    /// Whoever drives it, while it waits.
    driver: Option<Waker>,
    /// Until when it waits.
    until: Option<Instant>,
    /// Nothing moves any more.
    over: Option<Reason>,
}

#[derive(Debug)]
struct Waiting {
    awaited: Awaited,
    waker: Waker,
}

/// How far a turn came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver must do each of these")]
pub enum Turn {
    /// There was something to do: turn again, after others had their turn.
    Active,
    /// There is nothing to do: wait for the descriptor, the waker, or this moment.
    Idle(Option<Instant>),
    /// Nobody is left who could ask for anything, and all has been said: it is over.
    Over,
}

impl<D: Driven> Shared<D> {
    /// Shares it. There is one handle.
    pub fn new(driven: D) -> Arc<Self> {
        let waiting = BTreeMap::new();
        let lot = Lot { driven, waiting, last: 0, handles: 1, driver: None, until: None, over: None };
        Arc::new(Self { next: Mutex::new(()), lot: Mutex::new(lot) })
    }

    fn lock(&self) -> MutexGuard<'_, Lot<D>> {
        let _next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        self.lot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is one handle more.
    pub fn add_handle(&self) {
        self.lock().handles += 1;
    }

    /// There is one handle less. With the last, the driver takes leave and ends.
    pub fn drop_handle(&self) {
        let mut lot = self.lock();
        lot.handles -= 1;
        let driver = if lot.handles == 0 { lot.driver.take() } else { None };
        drop(lot);
        driver.into_iter().for_each(Waker::wake);
    }

    /// Does something that needs no waiting.
    pub fn with<T>(&self, action: impl FnOnce(&mut D) -> T) -> T {
        let mut lot = self.lock();
        let done = action(&mut lot.driven);
        let woken = lot.stirred();
        drop(lot);
        woken.into_iter().for_each(Waker::wake);
        done
    }

    /// The descriptor that is readable when there is something to do.
    pub fn descriptor(&self) -> Waitable {
        self.lock().driven.descriptor()
    }

    /// Ends the wait of whoever waits for the descriptor.
    pub fn waker(&self) -> crate::Waker {
        self.lock().driven.waker()
    }

    /// Does what is ready, for whoever drives, and wakes those whose time has come.
    ///
    /// # Errors
    /// The poller's. It is over then.
    pub fn turn(&self, look: bool, driver: &Waker) -> io::Result<Turn> {
        let mut lot = self.lock();
        lot.driver = None;
        if lot.handles == 0 {
            lot.driven.leave();
        }
        let active = lot.driven.turn(look).inspect_err(|error| {
            let errno = error.raw_os_error().unwrap_or(codes::UNKNOWN);
            lot.over = Some(Reason::Error { errno });
        });
        let woken = lot.take_ripe();
        lot.driven.take_stirred();
        let over = lot.handles == 0 && lot.driven.is_quiet();
        let turn = match active {
            Ok(_) if over => Ok(Turn::Over),
            Ok(true) => Ok(Turn::Active),
            Ok(false) => {
                lot.driver = Some(driver.clone());
                lot.until = lot.driven.deadline();
                Ok(Turn::Idle(lot.until))
            }
            Err(error) => Err(error),
        };
        drop(lot);
        woken.into_iter().for_each(Waker::wake);
        turn
    }

    /// Whoever drove it does so no longer: nobody must wait for it.
    pub fn end(&self) {
        let mut lot = self.lock();
        lot.over.get_or_insert(Reason::NotDriven);
        let woken = mem::take(&mut lot.waiting);
        drop(lot);
        woken.into_values().for_each(|waiting| waiting.waker.wake());
    }
}

impl<D: Driven> Lot<D> {
    /// Whoever has something to do now.
    fn stirred(&mut self) -> Vec<Waker> {
        let mut woken = if self.driven.take_stirred() { self.take_ripe() } else { Vec::new() };
        let waits = self.driver.is_some();
        if waits && (self.driven.wants_turn() || self.driven.deadline() != self.until) {
            woken.extend(self.driver.take());
        }
        woken
    }

    fn take_ripe(&mut self) -> Vec<Waker> {
        let (driven, over) = (&self.driven, self.over.is_some());
        let mut ripe = Vec::new();
        self.waiting.retain(|_, Waiting { awaited, waker }| {
            let waits = !over && !driven.is_ripe(*awaited);
            if !waits {
                ripe.push(waker.clone());
            }
            waits
        });
        ripe
    }
}

/// A place to wait for one thing. Dropping it gives it up.
#[derive(Debug)]
pub struct Seat<'a, D: Driven> {
    shared: &'a Shared<D>,
    awaited: Awaited,
    number: u64,
}

impl<'a, D: Driven> Seat<'a, D> {
    /// For somebody who waits for this.
    pub fn new(shared: &'a Shared<D>, awaited: Awaited) -> Self {
        Self { shared, awaited, number: 0 }
    }

    /// Looks whether it is there, and waits if not.
    ///
    /// # Errors
    /// Those of the look, and the reason why nothing moves any more.
    pub fn poll<T, E: From<Reason>>(
        &mut self,
        cx: &Context<'_>,
        look: impl FnOnce(&mut D) -> Result<Option<T>, E>,
    ) -> Poll<Result<T, E>> {
        let mut lot = self.shared.lock();
        let found = look(&mut lot.driven);
        let woken = lot.stirred();
        let polled = match (found.transpose(), lot.over) {
            (Some(found), _) => Poll::Ready(found),
            (None, Some(reason)) => Poll::Ready(Err(reason.into())),
            (None, None) => {
                self.sit(&mut lot, cx);
                Poll::Pending
            }
        };
        drop(lot);
        // Outside the lock: whoever wakes may run what takes it.
        woken.into_iter().for_each(Waker::wake);
        polled
    }

    fn sit(&mut self, lot: &mut Lot<D>, cx: &Context<'_>) {
        if self.number == 0 {
            lot.last += 1;
            self.number = lot.last;
        }
        let waiting = Waiting { awaited: self.awaited, waker: cx.waker().clone() };
        lot.waiting.insert(self.number, waiting);
    }
}

impl<D: Driven> Drop for Seat<'_, D> {
    fn drop(&mut self) {
        if self.number != 0 {
            self.shared.lock().waiting.remove(&self.number);
        }
    }
}
