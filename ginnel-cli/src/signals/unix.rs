//! Signals as something to wait for, so that a name is removed before the process ends by one.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use super::Wake;
use crate::wait::wait;

/// Holds up the signals that ask this process to end.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Has bytes to read once a signal came.
    came: UnixStream,
    /// The number of the signal that asked for the end, or 0.
    stop: Arc<AtomicUsize>,
    released: Arc<AtomicBool>,
}

impl Signals {
    /// Holds up SIGHUP, SIGINT and SIGTERM, except those that are ignored: `nohup` and shells mean it.
    pub(crate) fn hold() -> io::Result<Self> {
        let (came, writer) = UnixStream::pair()?;
        came.set_nonblocking(true)?;
        let (stop, released) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let ignored = ignored();
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            if ignored & (1 << (signal - 1)) != 0 {
                continue;
            }
            // They act in this order.
            flag::register_conditional_default(signal, Arc::clone(&released))?;
            flag::register_usize(signal, Arc::clone(&stop), usize::try_from(signal).unwrap_or_default())?;
            low_level::pipe::register(signal, writer.try_clone()?)?;
        }
        low_level::pipe::register(SIGCHLD, writer)?;
        Ok(Self { came, stop, released })
    }

    /// Waits until `fd` can be read or a signal comes.
    ///
    /// `TimedOut`: the deadline passed.
    pub(crate) fn wait(&self, fd: Option<BorrowedFd<'_>>, deadline: Option<Instant>) -> io::Result<Wake> {
        let mut polled = vec![PollFd::new(&self.came, PollFlags::IN)];
        polled.extend(fd.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        wait(&mut polled, deadline)?;
        if polled[0].revents().is_empty() {
            return Ok(Wake::Ready);
        }
        self.drain()?;
        Ok(self.stopped().map_or(Wake::Child, Wake::Stop))
    }

    /// Waits until a signal asks for the end.
    ///
    /// `TimedOut`: the deadline passed.
    pub(crate) fn wait_for_stop(&self, deadline: Option<Instant>) -> io::Result<i32> {
        loop {
            if let Wake::Stop(signal) = self.wait(None, deadline)? {
                return Ok(signal);
            }
        }
    }

    /// The signal that asked for the end, if one came.
    pub(crate) fn stopped(&self) -> Option<i32> {
        i32::try_from(self.stop.load(Ordering::Acquire)).ok().filter(|&signal| signal != 0)
    }

    /// Lets signals end the process at once again. The one that came meanwhile is returned.
    pub(crate) fn release(self) -> Option<i32> {
        self.released.store(true, Ordering::Release);
        self.stopped()
    }

    fn drain(&self) -> io::Result<()> {
        match (&self.came).read(&mut [0; 64]) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }
}

/// The set of ignored signals, signal N at bit N - 1; empty where it cannot be read. proc_pid_status(5)
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}
