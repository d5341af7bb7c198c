//! What kind of file system it is, and being told when a file loses its name. inotify(7), statfs(2)

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

/// File systems that several machines may have mounted, or of which only a program knows where they lie: locks on them
/// may reach further than their sockets. statfs(2)
const REMOTE: [u32; 12] = [
    0x6969,      // NFS
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB 2
    0x0102_1997, // 9P
    0x00c3_6400, // Ceph
    0x5346_414f, // AFS
    0x6b41_4653, // AFS, of another maker
    0x7375_7245, // Coda
    0x564c,      // NCP
    0x6573_5546, // FUSE
    0x0bd0_0bd0, // Lustre
];

pub(super) fn is_local(directory: BorrowedFd<'_>) -> io::Result<bool> {
    let kind = rustix::fs::fstatfs(directory)?.f_type;
    Ok(!REMOTE.contains(&(kind as u32)))
}

/// Watches the files themselves, not what stands beside them: neighbours in a busy directory wake nobody. Of a lock file
/// it matters too when somebody closes it, which is what drops locks.
pub(super) fn watch(named: &[BorrowedFd<'_>], lock: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let lost = WatchFlags::ATTRIB | WatchFlags::MOVE_SELF | WatchFlags::DELETE_SELF;
    let closed = WatchFlags::CLOSE_WRITE | WatchFlags::CLOSE_NOWRITE;
    let files = named.iter().map(|file| (file, lost)).chain([(&lock, lost | closed)]);
    for (file, what) in files {
        inotify::add_watch(&watch, format!("/proc/self/fd/{}", file.as_raw_fd()), what)?;
    }
    Ok(watch)
}

pub(super) fn changes(watch: BorrowedFd<'_>) -> io::Result<bool> {
    let mut space = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(watch, &mut space);
    let mut some = false;
    loop {
        match events.next() {
            Ok(_) => some = true,
            Err(Errno::AGAIN) => return Ok(some),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn file_systems_of_several_machines_are_known_by_the_kernels_own_numbers() {
        let remote = [
            libc::NFS_SUPER_MAGIC,
            libc::SMB_SUPER_MAGIC,
            libc::CODA_SUPER_MAGIC,
            libc::NCP_SUPER_MAGIC,
            libc::AFS_SUPER_MAGIC,
            libc::FUSE_SUPER_MAGIC,
        ];
        for magic in remote {
            assert!(REMOTE.contains(&(magic as u32)), "{magic:x}");
        }
        let local = [
            libc::TMPFS_MAGIC,
            libc::EXT4_SUPER_MAGIC,
            libc::BTRFS_SUPER_MAGIC,
            libc::OVERLAYFS_SUPER_MAGIC,
            libc::PROC_SUPER_MAGIC,
        ];
        for magic in local {
            assert!(!REMOTE.contains(&(magic as u32)), "{magic:x}");
        }
        assert!(is_local(File::open("/proc").unwrap().as_fd()).unwrap());
    }
}
