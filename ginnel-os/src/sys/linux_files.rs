//! Names and record locks on Linux, by way of rustix.
#![expect(unsafe_code, reason = "record locks are asked for by way of pointers")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use ginnel_proto::limits;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, RawMode, RenameFlags, Uid};
use rustix::io::{Errno, retry_on_intr};

use super::linux::Kernel;
use super::{Name, Names, Rename, SocketKind, Status, Would, posix};
use crate::name::Locks;

/// Bytes of a path that fit a socket address.
pub(crate) const SUN_PATH: usize = limits::SUN_PATH;

/// Are there names that are no files?
pub(crate) const HAS_ABSTRACT_NAMES: bool = true;

/// A path that fits, as the kernel takes it.
pub(crate) fn plain_name(path: &Path) -> io::Result<Name> {
    Ok(Name::new(path)?)
}

/// A name that is no file. unix(7), "Abstract sockets"
pub(crate) fn abstract_name(name: &[u8]) -> io::Result<Name> {
    Ok(Name::new_abstract_name(name)?)
}

/// The kind of socket to find out with whether anybody lives behind a socket file: its own, so that a full queue says so.
pub(crate) const fn other_kind(kind: SocketKind) -> SocketKind {
    kind
}

fn one_byte(byte: i64) -> libc::flock64 {
    libc::flock64 {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: byte,
        l_len: 1,
        l_pid: 0,
    }
}

/// The same for the commands that read the smaller structure, where `off_t` has 32 bits.
fn short(byte: i64) -> libc::flock {
    let libc::flock64 { l_type, l_whence, .. } = one_byte(byte);
    libc::flock { l_type, l_whence, l_start: byte as _, l_len: 1, l_pid: 0 }
}

fn set_lock(fd: BorrowedFd<'_>, command: i32, lock: &libc::flock) -> io::Result<()> {
    // SAFETY: `lock` is the structure of F_SETLK and F_SETLKW, lives across the call, and is only read. fcntl(2)
    match unsafe { libc::fcntl(fd.as_raw_fd(), command, &raw const *lock) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits for a lock, as long as it takes, unless a signal comes or the kernel sees a circle.
pub(crate) fn own_lock(fd: BorrowedFd<'_>, byte: i64) -> io::Result<()> {
    set_lock(fd, libc::F_SETLKW, &short(byte))
}

impl Names for Kernel {
    type Pin = OwnedFd;

    fn open_directory(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?)
    }

    fn pin(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(retry_on_intr(|| rustix::fs::openat(directory, name, flags, Mode::empty()))?)
    }

    fn open_name(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        Ok(retry_on_intr(|| rustix::fs::openat(directory, name, flags, Mode::empty()))?)
    }

    fn pinned(&self, pin: &OwnedFd) -> io::Result<Status> {
        self.status(pin.as_fd())
    }

    fn address_of(&self, pin: &OwnedFd) -> io::Result<Name> {
        Ok(Name::new(format!("/proc/self/fd/{}", pin.as_raw_fd()))?)
    }

    fn through(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Name> {
        let directory = format!("/proc/self/fd/{}/", directory.as_raw_fd());
        Ok(Name::new([directory.as_bytes(), name].concat())?)
    }

    fn open_lock(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(retry_on_intr(|| rustix::fs::openat(directory, name, flags, mode))?)
    }

    fn find_lock(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<OwnedFd>> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match retry_on_intr(|| rustix::fs::openat(directory, name, flags, Mode::empty())) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn read_record(&self, fd: BorrowedFd<'_>, record: &mut [u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::pread(fd, &mut *record, 0))?)
    }

    fn write_record(&self, fd: BorrowedFd<'_>, record: &[u8]) -> io::Result<()> {
        match retry_on_intr(|| rustix::io::pwrite(fd, record, 0))? {
            written if written == record.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn status_at(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<Status>> {
        match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(posix::status(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn status(&self, fd: BorrowedFd<'_>) -> io::Result<Status> {
        Ok(posix::status(&rustix::fs::fstat(fd)?))
    }

    fn set_mode(&self, fd: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(fd, Mode::from_raw_mode(mode as RawMode))?)
    }

    fn set_mode_at(&self, directory: BorrowedFd<'_>, name: &[u8], mode: u32) -> io::Result<()> {
        Ok(rustix::fs::chmodat(directory, name, Mode::from_raw_mode(mode as RawMode), AtFlags::empty())?)
    }

    fn set_owner_at(
        &self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        (uid, gid): (Option<u32>, Option<u32>),
    ) -> io::Result<()> {
        let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        Ok(rustix::fs::chownat(directory, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn rename_at(&self, dir: BorrowedFd<'_>, from: &[u8], to: &[u8], how: Rename) -> io::Result<()> {
        let flags = match how {
            Rename::NoReplace | Rename::Aside => RenameFlags::NOREPLACE,
            Rename::Exchange => RenameFlags::EXCHANGE,
        };
        match rustix::fs::renameat_with(dir, from, dir, to, flags) {
            Err(Errno::INVAL | Errno::NOSYS) => rename_plainly(dir, from, to, how),
            other => Ok(other?),
        }
    }

    fn unlink_at(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(directory, name, AtFlags::empty())?)
    }

    fn list(&self, directory: BorrowedFd<'_>) -> io::Result<Vec<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let readable = rustix::fs::openat(directory, ".", flags, Mode::empty())?;
        let entries = rustix::fs::Dir::new(readable)?;
        entries.map(|entry| Ok(entry?.file_name().to_bytes().to_owned())).collect()
    }

    fn try_lock(&self, fd: BorrowedFd<'_>, byte: i64) -> Would<()> {
        match set_lock(fd, libc::F_SETLK, &short(byte)) {
            Ok(()) => Ok(Some(())),
            Err(error) if [Some(libc::EAGAIN), Some(libc::EACCES)].contains(&error.raw_os_error()) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn unlock(&self, fd: BorrowedFd<'_>, byte: i64) -> io::Result<()> {
        let lock = libc::flock { l_type: libc::F_UNLCK as i16, ..short(byte) };
        set_lock(fd, libc::F_SETLK, &lock)
    }

    fn lock_holder(&self, fd: BorrowedFd<'_>, byte: i64) -> io::Result<Option<u32>> {
        let mut lock = one_byte(byte);
        // SAFETY: `lock` is the structure of F_OFD_GETLK and lives across the call, which writes no more than it.
        // fcntl(2)
        match unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) } {
            0 if lock.l_type == libc::F_UNLCK as i16 => Ok(None),
            0 => Ok(Some(u32::try_from(lock.l_pid).unwrap_or(0))),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn locks(&self) -> &Locks<OwnedFd> {
        &posix::LOCKS
    }

    fn pid(&self) -> u32 {
        posix::pid()
    }

    fn random(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        // Eight bytes come whole: getrandom(2) promises it up to 256.
        retry_on_intr(|| rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()))?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

/// For file systems without renameat2's flags. A hard link fails like `NoReplace` if the target exists; an
/// exchange becomes a replacement, which leaves nothing at `from`.
fn rename_plainly(dir: BorrowedFd<'_>, from: &[u8], to: &[u8], how: Rename) -> io::Result<()> {
    match how {
        Rename::NoReplace => {
            rustix::fs::linkat(dir, from, dir, to, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(dir, from, AtFlags::empty())?)
        }
        Rename::Aside | Rename::Exchange => Ok(rustix::fs::renameat(dir, from, dir, to)?),
    }
}

#[cfg(test)]
mod locks_at_the_edge;
