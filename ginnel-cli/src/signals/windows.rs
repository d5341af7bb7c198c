//! What asks a process to end on Windows. No name stays behind there, so this is for those who take leave.
//!
//! The console calls a function of ours, in a thread of its own (`SetConsoleCtrlHandler`). It has no place for a context,
//! so where it tells of the event is a static. The crate `ctrlc` would do it with a thread and a semaphore more, and
//! without telling which event it was.
#![expect(unsafe_code, reason = "the console is given a function")]

use std::io::{self, ErrorKind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
use windows_sys::core::BOOL;

use super::Wake;

/// Holds up what asks this process to end: Ctrl+C, Ctrl+Break, a console that is closed, a user who leaves.
#[derive(Debug)]
pub(crate) struct Signals {
    ringing: Receiver<Wake>,
    bell: Bell,
}

/// Ends a wait, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Bell(Sender<Wake>);

impl Bell {
    /// What is waited for beside signals is there.
    pub(crate) fn ring(&self) {
        // It fails if nobody waits any more.
        let _ = self.0.send(Wake::Ready);
    }
}

impl Signals {
    /// From now on they do not end the process. Once for each process.
    pub(crate) fn hold() -> io::Result<Self> {
        let (ring, ringing) = channel();
        let bell = Bell(ring);
        if HELD.set(bell.clone()).is_err() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        // SAFETY: the function lives as long as the process, and may be called at any time in any thread.
        if unsafe { SetConsoleCtrlHandler(Some(told), 1) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { ringing, bell })
    }

    /// What rings for this wait.
    pub(crate) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Waits until somebody rings or a signal comes.
    ///
    /// `TimedOut`: the deadline passed.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> io::Result<Wake> {
        let Some(deadline) = deadline else {
            return self.ringing.recv().map_err(|_| ErrorKind::BrokenPipe.into());
        };
        let rest = deadline.saturating_duration_since(Instant::now());
        self.ringing.recv_timeout(rest).map_err(|error| match error {
            RecvTimeoutError::Timeout => ErrorKind::TimedOut.into(),
            RecvTimeoutError::Disconnected => ErrorKind::BrokenPipe.into(),
        })
    }

    /// Waits until a signal asks for the end.
    ///
    /// `TimedOut`: the deadline passed.
    pub(crate) fn wait_for_stop(&self, deadline: Option<Instant>) -> io::Result<i32> {
        loop {
            if let Wake::Stop(event) = self.wait(deadline)? {
                return Ok(event);
            }
        }
    }

    /// The event that asked for the end, if one came.
    pub(crate) fn stopped(&self) -> Option<i32> {
        Some(STOP.load(Ordering::Acquire)).filter(|&event| event != NONE)
    }

    /// Lets them end the process at once again. The one that came meanwhile is returned.
    pub(crate) fn release(self) -> Option<i32> {
        RELEASED.store(true, Ordering::Release);
        self.stopped()
    }
}

/// What the console calls. By `FALSE` it is left to others, of whom the last ends the process.
unsafe extern "system" fn told(event: u32) -> BOOL {
    if RELEASED.load(Ordering::Acquire) {
        return 0;
    }
    let event = event.cast_signed();
    STOP.store(event, Ordering::Release);
    if let Some(Bell(ring)) = HELD.get() {
        let _ = ring.send(Wake::Stop(event));
    }
    1
}

static HELD: OnceLock<Bell> = OnceLock::new();
static STOP: AtomicI32 = AtomicI32::new(NONE);
static RELEASED: AtomicBool = AtomicBool::new(false);

/// No event has this number.
const NONE: i32 = -1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_console_tells_ends_a_wait_until_it_is_let_go() {
        let signals = Signals::hold().unwrap();
        signals.bell().ring();
        assert_eq!(signals.wait(None).unwrap(), Wake::Ready);
        let late = signals.wait(Some(Instant::now())).unwrap_err();
        assert_eq!((late.kind(), signals.stopped()), (ErrorKind::TimedOut, None));
        // SAFETY: any number may be given at any time.
        assert_eq!(unsafe { told(0) }, 1);
        signals.bell().ring();
        assert_eq!(signals.wait_for_stop(None).unwrap(), 0);
        assert!(Signals::hold().is_err());
        assert_eq!(signals.release(), Some(0));
        // SAFETY: as above.
        assert_eq!(unsafe { told(0) }, 0);
    }
}
