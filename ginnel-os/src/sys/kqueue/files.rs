//! Names and record locks on macOS and FreeBSD.
#![expect(unsafe_code, reason = "record locks are asked for by way of pointers")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RawMode, Uid};
use rustix::io::{Errno, retry_on_intr};

use super::Kernel;
use super::name::{self, Name};
use crate::name::Locks;
use crate::sys::{FileKind, Names, Rename, SocketKind, Status, Would, posix, special};

/// What holds on to a name: its directory, what stood there, and a descriptor that points at it where there are such.
#[derive(Debug)]
pub struct Pin {
    pub(in crate::sys) directory: OwnedFd,
    name: Vec<u8>,
    /// `None`: whatever the name leads to.
    status: Option<Status>,
    pub(in crate::sys) held: Option<OwnedFd>,
}

/// The kind of socket to find out with whether anybody lives behind a socket file. Of its own kind a full queue would look
/// as nobody does; with another one whoever is there says that it is not that, before its queue is looked at. And nobody is
/// disturbed.
pub(crate) const fn other_kind(kind: SocketKind) -> SocketKind {
    match kind {
        SocketKind::Stream | SocketKind::SeqPacket => SocketKind::Datagram,
        SocketKind::Datagram => SocketKind::Stream,
    }
}

fn one_byte(kind: i16, byte: i64) -> libc::flock {
    // SAFETY: the structure is integers, for which zero is a value.
    let mut lock: libc::flock = unsafe { MaybeUninit::zeroed().assume_init() };
    lock.l_type = kind;
    lock.l_whence = libc::SEEK_SET as i16;
    lock.l_start = byte;
    lock.l_len = 1;
    lock
}

