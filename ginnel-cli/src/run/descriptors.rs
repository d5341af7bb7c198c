//! Descriptors that came, told to people.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{FileType, fstat};

use crate::events::{Event, Events};

/// Descriptors that nobody here takes are closed, and not in silence.
pub(crate) fn tell_closed(count: usize, events: Events) {
    if count > 0 {
        events.tell(&Event::DescriptorsClosed { count });
    }
}

/// Names each descriptor of a message.
pub(crate) fn tell_each(fds: &[OwnedFd], events: Events) -> io::Result<()> {
    for (index, fd) in fds.iter().enumerate() {
        events.tell(&describe(index, fd)?);
    }
    Ok(())
}

/// What a descriptor is, as far as the kernel tells. proc_pid_fd(5)
fn describe(index: usize, fd: &OwnedFd) -> io::Result<Event> {
    let link = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    let target = link.map_or_else(|_| "unknown".into(), |target| target.to_string_lossy().into_owned());
    let status = fstat(fd)?;
    let is_regular = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
    let size = is_regular.then(|| u64::try_from(status.st_size).unwrap_or_default());
    Ok(Event::Descriptor { index, target, size })
}
