//! What Linux, macOS and FreeBSD have alike: this process, its locks, and descriptors that it inherited.
#![expect(unsafe_code, reason = "descriptors are found by their numbers, and a child is told that it is one")]

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use ginnel_proto::election::Inode;
use rustix::fs::{FileType, Mode, Stat};
use rustix::io::{Errno, FdFlags};
use rustix::net::SocketType;

use super::{FileKind, Kernel, Names, SocketKind, Status, Wait, Would, own_lock};
use crate::name::Locks;

/// Closing any descriptor of a lock file drops all locks that the process has on it, so the process needs one
/// register of them: one of the statics that ARCHITECTURE.md names.
pub(super) static LOCKS: Locks<OwnedFd> = Locks::new();

/// Held while an inherited descriptor is taken over: what is inherited belongs to the process.
static TAKING: Mutex<()> = Mutex::new(());

/// This process, once somebody has asked; zero in a child that was just forked. Asking the kernel each time would cost every
/// engine a system call for each write.
static PID: AtomicU32 = AtomicU32::new(0);

/// Whether children are told to forget it, which the first question sees to. A bare clone(2) tells nobody.
static FORKS: OnceLock<bool> = OnceLock::new();

/// Runs in every child that is forked.
extern "C" fn forget_pid() {
    PID.store(0, Ordering::Relaxed);
}

/// The process id.
pub(super) fn pid() -> u32 {
    match PID.load(Ordering::Relaxed) {
        0 => {
            let pid = std::process::id();
            // SAFETY: the handler stores to an atomic and nothing else, which a child may do. pthread_atfork(3)
            let told =
                FORKS.get_or_init(|| unsafe { libc::pthread_atfork(None, None, Some(forget_pid)) } == 0);
            if *told {
                PID.store(pid, Ordering::Relaxed);
            }
            pid
        }
        pid => pid,
    }
}

/// `EAGAIN` and an interrupted wait are "not yet".
pub(super) fn not_yet<T>(result: Result<T, Errno>) -> Would<T> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What the kernel calls a kind of socket.
pub(super) const fn kind_number(kind: SocketKind) -> SocketType {
    match kind {
        SocketKind::Stream => SocketType::STREAM,
        SocketKind::SeqPacket => SocketType::SEQPACKET,
        SocketKind::Datagram => SocketType::DGRAM,
    }
}

/// The kind of socket that the kernel calls so; `None`: none of ours.
pub(super) const fn kind_of(number: SocketType) -> Option<SocketKind> {
    match number {
        SocketType::STREAM => Some(SocketKind::Stream),
        SocketType::SEQPACKET => Some(SocketKind::SeqPacket),
        SocketType::DGRAM => Some(SocketKind::Datagram),
        _ => None,
    }
}

/// shutdown(2)
pub(super) fn shutdown(fd: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
    let how = match how {
        Shutdown::Read => rustix::net::Shutdown::Read,
        Shutdown::Write => rustix::net::Shutdown::Write,
        Shutdown::Both => rustix::net::Shutdown::Both,
    };
    Ok(rustix::net::shutdown(fd, how)?)
}

/// Makes the call until it is not interrupted, or, if it may wait, once.
#[inline]
pub(super) fn call(wait: Wait, mut attempt: impl FnMut() -> isize) -> Would<usize> {
    loop {
        if let Ok(count) = usize::try_from(attempt()) {
            return Ok(Some(count));
        }
        let error = io::Error::last_os_error();
        match (error.raw_os_error(), wait) {
            (Some(libc::EINTR), Wait::Never) => {}
            (Some(libc::EINTR | libc::EAGAIN), _) => return Ok(None),
            _ => return Err(error),
        }
    }
}

#[inline]
pub(super) fn wait_flag(wait: Wait) -> i32 {
    match wait {
        Wait::Never => libc::MSG_DONTWAIT,
        Wait::InCall => 0,
    }
}

