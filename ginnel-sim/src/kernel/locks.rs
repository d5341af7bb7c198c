//! Record locks, and what is written in lock files.

use super::names::{Ino, Names};
use super::{Got, Pid, What, World};

impl Names {
    /// Closing any descriptor of a file drops all locks that the process has on it.
    pub(super) fn drop_locks(&mut self, inode: Ino, pid: Pid) {
        if let Ok(node) = self.node(inode) {
            node.locks.retain(|_, holder| *holder != pid);
        }
    }
}

impl World {
    /// A file that is open for more than its name.
    fn lockable(&self, pid: Pid, number: i32) -> Got<Ino> {
        match self.file(self.lookup(pid, number)?).map(|file| &file.what) {
            Some(What::Lock(inode)) => Ok(*inode),
            Some(What::Path(_)) | None => Err(libc::EBADF),
            Some(_) => Err(libc::EINVAL),
        }
    }

    pub(super) fn try_lock(&mut self, pid: Pid, number: i32, byte: i64) -> Got<()> {
        self.enter(pid)?;
        self.grant(pid, number, byte)
    }

    /// As [`try_lock`](Self::try_lock), for a thread that waits inside of its call.
    pub(super) fn grant(&mut self, pid: Pid, number: i32, byte: i64) -> Got<()> {
        let inode = self.lockable(pid, number)?;
        let holder = self.names.node(inode)?.locks.entry(byte).or_insert(pid);
        if *holder == pid { Ok(()) } else { Err(libc::EAGAIN) }
    }

    pub(super) fn unlock(&mut self, pid: Pid, number: i32, byte: i64) -> Got<()> {
        self.enter(pid)?;
        let inode = self.lockable(pid, number)?;
        let locks = &mut self.names.node(inode)?.locks;
        if locks.get(&byte) == Some(&pid) {
            locks.remove(&byte);
        }
        Ok(())
    }

    pub(super) fn lock_holder(&mut self, pid: Pid, number: i32, byte: i64) -> Got<Option<u32>> {
        self.enter(pid)?;
        let inode = self.lockable(pid, number)?;
        Ok(self.names.node(inode)?.locks.get(&byte).map(|holder| holder.0))
    }

    pub(super) fn read_record(&mut self, pid: Pid, number: i32, record: &mut [u8]) -> Got<usize> {
        self.enter(pid)?;
        let inode = self.lockable(pid, number)?;
        let bytes = &self.names.node(inode)?.bytes;
        let count = bytes.len().min(record.len());
        record[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    pub(super) fn write_record(&mut self, pid: Pid, number: i32, record: &[u8]) -> Got<()> {
        self.enter(pid)?;
        let inode = self.lockable(pid, number)?;
        let bytes = &mut self.names.node(inode)?.bytes;
        bytes.resize(bytes.len().max(record.len()), 0);
        bytes[..record.len()].copy_from_slice(record);
        Ok(())
    }
}
