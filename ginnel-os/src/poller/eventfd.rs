//! What ends a wait: an eventfd(2).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// Ends the wait of whoever waits for an engine, from any thread.
#[derive(Clone, Debug)]
pub struct Waker {
    event: Arc<OwnedFd>,
}

impl Waker {
    pub(crate) fn new(event: OwnedFd) -> Self {
        Self { event: Arc::new(event) }
    }

    /// Ends the wait, or the next one.
    ///
    /// # Errors
    /// The kernel's, see write(2). A counter that is full is no error: it wakes already.
    pub fn wake(&self) -> io::Result<()> {
        match rustix::io::write(self.event.as_fd(), &1_u64.to_ne_bytes()) {
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets that it was woken.
    #[expect(clippy::disallowed_methods, reason = "an eventfd carries no descriptors")]
    pub(crate) fn clear(&self) {
        let mut count = [0; 8];
        // It fails if nobody has woken it.
        let _ = rustix::io::read(self.event.as_fd(), &mut count);
    }
}
