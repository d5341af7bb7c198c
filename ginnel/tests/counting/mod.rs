//! An allocator that counts, for tests that have a program to themselves.
#![expect(unsafe_code, reason = "an allocator is unsafe by nature; this one only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

struct Counting;

#[global_allocator]
static HEAP: Counting = Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static ALONE: Mutex<()> = Mutex::new(());

fn grew(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

fn shrank(bytes: usize) {
    HELD.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
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

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // While it moves, both may exist.
        grew(size);
        shrank(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// What the heap holds from now on, with no other test in the way.
pub(crate) struct Heap {
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Heap {
    pub(crate) fn watch() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut heap = Self { before: 0, _alone: alone };
        heap.restart();
        heap
    }

    /// Forgets what was held so far.
    pub(crate) fn restart(&mut self) {
        self.before = HELD.load(Ordering::SeqCst);
        PEAK.store(self.before, Ordering::SeqCst);
    }

    /// Bytes that are held now and were not at the beginning.
    pub(crate) fn held(&self) -> usize {
        HELD.load(Ordering::SeqCst).saturating_sub(self.before)
    }

    /// Most bytes that were held at once and were not at the beginning.
    pub(crate) fn peak(&self) -> usize {
        PEAK.load(Ordering::SeqCst).saturating_sub(self.before)
    }
}
