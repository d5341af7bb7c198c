use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

use anyhow::{Context, Result};
use ginnel::{Message, Stream};
use rustix::fs::{FileType, fstat};

use super::check_size;
use crate::events::{Event, Events};
use crate::run::input::CHUNK;
use crate::wait;

/// Everything to the end of the stream.
pub(crate) fn collect(stream: &Stream, deadline: Option<Instant>) -> Result<Message> {
    let (mut bytes, mut fds) = (Vec::new(), Vec::new());
    let mut chunk = vec![0; CHUNK];
    loop {
        wait::check(deadline)?;
        let (n, more) = stream.recv_with_fds(&mut chunk).context("cannot receive")?;
        if n == 0 {
            return Ok(Message::new(bytes).with_fds(fds));
        }
        bytes.extend_from_slice(&chunk[..n]);
        fds.extend(more);
        check_size(bytes.len(), fds.len())?;
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
