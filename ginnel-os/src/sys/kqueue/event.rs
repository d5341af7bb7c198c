//! kqueue(2) and kevent(2): one description for what is watched and for what has happened.
#![expect(unsafe_code, reason = "kevent(2) takes pointers, and a forked child loses its queues")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::io::FdFlags;

/// Something to watch, or something that has happened.
pub(crate) type Event = libc::kevent;

/// What to watch: `filter` at `ident`, told under this token.
pub(crate) fn event(ident: usize, filter: i16, flags: u16, notes: u32, token: u64) -> Event {
    // SAFETY: the structure is integers and a pointer, for which zero and null are values.
    let mut event: Event = unsafe { MaybeUninit::zeroed().assume_init() };
    event.ident = ident;
    event.filter = filter;
    event.flags = flags;
    event.fflags = notes;
    // A number that goes to the kernel and comes back, not a place in memory.
    event.udata = ptr::without_provenance_mut(token as usize);
    event
}

/// The token of something that has happened.
pub(crate) fn token(event: &Event) -> u64 {
    event.udata.addr() as u64
}

/// What is watched at a descriptor.
pub(crate) fn ident(fd: BorrowedFd<'_>) -> usize {
    // No descriptor is below zero.
    fd.as_raw_fd() as usize
}

/// A new queue, close-on-exec.
pub(crate) fn queue() -> io::Result<OwnedFd> {
    let queue = rustix::event::kqueue::kqueue()?;
    // In between somebody may fork, but no child inherits a queue.
    rustix::io::fcntl_setfd(&queue, FdFlags::CLOEXEC)?;
    keep_number(queue.as_raw_fd());
    Ok(queue)
}

/// Changes one thing that is watched.
pub(crate) fn change(queue: BorrowedFd<'_>, change: &Event) -> io::Result<()> {
    loop {
        // SAFETY: one structure is read, and none is written. kevent(2)
        let done = unsafe { libc::kevent(queue.as_raw_fd(), change, 1, ptr::null_mut(), 0, ptr::null()) };
        match (done, io::Error::last_os_error()) {
            (0.., _) => return Ok(()),
            (_, error) if error.kind() == io::ErrorKind::Interrupted => {}
            (_, error) => return Err(error),
        }
    }
}

/// Takes what has happened, waiting for so long at most; `None`: as long as it takes. An interrupted wait brings nothing.
pub(crate) fn take<'e>(
    queue: BorrowedFd<'_>,
    room: &'e mut [MaybeUninit<Event>],
    length: Option<Duration>,
) -> io::Result<&'e [Event]> {
    let length = length.map(timespec);
    let until = length.as_ref().map_or(ptr::null(), ptr::from_ref);
    let (start, most) = (room.as_mut_ptr().cast::<Event>(), room.len().min(MOST) as i32);
    // SAFETY: the kernel writes at most so many structures as there is room for, and reads the time, which lives across the
    // call. kevent(2)
    let count = unsafe { libc::kevent(queue.as_raw_fd(), ptr::null(), 0, start, most, until) };
    match usize::try_from(count) {
        // SAFETY: the kernel wrote so many from the start of the room.
        Ok(count) => Ok(unsafe { std::slice::from_raw_parts(start, count) }),
        Err(_) => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(&[]),
            error => Err(error),
        },
    }
}

fn timespec(length: Duration) -> libc::timespec {
    // The kernel takes no more than this, and nobody waits so long.
    let seconds = length.as_secs().min(MOST_SECONDS);
    libc::timespec { tv_sec: seconds as _, tv_nsec: length.subsec_nanos() as _ }
}

/// Most that one call brings.
const MOST: usize = 1024;
const MOST_SECONDS: u64 = 100_000_000;

/// Numbers that queues of this process have had. In a forked child they are free, and whoever drops what it inherited would
/// close whatever has got such a number by then: so the child fills them. One of the statics that ARCHITECTURE.md names.
static NUMBERS: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
const WORDS: usize = 1024;

/// Whether children are told to fill them, which the first queue sees to.
static TOLD: OnceLock<()> = OnceLock::new();

fn keep_number(number: i32) {
    TOLD.get_or_init(|| {
        // SAFETY: the handler calls nothing but what a child may call after a fork. pthread_atfork(3), sigaction(2)
        unsafe { libc::pthread_atfork(None, None, Some(fill_numbers)) };
    });
    if let Some(word) = NUMBERS.get(number as usize / 64) {
        word.fetch_or(1 << (number % 64), Ordering::Relaxed);
    }
}

/// Runs in every child that is forked: opens something harmless at each number where a queue was.
extern "C" fn fill_numbers() {
    for (index, word) in NUMBERS.iter().enumerate() {
        let mut bits = word.load(Ordering::Relaxed);
        while bits != 0 {
            fill((index * 64) as i32 + bits.trailing_zeros() as i32);
            bits &= bits - 1;
        }
    }
}

fn fill(number: i32) {
    // SAFETY: plain numbers and a constant text; what is open at the number, by now for something else, is left alone.
    unsafe {
        if libc::fcntl(number, libc::F_GETFD) >= 0 {
            return;
        }
        let harmless = libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if harmless >= 0 && harmless != number {
            libc::dup2(harmless, number);
            libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
            libc::close(harmless);
        }
    }
}
