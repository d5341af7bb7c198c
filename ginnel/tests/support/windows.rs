//! On Windows a place is the name of a pipe, which no two tests share.
#![expect(unsafe_code, reason = "std has no call that asks a pipe what is there")]

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::windows::io::AsRawHandle;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ginnel_os::{Credentials, Neighbour, Policy};
use ginnel_proto::{Address, AddressError, ToAddress};
use windows_sys::Win32::Foundation::{ERROR_BROKEN_PIPE, ERROR_PIPE_BUSY, GetLastError};
use windows_sys::Win32::System::Pipes::PeekNamedPipe;

/// Where a test meets itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place(String);

/// A plain file that was opened at a pipe, which knows nothing of this library.
pub(crate) type Bare = File;

/// What would remove a place at the end. Pipes end with whoever made them.
#[derive(Debug)]
pub(crate) struct Nothing;

/// No pipe can be left to another process.
pub(crate) const HAS_STANDBYS: bool = false;

/// A pipe is closed as a whole.
pub(crate) const HAS_HALF_CLOSES: bool = false;

/// How many frames of another may be read after something has come and before that is told: by a thread of the system's
/// pool, which has a turn when it has one.
pub(crate) const LATE: usize = 50_000;

/// How many large messages may still be written to one who has closed, before that is seen: what it was reading ends in a
/// thread of the system's pool.
pub(crate) const UNSEEN: usize = 2;

/// What every name of a pipe begins with.
const PIPES: &str = r"\\.\pipe\";

static PLACES: AtomicU32 = AtomicU32::new(0);

/// A place of this test's own.
pub(crate) fn place() -> (Nothing, Place) {
    let number = PLACES.fetch_add(1, Ordering::Relaxed);
    (Nothing, Place(format!("{PIPES}ginnel-test-{}-{number}", std::process::id())))
}

impl Place {
    /// The name of the pipe, as the system takes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<OsString> for Place {
    fn from(text: OsString) -> Self {
        Self(text.into_string().expect("a name that was made here"))
    }
}

impl AsRef<OsStr> for Place {
    fn as_ref(&self) -> &OsStr {
        self.0.as_ref()
    }
}

impl ToAddress for Place {
    fn to_address(&self) -> Result<Address, AddressError> {
        Address::pipe(self.0.clone())
    }
}

/// The place as a URL of SP.
pub(crate) fn ipc(place: &Place) -> String {
    format!("ipc://{}", place.0.trim_start_matches(PIPES))
}

/// Connects to a place.
pub(crate) fn bare(place: &Place) -> Bare {
    loop {
        match OpenOptions::new().read(true).write(true).open(&place.0) {
            Err(error) if error.raw_os_error() == Some(ERROR_PIPE_BUSY as i32) => thread::yield_now(),
            other => return other.expect("somebody listens there"),
        }
    }
}

/// What is there to read now.
pub(crate) fn there(peer: &mut Bare) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let mut count = 0;
        // SAFETY: the handle is open, `count` lives across the call, and no room for bytes is given.
        let peeked = unsafe {
            PeekNamedPipe(peer.as_raw_handle(), null_mut(), 0, null_mut(), &raw mut count, null_mut())
        };
        // SAFETY: it reads what the call before left for this thread.
        assert!(peeked != 0 || unsafe { GetLastError() } == ERROR_BROKEN_PIPE);
        if peeked == 0 || count == 0 {
            return bytes;
        }
        peer.take(count.into()).read_to_end(&mut bytes).expect("a pipe");
    }
}

/// Somebody serves the place. It looks by connecting, which whoever serves it may notice.
pub(crate) fn is_owned(place: &Place) -> bool {
    match OpenOptions::new().read(true).write(true).open(&place.0) {
        Err(error) => error.kind() != ErrorKind::NotFound,
        Ok(_) => true,
    }
}

/// Nobody owns the place any more, or only until a thread of the system's pool has closed what was dropped.
pub(crate) fn is_free(place: &Place) -> bool {
    let begun = Instant::now();
    while is_owned(place) {
        if begun.elapsed() > Duration::from_secs(10) {
            return false;
        }
        thread::yield_now();
    }
    true
}

/// The credentials are those of this process.
pub(crate) fn is_this_process(peer: &Credentials) -> bool {
    peer.pid == Some(std::process::id()) && Policy::same_user().allows(peer)
}

/// A neighbour that is this process.
pub(crate) fn is_neighbour_here(peer: &Neighbour) -> bool {
    peer.pid == Some(std::process::id()) && peer.sid.as_ref().is_some_and(|sid| sid.starts_with("S-1-"))
}