fn ask(fd: BorrowedFd<'_>, command: i32, lock: &mut libc::flock) -> io::Result<()> {
    // SAFETY: `lock` is the structure of every command that is given here, lives across the call, and no more than it is
    // written. fcntl(2)
    match unsafe { libc::fcntl(fd.as_raw_fd(), command, &raw mut *lock) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits for a lock, as long as it takes, unless a signal comes or the kernel sees a circle.
pub(crate) fn own_lock(fd: BorrowedFd<'_>, byte: i64) -> io::Result<()> {
    ask(fd, libc::F_SETLKW, &mut one_byte(libc::F_WRLCK, byte))
}

impl Names for Kernel {
    type Pin = Pin;

    fn open_directory(&self, path: &Path) -> io::Result<OwnedFd> {
        Ok(retry_on_intr(|| rustix::fs::open(path, special::DIRECTORY | OFlags::CLOEXEC, Mode::empty()))?)
    }

    fn pin(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Pin> {
        let held = special::hold(directory, name)?;
        let status = match &held {
            Some(held) => self.status(held.as_fd())?,
            None => self.status_at(directory, name)?.ok_or(Errno::NOENT)?,
        };
        let directory = rustix::io::fcntl_dupfd_cloexec(directory, 3)?;
        Ok(Pin { directory, name: name.to_owned(), status: Some(status), held })
    }

    fn open_name(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Pin> {
        let directory = rustix::io::fcntl_dupfd_cloexec(directory, 3)?;
        Ok(Pin { directory, name: name.to_owned(), status: None, held: None })
    }

    fn pinned(&self, pin: &Pin) -> io::Result<Status> {
        pin.status.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn address_of(&self, pin: &Pin) -> io::Result<Name> {
        name::within(pin.directory.as_fd(), &pin.name, pin.status.map(|status| status.inode))
    }

    fn through(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Name> {
        name::within(directory, name, None)
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
        name::status_at(directory, name)
    }

    fn status(&self, fd: BorrowedFd<'_>) -> io::Result<Status> {
        Ok(posix::status(&rustix::fs::fstat(fd)?))
    }

    /// A socket has no mode before it has a name, but where FreeBSD is new enough. Its name is given it before it listens
    /// and before anybody can know the name.
    fn set_mode(&self, fd: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
        match rustix::fs::fchmod(fd, Mode::from_raw_mode(mode as RawMode)) {
            Err(Errno::INVAL | Errno::OPNOTSUPP) if self.status(fd)?.kind == FileKind::Socket => Ok(()),
            done => Ok(done?),
        }
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
        match special::rename(dir, from, to, how) {
            Err(Errno::NOTSUP | Errno::INVAL | Errno::NOSYS) => rename_by_steps(dir, from, to, how),
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
        match ask(fd, libc::F_SETLK, &mut one_byte(libc::F_WRLCK, byte)) {
            Ok(()) => Ok(Some(())),
            Err(error) if [Some(libc::EAGAIN), Some(libc::EACCES)].contains(&error.raw_os_error()) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn unlock(&self, fd: BorrowedFd<'_>, byte: i64) -> io::Result<()> {
        ask(fd, libc::F_SETLK, &mut one_byte(libc::F_UNLCK, byte))
    }

    /// `F_GETLK` is silent about locks of this process. Where that is all there is, another copy of this library in the
    /// process is not noticed by its lock, but by its socket, which answers.
    fn lock_holder(&self, fd: BorrowedFd<'_>, byte: i64) -> io::Result<Option<u32>> {
        for &command in special::LOCK_QUESTIONS {
            let mut lock = one_byte(libc::F_WRLCK, byte);
            match ask(fd, command, &mut lock) {
                Ok(()) if lock.l_type == libc::F_UNLCK => return Ok(None),
                Ok(()) => return Ok(Some(u32::try_from(lock.l_pid).unwrap_or(0))),
                // An older system does not know the question; or it is a byte that nothing can have.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) && command != libc::F_GETLK => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn locks(&self) -> &Locks<OwnedFd> {
        &posix::LOCKS
    }

    fn pid(&self) -> u32 {
        posix::pid()
    }

    fn random(&self) -> io::Result<u64> {
        let mut bytes = [0_u8; 8];
        // SAFETY: the eight bytes are written, always. arc4random(3)
        unsafe { libc::arc4random_buf(bytes.as_mut_ptr().cast(), bytes.len()) };
        Ok(u64::from_ne_bytes(bytes))
    }
}

/// For systems and file systems that cannot rename without replacing, or exchange.
///
/// * [`NoReplace`](Rename::NoReplace): a hard link fails if there is anything. What is renamed so has a private name, so
///   nobody else's file is removed with it.
/// * [`Aside`](Rename::Aside): a plain rename, for nothing is there.
/// * [`Exchange`](Rename::Exchange): what stands at `to` is moved aside, whatever it is; ours is linked there, unless
///   somebody was quicker; what was moved aside gets our private name. So nothing is ever replaced: whoever looks at the
///   private name then finds what stood there, and a stranger's is exchanged back. For a moment there is nothing at `to`, and
///   whoever connects finds nobody, as before. Who is killed on the way leaves private names, which the next owner removes
///   if they refuse.
fn rename_by_steps(dir: BorrowedFd<'_>, from: &[u8], to: &[u8], how: Rename) -> io::Result<()> {
    match how {
        Rename::NoReplace => {
            rustix::fs::linkat(dir, from, dir, to, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(dir, from, AtFlags::empty())?)
        }
        Rename::Aside => Ok(rustix::fs::renameat(dir, from, dir, to)?),
        Rename::Exchange => {
            let aside = beside(from);
            rustix::fs::renameat(dir, to, dir, &aside)?;
            match rustix::fs::linkat(dir, from, dir, to, AtFlags::empty()) {
                // Somebody else is there: what stood there before is gone, and the path is looked at again.
                Err(Errno::EXIST) => return Err(Errno::NOENT.into()),
                linked => linked?,
            }
            rustix::fs::unlinkat(dir, from, AtFlags::empty())?;
            Ok(rustix::fs::renameat(dir, &aside, dir, from)?)
        }
    }
}

/// Another private name of the same path, as random as this one: one of its hexadecimal digits is another.
fn beside(private: &[u8]) -> Vec<u8> {
    let mut name = private.to_owned();
    if let Some(digit) = private.len().checked_sub(b"0.gnl".len()).and_then(|at| name.get_mut(at)) {
        *digit = if *digit == b'0' { b'1' } else { b'0' };
    }
    name
}
