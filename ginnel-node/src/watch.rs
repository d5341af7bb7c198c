//! The one place that waits: a poll handle and a timer of libuv, which call back with what is ready.
#![expect(unsafe_code, reason = "libuv is C")]

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use ginnel_os::sys::{Kernel, Poller, Sys};
use ginnel_os::{Directions, System};

use crate::js::{Answer, Call, Callback, Failure, Function, Handle, Home, Open};
use crate::uv::{self, Kind, Place};

/// What the callback is told: something can be read, written, or the moment has come.
const READ: i32 = 1;
const WRITE: i32 = 2;
const TIMER: i32 = 4;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "open", run: open },
    Function { name: "want", run: want },
    Function { name: "wakeAfter", run: wake_after },
    Function { name: "hold", run: hold },
    Function { name: "close", run: close },
];

/// What is watched, until it is closed. The loop holds it twice: for the poll handle and for the timer.
#[derive(Debug)]
struct Watch {
    home: Rc<Home>,
    number: Cell<u64>,
    // Their contents are libuv's.
    poll: Vec<Cell<u64>>,
    timer: Vec<Cell<u64>>,
    /// `None`: closed.
    callback: RefCell<Option<Rc<Callback>>>,
    /// Stands between the loop and a descriptor whose flags are not ours alone.
    gate: RefCell<Option<Gate>>,
    wanted: Cell<Directions>,
    /// What is watched.
    fd: RawFd,
    /// Handles that the loop still knows.
    known: Cell<u8>,
}

/// A poller of our own, which the loop polls in the place of a descriptor.
#[derive(Debug)]
struct Gate {
    poller: RefCell<System>,
    /// What stands behind it. It is open as long as the watch is.
    fd: RawFd,
}

impl Gate {
    fn before(fd: BorrowedFd<'_>) -> Result<Self, Failure> {
        let poller = Kernel::default().poller()?;
        poller.add(fd, 0, Directions::default())?;
        Ok(Self { poller: RefCell::new(poller), fd: fd.as_raw_fd() })
    }

    fn number(&self) -> RawFd {
        self.poller.borrow().as_fd().as_raw_fd()
    }

    fn want(&self, wanted: Directions) -> Result<(), Failure> {
        Ok(self.poller.borrow().change(crate::fd::borrow(self.fd)?, 0, wanted)?)
    }

    fn look(&self) -> Result<Directions, Failure> {
        let mut ready = Vec::new();
        self.poller.borrow_mut().look(&mut ready)?;
        Ok(ready.iter().fold(Directions::default(), |all, one| all.or(one.directions)))
    }
}

impl Watch {
    /// `ours`: nobody else relies on the flags of the descriptor.
    fn open(
        home: Rc<Home>,
        (fd, ours): (BorrowedFd<'_>, bool),
        callback: Callback,
    ) -> Result<Rc<Self>, Failure> {
        // libuv makes whatever it polls non-blocking. Where it is not, somebody may rely on that: it is polled through
        // something of ours.
        let keeps = ours || rustix::fs::fcntl_getfl(fd)?.contains(rustix::fs::OFlags::NONBLOCK);
        let gate = if keeps { None } else { Some(Gate::before(fd)?) };
        let polled = gate.as_ref().map_or(fd.as_raw_fd(), Gate::number);
        let watch = Rc::new(Self {
            home: Rc::clone(&home),
            number: Cell::new(0),
            poll: uv::room(Kind::Poll),
            timer: uv::room(Kind::Timer),
            callback: RefCell::new(Some(Rc::new(callback))),
            gate: RefCell::new(gate),
            wanted: Cell::default(),
            fd: fd.as_raw_fd(),
            known: Cell::new(0),
        });
        let on = home.uv_loop()?;
        // SAFETY: both places have the room that libuv asks for and stay where they are: the loop holds a count for each
        // until it has closed it. The loop is this thread's.
        let status = unsafe { uv::uv_poll_init(on, watch.poll(), polled) };
        if status != 0 {
            return Err(std::io::Error::from_raw_os_error(-status).into());
        }
        // SAFETY: as above.
        unsafe {
            uv::uv_timer_init(on, watch.timer());
            for handle in [watch.poll(), watch.timer()] {
                uv::uv_handle_set_data(handle, Rc::into_raw(Rc::clone(&watch)).cast_mut().cast());
            }
        }
        watch.known.set(2);
        watch.number.set(home.opened(Rc::clone(&watch) as Rc<dyn Open>));
        Ok(watch)
    }

    fn poll(&self) -> Place {
        self.poll.as_ptr().cast_mut().cast()
    }

    fn timer(&self) -> Place {
        self.timer.as_ptr().cast_mut().cast()
    }

    fn is_open(&self) -> bool {
        self.callback.borrow().is_some()
    }

    fn want(&self, wanted: Directions) -> Result<(), Failure> {
        if self.wanted.get() == wanted || !self.is_open() {
            return Ok(());
        }
        let mut events = 0;
        if let Some(gate) = &*self.gate.borrow() {
            gate.want(wanted)?;
            events = uv::READABLE;
        } else {
            // libuv ends the process if it is to poll what somebody has closed behind our back. An exception is better.
            rustix::io::fcntl_getfd(crate::fd::borrow(self.fd)?)?;
            events |= if wanted.read { uv::READABLE } else { 0 };
            events |= if wanted.write { uv::WRITABLE } else { 0 };
        }
        // SAFETY: the handle is open.
        let status = unsafe {
            if wanted == Directions::default() {
                uv::uv_poll_stop(self.poll())
            } else {
                uv::uv_poll_start(self.poll(), events, on_poll)
            }
        };
        if status != 0 {
            return Err(std::io::Error::from_raw_os_error(-status).into());
        }
        self.wanted.set(wanted);
        Ok(())
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
            // SAFETY: both handles are open.
            unsafe {
                change(self.poll());
                change(self.timer());
            }
        }
    }

    /// What is ready, of what is wanted.
    fn ready(&self, status: c_int, events: c_int) -> i32 {
        if status < 0 {
            // The descriptor has an error, which whoever reads or writes will be told. libuv has stopped, but there may
            // be more behind it.
            let wanted = self.wanted.replace(Directions::default());
            let _ = self.want(wanted);
            return READ | WRITE;
        }
        match &*self.gate.borrow() {
            None => events & (READ | WRITE),
            Some(gate) => {
                let ready = gate.look().unwrap_or(Directions::BOTH);
                (i32::from(ready.read) * READ) | (i32::from(ready.write) * WRITE)
            }
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
            uv::uv_close(self.poll(), on_closed);
            uv::uv_close(self.timer(), on_closed);
        }
        // Not polled any more.
        self.gate.take();
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

unsafe extern "C" fn on_poll(handle: Place, status: c_int, events: c_int) {
    // SAFETY: libuv calls for open handles only.
    let watch = unsafe { behind(handle) };
    guarded(|| watch.tell(watch.ready(status, events)));
}

unsafe extern "C" fn on_timer(handle: Place) {
    // SAFETY: as above.
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

fn open(call: &Call) -> Answer {
    let env = call.env();
    let number = call.int::<i32>(0)?;
    let callback = Callback::new(env, call.value(1))?;
    let fd = crate::fd::borrow(number)?;
    let watch = Watch::open(Home::of(env)?, (fd, call.bool(2)?), callback)?;
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
