//! Descriptors that came, told to people.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{collect, tell_each};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::{collect, tell_each};

use anyhow::{Result, bail};

use crate::events::{Event, Events};
use crate::plan::MAX_FDS;

/// Descriptors that nobody here takes are closed, and not in silence.
pub(crate) fn tell_closed(count: usize, events: Events) {
    if count > 0 {
        events.tell(&Event::DescriptorsClosed { count });
    }
}

/// Fails if so much is no message.
fn check_size(bytes: usize, fds: usize) -> Result<()> {
    if bytes > MAX_BYTES {
        bail!("more than {MAX_BYTES} bytes (16 MiB) came: one message has no more");
    }
    if fds > MAX_FDS {
        bail!("more than {MAX_FDS} descriptors came: one message has no more");
    }
    Ok(())
}

/// Most bytes that are collected: 16 MiB.
const MAX_BYTES: usize = 16 << 20;
