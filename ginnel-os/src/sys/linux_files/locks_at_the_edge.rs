//! Record locks at their edges.

use std::os::fd::AsFd;

use super::*;

#[test]
fn a_lock_is_on_one_byte_wherever_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Kernel.open_directory(dir.path()).unwrap();
    let file = Kernel.open_lock(directory.as_fd(), b"l").unwrap();
    for byte in [0, 1, i64::from(u32::MAX) + 1, i64::MAX] {
        assert_eq!(Kernel.lock_holder(file.as_fd(), byte).unwrap(), None, "byte {byte}");
        assert_eq!(Kernel.try_lock(file.as_fd(), byte).unwrap(), Some(()));
        assert_eq!(Kernel.lock_holder(file.as_fd(), byte).unwrap(), Some(std::process::id()));
    }
    for byte in [2, i64::from(u32::MAX), i64::MAX - 1] {
        assert_eq!(Kernel.lock_holder(file.as_fd(), byte).unwrap(), None, "byte {byte}");
    }
    assert_eq!(Kernel.try_lock(file.as_fd(), -1).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    assert_eq!(Kernel.lock_holder(file.as_fd(), -1).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    // A descriptor that only points at the file cannot lock it.
    let pointer = Kernel.open_name(directory.as_fd(), b"l").unwrap();
    assert_eq!(Kernel.try_lock(pointer.as_fd(), 0).unwrap_err().raw_os_error(), Some(libc::EBADF));
}

#[test]
fn giving_one_byte_back_leaves_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Kernel.open_directory(dir.path()).unwrap();
    let file = Kernel.open_lock(directory.as_fd(), b"l").unwrap();
    for byte in [0, 1] {
        assert_eq!(Kernel.try_lock(file.as_fd(), byte).unwrap(), Some(()));
    }
    Kernel.unlock(file.as_fd(), 1).unwrap();
    let holders = [0, 1].map(|byte| Kernel.lock_holder(file.as_fd(), byte).unwrap());
    assert_eq!(holders, [Some(std::process::id()), None]);
    Kernel.unlock(file.as_fd(), 1).unwrap();
    assert_eq!(Kernel.unlock(file.as_fd(), -1).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    posix::wait_for_lock(file.as_fd(), 1).unwrap();
    assert_eq!(Kernel.lock_holder(file.as_fd(), 1).unwrap(), Some(std::process::id()));
    assert_eq!(posix::wait_for_lock(file.as_fd(), -1).unwrap_err().raw_os_error(), Some(libc::EINVAL));
}
