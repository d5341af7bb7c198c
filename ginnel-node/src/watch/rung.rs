//! Pipes and engines, which ring: a thread of the system's pool wakes a waker, which wakes this thread's loop.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use ginnel_os::{Direction, Directions};

use super::{READ, WRITE, behind, guarded};
use crate::js::{Failure, Fault};
use crate::uv::{self, Kind, Loop, OnHandle, Place};

/// Is it ready that way? If not, the waker is woken when it may be.
pub(crate) type Look = Box<dyn Fn(Direction, &Waker) -> bool>;

/// What is looked at whenever it has rung.
pub(crate) struct Source {
    // Its contents are libuv's.
    rung: Vec<Cell<u64>>,
    bell: Arc<Bell>,
    waker: Waker,
    look: Look,
    wanted: Cell<Directions>,
    /// Does it keep the process alive, while something is wanted?
    held: Cell<bool>,
}

/// Where to ring, from any thread. `None`: it is closed.
struct Bell(Mutex<Option<Place>>);

// SAFETY: libuv lets any thread call `uv_async_send`, which is the only call that other threads make with the place. It is
// made under the lock, and `Source::close` takes the place away under the same lock before the handle is closed.
unsafe impl Send for Bell {}
// SAFETY: as above.
unsafe impl Sync for Bell {}

impl Bell {
    fn ring(&self) {
        let place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = *place {
            // SAFETY: the handle is open as long as its place stands here.
            unsafe { uv::uv_async_send(place) };
        }
    }

    fn set(&self, place: Option<Place>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

impl Source {
    pub(crate) fn new(look: Look) -> Self {
        let bell = Arc::new(Bell(Mutex::new(None)));
        Self {
            rung: uv::room(Kind::Async),
            waker: Waker::from(Arc::clone(&bell)),
            bell,
            look,
            wanted: Cell::default(),
            held: Cell::new(true),
        }
    }

    /// # Safety
    /// The loop is this thread's, and this stays where it is until the loop has closed it.
    pub(super) unsafe fn settle(&self, on: Loop) -> Result<(), Failure> {
        // SAFETY: the place has the room that libuv asks for; the rest is the caller's to see to.
        let status = unsafe { uv::uv_async_init(on, self.place(), on_rung) };
        if status != 0 {
            return Err(Failure::new(Fault::Other, "ERR_GINNEL_OTHER", "the loop takes no more handles"));
        }
        self.bell.set(Some(self.place()));
        self.keep();
        Ok(())
    }

    pub(super) fn place(&self) -> Place {
        self.rung.as_ptr().cast_mut().cast()
    }

    /// While it is open.
    #[expect(clippy::unnecessary_wraps, reason = "as where descriptors are polled")]
    pub(super) fn want(&self, wanted: Directions) -> Result<(), Failure> {
        if self.wanted.replace(wanted) != wanted {
            self.keep();
            self.ring_if_ready();
        }
        Ok(())
    }

    /// While it is open.
    pub(super) fn hold(&self, hold: bool) {
        self.held.set(hold);
        self.keep();
    }

    /// Nothing is waited for where nothing is wanted.
    fn keep(&self) {
        let keeps = self.held.get() && self.wanted.get() != Directions::default();
        let change = if keeps { uv::uv_ref } else { uv::uv_unref };
        // SAFETY: the handle is open.
        unsafe { change(self.place()) };
    }

    /// # Safety
    /// The handle is open, and closed once.
    pub(super) unsafe fn close(&self, closed: OnHandle) {
        self.bell.set(None);
        // SAFETY: the caller's to see to.
        unsafe { uv::uv_close(self.place(), closed) };
    }

    /// What is ready, of what is wanted.
    fn ready(&self) -> i32 {
        let Directions { read, write } = self.wanted.get();
        let look = |direction| (self.look)(direction, &self.waker);
        i32::from(read && look(Direction::Read)) * READ + i32::from(write && look(Direction::Write)) * WRITE
    }

    /// As a poll does: what is left undone is told again, when the loop has come round.
    fn ring_if_ready(&self) {
        if self.ready() != 0 {
            self.bell.ring();
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

unsafe extern "C" fn on_rung(handle: Place) {
    // SAFETY: libuv calls for open handles only.
    let watch = unsafe { behind(handle) };
    guarded(|| {
        watch.tell(watch.source.ready());
        if watch.is_open() {
            watch.source.ring_if_ready();
        }
    });
}
