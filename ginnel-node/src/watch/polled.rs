//! Descriptors, which libuv polls.

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use ginnel_os::sys::{Kernel, Poller, Sys};
use ginnel_os::{Directions, System};

use super::{READ, WRITE, behind, guarded};
use crate::js::Failure;
use crate::uv::{self, Kind, Loop, OnHandle, Place};

/// What is polled. It stays open until the watch is closed.
#[derive(Debug)]
pub(crate) struct Source {
    // Its contents are libuv's.
    poll: Vec<Cell<u64>>,
    /// Stands between the loop and a descriptor whose flags are not ours alone.
    gate: RefCell<Option<Gate>>,
    wanted: Cell<Directions>,
    fd: RawFd,
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

impl Source {
    /// `ours`: nobody else relies on the flags of the descriptor.
    pub(crate) fn new(fd: BorrowedFd<'_>, ours: bool) -> Result<Self, Failure> {
        // libuv makes whatever it polls non-blocking. Where it is not, somebody may rely on that: it is polled through
        // something of ours.
        let keeps = ours || rustix::fs::fcntl_getfl(fd)?.contains(rustix::fs::OFlags::NONBLOCK);
        let gate = if keeps { None } else { Some(Gate::before(fd)?) };
        Ok(Self {
            poll: uv::room(Kind::Poll),
            gate: RefCell::new(gate),
            wanted: Cell::default(),
            fd: fd.as_raw_fd(),
        })
    }

    /// # Safety
    /// The loop is this thread's, and this stays where it is until the loop has closed it.
    pub(super) unsafe fn settle(&self, on: Loop) -> Result<(), Failure> {
        let polled = self.gate.borrow().as_ref().map_or(self.fd, Gate::number);
        // SAFETY: the place has the room that libuv asks for; the rest is the caller's to see to.
        checked(unsafe { uv::uv_poll_init(on, self.place(), polled) })
    }

    pub(super) fn place(&self) -> Place {
        self.poll.as_ptr().cast_mut().cast()
    }

    /// While it is open.
    pub(super) fn want(&self, wanted: Directions) -> Result<(), Failure> {
        if self.wanted.get() == wanted {
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
        checked(unsafe {
            if wanted == Directions::default() {
                uv::uv_poll_stop(self.place())
            } else {
                uv::uv_poll_start(self.place(), events, on_poll)
            }
        })?;
        self.wanted.set(wanted);
        Ok(())
    }

    /// While it is open.
    pub(super) fn hold(&self, hold: bool) {
        let change = if hold { uv::uv_ref } else { uv::uv_unref };
        // SAFETY: the handle is open.
        unsafe { change(self.place()) };
    }

    /// # Safety
    /// The handle is open, and closed once.
    pub(super) unsafe fn close(&self, closed: OnHandle) {
        // SAFETY: the caller's to see to.
        unsafe { uv::uv_close(self.place(), closed) };
        // Not polled any more.
        self.gate.take();
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
}

unsafe extern "C" fn on_poll(handle: Place, status: c_int, events: c_int) {
    // SAFETY: libuv calls for open handles only.
    let watch = unsafe { behind(handle) };
    guarded(|| watch.tell(watch.source.ready(status, events)));
}

fn checked(status: c_int) -> Result<(), Failure> {
    if status == 0 { Ok(()) } else { Err(std::io::Error::from_raw_os_error(-status).into()) }
}
