//! Being told what happens to files. inotify(7)

use super::names::{Ino, Names, RUN};
use super::{FileId, Got, Pid, What, World};
use crate::fault::Fault;

impl Names {
    /// Something has happened to this file.
    pub(super) fn tell(&mut self, inode: Ino) {
        if let Some(node) = self.inodes.get(&inode) {
            self.told.extend(node.watchers.iter().map(|&(watcher, _)| watcher));
        }
    }

    /// Its bits or its owner have changed, which whoever watches its directory is told too.
    pub(super) fn tell_changed(&mut self, inode: Ino) {
        self.tell(inode);
        if self.inodes.get(&inode).is_some_and(|node| node.links > 0) {
            self.tell(RUN);
        }
    }

    /// An open file of it was closed for good.
    pub(super) fn tell_closed(&mut self, inode: Ino) {
        if let Some(node) = self.inodes.get(&inode) {
            self.told.extend(node.watchers.iter().filter(|(_, closes)| *closes).map(|&(watcher, _)| watcher));
        }
    }

    pub(super) fn forget_watcher(&mut self, watcher: FileId) {
        self.told.remove(&watcher);
        for node in self.inodes.values_mut() {
            node.watchers.retain(|(other, _)| *other != watcher);
        }
    }
}

impl World {
    /// Watches these files, and the last of them for being closed too.
    pub(super) fn notice(&mut self, pid: Pid, numbers: &[i32]) -> Got<i32> {
        self.enter(pid)?;
        let noticed = self.try_notice(pid, numbers);
        if noticed.is_err() {
            self.blind.insert(pid);
        } else {
            self.blind.remove(&pid);
        }
        noticed
    }

    fn try_notice(&mut self, pid: Pid, numbers: &[i32]) -> Got<i32> {
        if self.fails(Fault::NoFilesSocket) {
            return Err(libc::EMFILE);
        }
        let file = self.open(What::Notice);
        let number = self.number(pid, file).inspect_err(|_| {
            self.happened(Fault::NoFilesSocket);
            self.files[file.0] = None;
        })?;
        let added = self.add_notices(pid, numbers, file);
        added.map(|()| number).inspect_err(|_| {
            self.close(pid, number);
        })
    }

    fn add_notices(&mut self, pid: Pid, numbers: &[i32], watcher: FileId) -> Got<()> {
        for (at, &number) in numbers.iter().enumerate() {
            let inode = self.inode_of(pid, number)?;
            if self.fails(Fault::WatchFails) {
                return Err(libc::ENOSPC);
            }
            let closes = at + 1 == numbers.len();
            self.names.node(inode)?.watchers.push((watcher, closes));
        }
        Ok(())
    }

    /// Takes what there is to tell.
    pub(super) fn take_notice(&mut self, pid: Pid, number: i32) -> Got<bool> {
        self.enter(pid)?;
        let file = self.lookup(pid, number)?;
        match self.file(file).map(|file| &file.what) {
            Some(What::Notice) => Ok(self.names.told.remove(&file)),
            _ => Err(libc::EINVAL),
        }
    }
}
