//! Names that are files.

use std::fmt;
use std::io;

use ginnel_proto::election::Inode;

use crate::name::Locks;
use crate::sys::{Descriptors, Name, Would};

/// The kinds of file that make a difference here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever implements `Sys` chooses one of these")]
pub enum FileKind {
    /// `S_IFSOCK`.
    Socket,
    /// `S_IFDIR`.
    Directory,
    /// `S_IFREG`.
    Regular,
    /// Anything else: a link, a FIFO, a device.
    Other,
}

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever implements `Sys` builds it")]
pub struct Status {
    /// Which file.
    pub inode: Inode,
    /// What kind of file.
    pub kind: FileKind,
    /// Its owner's user id.
    pub uid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// How a rename treats what stands at its target.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever implements `Sys` must know all of them")]
pub enum Rename {
    /// Fail with `EEXIST` if there is anything.
    NoReplace,
    /// The target is a name that nobody else would ever use, so nothing is there.
    Aside,
    /// Swap the two names in one step.
    Exchange,
}

/// A kernel's names and record locks. Errors are the kernel's own, unchanged.
pub trait Names: Descriptors {
    /// What holds on to a file, as a descriptor that only points at it. Not every kernel has those.
    type Pin: fmt::Debug;

    /// Opens a directory to name files in. `O_PATH`
    fn open_directory(&self, path: &std::path::Path) -> io::Result<Self::Fd>;
    /// Opens a name only to hold on to what it is: its inode number is not used again meanwhile. Never through a
    /// link. `O_PATH | O_NOFOLLOW`
    fn pin(&self, directory: Self::Borrowed<'_>, name: &[u8]) -> io::Result<Self::Pin>;
    /// Opens a name, through links, only to point at it. `O_PATH`
    fn open_name(&self, directory: Self::Borrowed<'_>, name: &[u8]) -> io::Result<Self::Pin>;
    /// What was pinned. fstat(2)
    fn pinned(&self, pin: &Self::Pin) -> io::Result<Status>;
    /// A socket address that leads to what was pinned, for as long as it is. `/proc/self/fd`, proc(5)
    fn address_of(&self, pin: &Self::Pin) -> io::Result<Name>;
    /// A socket address that leads to a name of an open directory. `/proc/self/fd`, proc(5)
    fn through(&self, directory: Self::Borrowed<'_>, name: &[u8]) -> io::Result<Name>;
    /// Opens or creates a lock file, never through a link. `O_CREAT | O_NOFOLLOW`
    fn open_lock(&self, directory: Self::Borrowed<'_>, name: &[u8]) -> io::Result<Self::Fd>;
    /// As [`open_lock`](Self::open_lock), but it creates nothing. `None`: there is none.
    fn find_lock(&self, directory: Self::Borrowed<'_>, name: &[u8]) -> io::Result<Option<Self::Fd>>;
    /// Reads a lock file from its start. pread(2)
    fn read_record(&self, fd: Self::Borrowed<'_>, record: &mut [u8]) -> io::Result<usize>;
    /// Writes a lock file from its start. pwrite(2)
    fn write_record(&self, fd: Self::Borrowed<'_>, record: &[u8]) -> io::Result<()>;
    /// What a name is, without following a link; `None` if there is none. fstatat(2)
    fn status_at(&self, directory: Self::Borrowed<'_>, name: &[u8]) -> io::Result<Option<Status>>;
    /// What an open file is. fstat(2)
    fn status(&self, fd: Self::Borrowed<'_>) -> io::Result<Status>;
    /// Sets permission bits of a socket before it is bound. fchmod(2)
    fn set_mode(&self, fd: Self::Borrowed<'_>, mode: u32) -> io::Result<()>;
    /// Sets permission bits of a name. fchmodat(2)
    fn set_mode_at(&self, directory: Self::Borrowed<'_>, name: &[u8], mode: u32) -> io::Result<()>;
    /// Sets owner and group of a name. fchownat(2)
    fn set_owner_at(
        &self,
        directory: Self::Borrowed<'_>,
        name: &[u8],
        owner: (Option<u32>, Option<u32>),
    ) -> io::Result<()>;
    /// Renames within a directory. renameat2(2)
    fn rename_at(&self, directory: Self::Borrowed<'_>, from: &[u8], to: &[u8], how: Rename)
    -> io::Result<()>;
    /// Removes a name. unlinkat(2)
    fn unlink_at(&self, directory: Self::Borrowed<'_>, name: &[u8]) -> io::Result<()>;
    /// The names in a directory.
    fn list(&self, directory: Self::Borrowed<'_>) -> io::Result<Vec<Vec<u8>>>;
    /// Takes an exclusive record lock on one byte. `None`: another process has it. `F_SETLK`, fcntl(2)
    fn try_lock(&self, fd: Self::Borrowed<'_>, byte: i64) -> Would<()>;
    /// Gives a record lock back. `F_UNLCK`, fcntl(2)
    fn unlock(&self, fd: Self::Borrowed<'_>, byte: i64) -> io::Result<()>;
    /// Does anybody hold a record lock on this byte, this process included? `F_OFD_GETLK`
    fn lock_holder(&self, fd: Self::Borrowed<'_>, byte: i64) -> io::Result<Option<u32>>;
    /// The lock files that this process has open.
    fn locks(&self) -> &Locks<Self::Fd>;
    /// This process.
    fn pid(&self) -> u32;
    /// Bits for a private name.
    fn random(&self) -> io::Result<u64>;
}
