//! What kind of file system it is, and being told when a file loses its name. kqueue(2), `EVFILT_VNODE`; statfs(2)

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::event::{self, event};
use super::files::Pin;
use crate::sys::special;

/// File systems of which only a program knows where they lie call themselves local: locks on them may reach further than
/// their sockets.
pub(in crate::sys) fn is_local(directory: BorrowedFd<'_>) -> io::Result<bool> {
    let system = rustix::fs::fstatfs(directory)?;
    let name: Vec<u8> = system.f_fstypename.iter().map(|&c| c as u8).take_while(|&c| c != 0).collect();
    let by_program = name.windows(b"fuse".len()).any(|part| part == b"fuse");
    // Both have another type in each of the systems.
    let (flags, local): (u64, u64) = (system.f_flags as _, libc::MNT_LOCAL as _);
    Ok(flags & local != 0 && !by_program)
}

/// A queue that tells when the socket file, the lock file or their directory loses its name. Where a socket file cannot be
/// opened, its directory tells of every change of a name in it: neighbours wake whoever watches, who looks and goes back
/// to sleep.
pub(in crate::sys) fn watch(
    own: &Pin,
    directory: BorrowedFd<'_>,
    lock: BorrowedFd<'_>,
) -> io::Result<OwnedFd> {
    let queue = event::queue()?;
    let add = |fd: BorrowedFd<'_>, notes| {
        let add = libc::EV_ADD | libc::EV_CLEAR;
        event::change(queue.as_fd(), &event(event::ident(fd), libc::EVFILT_VNODE, add, notes, 0))
    };
    let watched = own.held.as_ref().is_some_and(|own| add(own.as_fd(), LOST).is_ok());
    add(directory, if watched { LOST } else { LOST | libc::NOTE_WRITE })?;
    add(lock, LOST | special::NOTE_CLOSED)?;
    Ok(queue)
}

const LOST: u32 = libc::NOTE_DELETE | libc::NOTE_RENAME | libc::NOTE_LINK | libc::NOTE_REVOKE;

pub(in crate::sys) fn changes(watch: BorrowedFd<'_>) -> io::Result<bool> {
    let mut some = false;
    loop {
        let mut room = [const { MaybeUninit::uninit() }; 8];
        if event::take(watch, &mut room, Some(Duration::ZERO))?.is_empty() {
            return Ok(some);
        }
        some = true;
    }
}