/// Duplicates an inherited descriptor, close-on-exec.
pub(super) fn duplicate(number: u16) -> io::Result<OwnedFd> {
    // SAFETY: the number is only looked up, by one call that fails with EBADF if nothing is open there. The
    // loan ends before it returns.
    let inherited = unsafe { BorrowedFd::borrow_raw(i32::from(number)) };
    Ok(rustix::io::fcntl_dupfd_cloexec(inherited, 3)?)
}

/// Takes over a descriptor that the service manager passed. `None` if it is close-on-exec, which no descriptor
/// is that came through exec: it belongs to somebody in this process.
pub(crate) fn take_inherited(number: i32) -> io::Result<Option<OwnedFd>> {
    // Looking at the flag and setting it are two calls: of two threads that ask at once, both would find it unset and
    // own the same descriptor. `what_several_threads_take_at_once_one_of_them_gets`
    let _one_at_a_time = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: as in `duplicate`.
    let inherited = unsafe { BorrowedFd::borrow_raw(number) };
    let flags = rustix::io::fcntl_getfd(inherited)?;
    if flags.contains(FdFlags::CLOEXEC) {
        return Ok(None);
    }
    rustix::io::fcntl_setfd(inherited, flags | FdFlags::CLOEXEC)?;
    // SAFETY: LISTEN_PID names this process, so by the protocol of sd_listen_fds(3) the descriptor was opened for it
    // by whoever started it. Std and this library open everything close-on-exec, so one that is not came through exec
    // and nobody has taken it over yet; nobody does meanwhile, because of the lock above.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(number) }))
}

/// The effective user id of this process.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Makes a directory for its owner alone. mkdir(2)
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::mkdir(path, Mode::RWXU)?)
}

/// What stat(2) and its like say.
pub(super) fn status(stat: &Stat) -> Status {
    Status {
        // Where a device's number has 32 bits it may have a sign; it is compared, and nothing else.
        inode: Inode { device: stat.st_dev as _, number: stat.st_ino },
        kind: match FileType::from_raw_mode(stat.st_mode) {
            FileType::Socket => FileKind::Socket,
            FileType::Directory => FileKind::Directory,
            FileType::RegularFile => FileKind::Regular,
            _ => FileKind::Other,
        },
        uid: stat.st_uid,
        mode: Mode::from_raw_mode(stat.st_mode).as_raw_mode() as _,
    }
}

/// Has a thread wait for a lock, as long as it takes, which then tells [`Locks::arrived`].
pub(super) fn await_lock(lock: Arc<OwnedFd>, inode: Inode, byte: i64) -> io::Result<()> {
    let wait = move || {
        let granted = wait_for_lock(lock.as_fd(), byte);
        drop(lock);
        LOCKS.arrived(&Kernel, inode, granted);
    };
    let thread = thread::Builder::new().name("ginnel-lock".into()).stack_size(LOCK_STACK);
    thread.spawn(wait).map(drop)
}

/// Of two processes that each wait for what the other has the kernel refuses one, which cannot know that other threads will
/// release it.
pub(super) fn wait_for_lock(fd: BorrowedFd<'_>, byte: i64) -> io::Result<()> {
    loop {
        if Kernel.lock_holder(fd, byte)? == Some(Kernel.pid()) {
            // Another copy of this library has it, in this process: to the kernel it is ours already.
            thread::sleep(ANOTHER_COPY);
            continue;
        }
        match own_lock(fd, byte) {
            Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
            Err(error) if error.raw_os_error() == Some(libc::EDEADLK) => thread::sleep(DEADLOCK),
            done => return done,
        }
    }
}

/// Bytes of stack for a thread that waits for a lock.
const LOCK_STACK: usize = 64 << 10;
/// How often a lock is looked at that the kernel cannot be asked to wait for.
const ANOTHER_COPY: Duration = Duration::from_millis(20);
/// How long somebody who seems to wait in a circle pauses.
const DEADLOCK: Duration = Duration::from_millis(1);

#[cfg(test)]
mod inherited_at_the_edge;
