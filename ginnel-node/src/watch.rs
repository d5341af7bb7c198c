//! The one place that waits: a handle of libuv's that stands for what is watched, and a timer, which call back with what is
//! ready.
#![expect(unsafe_code, reason = "libuv is C")]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use ginnel_os::Directions;

use crate::js::{Answer, Call, Callback, Failure, Function, Handle, Home, Open};
use crate::uv::{self, Kind, Place};

#[cfg(unix)]
mod polled;
#[cfg(unix)]
pub(crate) use polled::Source;

#[cfg(windows)]
mod rung;
#[cfg(windows)]
pub(crate) use rung::Source;

/// What the callback is told: something can be read, written, or the moment has come.
const READ: i32 = 1;
const WRITE: i32 = 2;
const TIMER: i32 = 4;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "want", run: want },
    Function { name: "wakeAfter", run: wake_after },
    Function { name: "hold", run: hold },
    Function { name: "close", run: close },
];

/// What is watched, until it is closed. The loop holds it twice: for the source's handle and for the timer.
#[derive(Debug)]
struct Watch {
    home: Rc<Home>,
    number: Cell<u64>,
    source: Source,
    // Its contents are libuv's.
    timer: Vec<Cell<u64>>,
    /// `None`: closed.
    callback: RefCell<Option<Rc<Callback>>>,
    /// Handles that the loop still knows.
    known: Cell<u8>,
}

impl Watch {
    fn open(home: Rc<Home>, source: Source, callback: Callback) -> Result<Rc<Self>, Failure> {
        let watch = Rc::new(Self {
            home: Rc::clone(&home),
            number: Cell::new(0),
            source,
            timer: uv::room(Kind::Timer),
            callback: RefCell::new(Some(Rc::new(callback))),
            known: Cell::new(0),
        });
        let on = home.uv_loop()?;
        // SAFETY: both places have the room that libuv asks for and stay where they are: the loop holds a count for each
        // until it has closed it. The loop is this thread's.
        unsafe {
            watch.source.settle(on)?;
            uv::uv_timer_init(on, watch.timer());
            for handle in [watch.source.place(), watch.timer()] {
                uv::uv_handle_set_data(handle, Rc::into_raw(Rc::clone(&watch)).cast_mut().cast());
            }
        }
        watch.known.set(2);
        watch.number.set(home.opened(Rc::clone(&watch) as Rc<dyn Open>));
        Ok(watch)
    }

    fn timer(&self) -> Place {
        self.timer.as_ptr().cast_mut().cast()
    }

    fn is_open(&self) -> bool {
        self.callback.borrow().is_some()
    }

    fn want(&self, wanted: Directions) -> Result<(), Failure> {
        if self.is_open() { self.source.want(wanted) } else { Ok(()) }
    }

    /// `None`: not.
    fn wake_after(&self, length: Option<u64>) -> Result<(), Failure> {
        if !self.is_open() {
            return Ok(());
        }
        let on = self.home.uv_loop()?;
        // SAFETY: the handle is open, and the loop is this thread's.
        unsafe {
            match length {
                Some(length) => {
                    // Its clock stands still while JavaScript runs, and a moment must not come too early.
                    uv::uv_update_time(on);
                    uv::uv_timer_start(self.timer(), on_timer, length, 0)
                }
                None => uv::uv_timer_stop(self.timer()),
            };
        }
        Ok(())
    }

    /// Does it keep the process alive?
    fn hold(&self, hold: bool) {
        if self.is_open() {
            let change = if hold { uv::uv_ref } else { uv::uv_unref };
            // SAFETY: the handle is open.
            unsafe { change(self.timer()) };
            self.source.hold(hold);
        }
    }

    fn tell(&self, bits: i32) {
        // Whoever is called may close it.
        let callback = self.callback.borrow().clone();
        if let Some(callback) = callback
            && bits != 0
        {
            callback.call(bits);
        }
    }
}

impl Open for Watch {
    fn close(self: Rc<Self>) {
        if self.callback.borrow_mut().take().is_none() {
            return;
        }
        self.home.closes(self.number.get());
        // SAFETY: both handles are open, and closed once. The loop gives their counts back in `on_closed`.
        unsafe {
            self.source.close(on_closed);
            uv::uv_close(self.timer(), on_closed);
        }
    }
}

/// The watch behind a handle of libuv's, with a count of its own.
///
/// # Safety
/// The handle is one of a watch that the loop has not closed.
unsafe fn behind(handle: Place) -> Rc<Watch> {
    // SAFETY: `open` has put a count there, which only `on_closed` takes back.
    unsafe {
        let data = uv::uv_handle_get_data(handle).cast::<Watch>().cast_const();
        Rc::increment_strong_count(data);
        Rc::from_raw(data)
    }
}

unsafe extern "C" fn on_timer(handle: Place) {
    // SAFETY: libuv calls for open handles only.
    let watch = unsafe { behind(handle) };
    guarded(|| watch.tell(TIMER));
}

unsafe extern "C" fn on_closed(handle: Place) {
    // SAFETY: the count that `open` has put there; libuv does not use the handle any more.
    let watch = unsafe { Rc::from_raw(uv::uv_handle_get_data(handle).cast::<Watch>().cast_const()) };
    watch.known.set(watch.known.get() - 1);
    if watch.known.get() == 0 {
        guarded(|| watch.home.has_closed());
    }
}

/// No panic reaches libuv.
fn guarded(action: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(action));
}

/// What JavaScript holds. Collected, it closes the watch.
#[derive(Debug)]
struct Held(Rc<Watch>);

impl Drop for Held {
    fn drop(&mut self) {
        Rc::clone(&self.0).close();
    }
}

fn watch(call: &Call) -> Result<&Rc<Watch>, Failure> {
    Ok(&call.held::<Held>(0)?.0)
}

/// Watches something, and calls what the argument is.
pub(crate) fn give(call: &Call, callback: usize, source: Source) -> Answer {
    let env = call.env();
    let callback = Callback::new(env, call.value(callback))?;
    let watch = Watch::open(Home::of(env)?, source, callback)?;
    Ok(Handle::give(env, Held(watch)))
}

fn want(call: &Call) -> Answer {
    let bits = call.int::<i32>(1)?;
    watch(call)?.want(Directions { read: bits & READ != 0, write: bits & WRITE != 0 })?;
    Ok(call.env().undefined())
}

fn wake_after(call: &Call) -> Answer {
    let length = call.number(1)?;
    watch(call)?.wake_after((length >= 0.0).then_some(length as u64))?;
    Ok(call.env().undefined())
}

fn hold(call: &Call) -> Answer {
    watch(call)?.hold(call.bool(1)?);
    Ok(call.env().undefined())
}

fn close(call: &Call) -> Answer {
    Rc::clone(watch(call)?).close();
    Ok(call.env().undefined())
}
