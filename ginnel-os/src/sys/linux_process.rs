//! Processes, by descriptors that mean one and no other. pidfd_open(2)

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ginnel_proto::machine::ProcessId;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};

use super::linux;

/// This process.
pub(super) fn this() -> io::Result<Option<ProcessId>> {
    match pidfd_open(getpid(), PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Some(ProcessId { pid: linux::pid(), id: id(&pidfd)? })),
        Err(Errno::NOSYS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Finds a process by its number, which means another one in another pid namespace, or when it has been reaped; else as the
/// process that listened when the connection was made.
pub(super) fn watch(process: ProcessId, connection: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    let by_number = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    if let Some(pidfd) = by_number
        && id(&pidfd)? == process.id
    {
        return Ok(Some(pidfd));
    }
    let Some(pidfd) = linux::peer_pidfd(connection)? else { return Ok(None) };
    Ok(if id(&pidfd)? == process.id { Some(pidfd) } else { None })
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
