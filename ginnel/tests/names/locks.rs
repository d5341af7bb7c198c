//! Record locks of this very process, which only Linux tells of (`F_OFD_GETLK`).
#![expect(unsafe_code, reason = "record locks of a foreign copy are taken by hand")]

use std::fs::OpenOptions;
use std::os::fd::IntoRawFd;

use ginnel::{Peer, PeerEvent, Role};

use super::*;

fn leadership(l_type: libc::c_int) -> libc::flock {
    libc::flock { l_type: l_type as i16, l_whence: libc::SEEK_SET as i16, l_start: 0, l_len: 1, l_pid: 0 }
}

#[test]
fn a_lock_of_another_copy_of_this_library_in_the_process_counts_and_survives_us() {
    let (dir, path) = place();
    let lock = dir.path().join("s.lock");
    let copy = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock).unwrap();
    let mut mine = leadership(libc::F_WRLCK);
    // SAFETY: the structure lives across the call. fcntl(2)
    assert_eq!(unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_SETLK, &raw const mine) }, 0);
    for _ in 0..2 {
        assert_eq!(Stream::listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        // SAFETY: as above. It asks who holds the byte, our own process included.
        assert_eq!(unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_OFD_GETLK, &raw mut mine) }, 0);
        assert_eq!(mine.l_type, libc::F_WRLCK as i16, "our look at the file dropped its lock");
        mine = leadership(libc::F_WRLCK);
    }
    let none = leadership(libc::F_UNLCK);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_SETLK, &raw const none) }, 0);
    drop(Stream::listen(&path).unwrap());
}

/// Who holds byte 0 of the lock file, this process included. The descriptor stays open: closing it would drop the lock.
fn holder(lock: &Path) -> Option<u32> {
    let lock = OpenOptions::new().read(true).write(true).open(lock).unwrap().into_raw_fd();
    let mut asked = leadership(libc::F_WRLCK);
    // SAFETY: the structure lives across the call. fcntl(2)
    assert_eq!(unsafe { libc::fcntl(lock, libc::F_OFD_GETLK, &raw mut asked) }, 0);
    (asked.l_type != libc::F_UNLCK as i16).then_some(asked.l_pid as u32)
}

#[test]
fn a_claim_that_is_refused_gives_back_nothing_that_others_of_the_process_hold() {
    let (dir, path) = place();
    let lock = dir.path().join("s.lock");
    let owner = Stream::listen(&path).unwrap();
    for _ in 0..3 {
        assert_eq!(Stream::listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(Datagram::bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(holder(&lock), Some(std::process::id()));
    }
    drop(owner);
    assert_eq!(holder(&lock), None);
}

#[test]
fn a_peer_that_leaves_gives_back_nothing_that_another_of_the_process_holds() {
    let (dir, path) = place();
    let mut listener = Peer::join(&path).unwrap();
    for _ in 0..3 {
        let joining = {
            let path = path.clone();
            std::thread::spawn(move || Peer::join(path).unwrap())
        };
        while !matches!(listener.next().unwrap(), PeerEvent::Joined(_)) {}
        let mut connector = joining.join().unwrap();
        // It takes the duplicate that it was sent, and opens the lock file for it.
        while !matches!(connector.next().unwrap(), PeerEvent::Joined(_)) {}
        listener.broadcast("behind the duplicate");
        connector.recv().unwrap();
        drop(connector);
        while !matches!(listener.next().unwrap(), PeerEvent::Left(..)) {}
        assert_eq!(holder(&dir.path().join("s.lock")), Some(std::process::id()));
    }
    assert_eq!(listener.role(), Role::Listener);
}
