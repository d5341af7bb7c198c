//! Processes, by descriptors that mean one and no other. pidfd_open(2)

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ginnel_proto::machine::ProcessId;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};

use super::{linux_msg, posix};

/// This process.
pub(super) fn this() -> io::Result<Option<ProcessId>> {
    match pidfd_open(getpid(), PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Some(ProcessId { pid: posix::pid(), id: id(&pidfd)? })),
        // A profile of seccomp may not know the call.
        Err(Errno::NOSYS | Errno::PERM) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Finds a process by its number, which means another one in another pid namespace; else as the process that listened when
/// the connection was made. `ESRCH`: it has ended, and nobody can name it any more.
pub(super) fn watch(process: ProcessId, connection: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    let by_number = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty()));
    let is_unknown = matches!(by_number, Some(Err(Errno::SRCH)));
    if let Some(Ok(pidfd)) = by_number
        && id(&pidfd)? == process.id
    {
        return Ok(Some(pidfd));
    }
    if let Some(pidfd) = linux_msg::peer_pidfd(connection)?
        && id(&pidfd)? == process.id
    {
        return Ok(Some(pidfd));
    }
    // In our namespace, by what the kernel says of the connection.
    let is_ours = linux_msg::peer_ids(connection)?.pid == Some(process.pid);
    if is_unknown && is_ours { Err(Errno::SRCH.into()) } else { Ok(None) }
}

fn id(pidfd: impl AsFd) -> io::Result<u64> {
    Ok(rustix::fs::fstat(pidfd)?.st_ino)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_process_is_found_by_its_number_and_by_its_connection_and_no_other_is() {
        let (connection, _other) = UnixStream::pair().unwrap();
        let Some(this) = this().unwrap() else { return eprintln!("SKIPPED: Linux before 5.3") };
        let watch = |process| watch(process, connection.as_fd()).unwrap();
        assert!(watch(this).is_some());
        assert!(watch(ProcessId { pid: 0, ..this }).is_some(), "by its connection");
        assert!(watch(ProcessId { id: this.id + 1, ..this }).is_none());
        assert!(watch(ProcessId { pid: u32::MAX, id: 0 }).is_none());
    }
}
