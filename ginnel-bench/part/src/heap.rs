//! An allocator that counts what is held, while it is asked to.
#![expect(unsafe_code, reason = "an allocator is unsafe by nature; this one only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Counts what is held while a part counts idle connections; else it costs a look at a flag.
#[derive(Debug)]
pub struct Heap;

static COUNTS: AtomicBool = AtomicBool::new(false);
static HELD: AtomicUsize = AtomicUsize::new(0);

impl Heap {
    /// Counts from now on.
    pub(crate) fn count() {
        COUNTS.store(true, Ordering::Relaxed);
    }

    /// Bytes that were taken and not given back since. None if this is not the program's allocator.
    pub(crate) fn held() -> Option<usize> {
        let held = HELD.load(Ordering::Relaxed);
        (held > 0).then_some(held)
    }
}

fn grew(bytes: usize) {
    if COUNTS.load(Ordering::Relaxed) {
        HELD.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What was taken before counting began may be given back after.
fn shrank(bytes: usize) {
    if COUNTS.load(Ordering::Relaxed) {
        let less = |held: usize| Some(held.saturating_sub(bytes));
        let _ = HELD.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

// SAFETY: every call is passed on to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grew(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        shrank(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grew(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grew(size);
        shrank(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}
