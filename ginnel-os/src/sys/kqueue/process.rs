//! Processes: who is at the other end, and has it ended. kqueue(2), `EVFILT_PROC`
#![expect(unsafe_code, reason = "the credentials of a peer are a structure of integers")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ginnel_proto::machine::ProcessId;
use rustix::io::Errno;

use super::event::{self, event};
use super::msg;
use crate::sys::{PeerIds, posix, special};

/// What the kernel noted of the other end when the connection was made: of its effective user and groups.
fn peer(fd: BorrowedFd<'_>) -> io::Result<libc::xucred> {
    // SAFETY: the structure is integers, and in FreeBSD a union of a number and a pointer that is not followed.
    let peer: libc::xucred = unsafe { msg::option(fd, (special::LOCAL, libc::LOCAL_PEERCRED))? };
    if peer.cr_version == XUCRED_VERSION { Ok(peer) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// The first of the groups is the effective one.
fn groups(peer: &libc::xucred) -> &[u32] {
    let count = usize::try_from(peer.cr_ngroups).unwrap_or(0);
    &peer.cr_groups[..count.min(peer.cr_groups.len())]
}

pub(in crate::sys) fn peer_ids(fd: BorrowedFd<'_>) -> io::Result<PeerIds> {
    let peer = peer(fd)?;
    let pid = special::peer_pid(fd, &peer).and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid != 0);
    let gid = *groups(&peer).first().ok_or(io::ErrorKind::InvalidData)?;
    Ok(PeerIds { pid, uid: peer.cr_uid, gid })
}

/// Up to sixteen in all, however many there are.
pub(in crate::sys) fn peer_groups(fd: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    Ok(groups(&peer(fd)?).to_vec())
}

/// This process. Nobody who has its number later began at the same microsecond.
pub(in crate::sys) fn this() -> io::Result<Option<ProcessId>> {
    let pid = posix::pid();
    Ok(special::start_of(pid)?.map(|id| ProcessId { pid, id }))
}

/// A queue that tells of the end of a process, which is itself readable in another queue. `ESRCH`: it has ended, and nobody
/// can name it any more.
pub(in crate::sys) fn watch(process: ProcessId, connection: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    // The same number in another jail is another's.
    let is_ours = peer_ids(connection).is_ok_and(|peer| peer.pid == Some(process.pid));
    let ended = if is_ours { Err(Errno::SRCH.into()) } else { Ok(None) };
    let queue = event::queue()?;
    let exit = event(process.pid as usize, libc::EVFILT_PROC, libc::EV_ADD, libc::NOTE_EXIT, 0);
    match event::change(queue.as_fd(), &exit) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return ended,
        Err(error) if error.raw_os_error() == Some(libc::EACCES) => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => return Ok(None),
        watched => watched?,
    }
    // Whoever has the number from here on is watched, so this is asked behind.
    match special::start_of(process.pid) {
        Ok(Some(id)) if id == process.id => Ok(Some(queue)),
        Ok(Some(_)) => ended,
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => ended,
        _ => Ok(None),
    }
}

/// `XUCRED_VERSION` in both systems.
const XUCRED_VERSION: u32 = 0;
