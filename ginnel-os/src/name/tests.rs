//! A stranger who knows no lock, at the worst moment: between two system calls of a claim.
#![expect(unsafe_code, reason = "the contract of one method is handed through")]

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::net::SocketAddrUnix;

use super::{Claim, Locks, Ownership, Place};
use crate::error::SocketError;
use crate::sys::{
    Descriptors, Files, Incoming, Kernel, Outgoing, PeerIds, Rename, Slot, SocketKind, Sockets, Status,
    Taken, Wait, Would,
};

/// The real kernel, and somebody who takes the path right before a name is changed.
#[derive(Clone, Debug)]
struct Meddled {
    path: PathBuf,
    stranger: Arc<Mutex<Stranger>>,
}

#[derive(Debug)]
enum Stranger {
    Waits,
    Listens(UnixListener),
}

impl Meddled {
    fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), stranger: Arc::new(Mutex::new(Stranger::Waits)) }
    }

    /// Takes the path, once.
    fn meddle(&self) {
        let mut stranger = self.stranger.lock().unwrap();
        if matches!(*stranger, Stranger::Waits) {
            // There may be nothing to remove.
            let _ = std::fs::remove_file(&self.path);
            *stranger = Stranger::Listens(UnixListener::bind(&self.path).unwrap());
        }
    }

    fn is_reached(&self) -> bool {
        let stranger = self.stranger.lock().unwrap();
        let Stranger::Listens(listener) = &*stranger else { return false };
        listener.set_nonblocking(true).unwrap();
        while listener.accept().is_ok() {}
        let _client = UnixStream::connect(&self.path).unwrap();
        listener.accept().is_ok()
    }
}

impl Descriptors for Meddled {
    type Fd = OwnedFd;
    type Borrowed<'a> = BorrowedFd<'a>;

    fn borrow<'a>(&self, fd: &'a OwnedFd) -> BorrowedFd<'a> {
        Kernel.borrow(fd)
    }
    fn number(&self, fd: BorrowedFd<'_>) -> i32 {
        Kernel.number(fd)
    }
    unsafe fn own(&self, number: i32) -> OwnedFd {
        // SAFETY: handed through.
        unsafe { Kernel.own(number) }
    }
}

impl Files for Meddled {
    fn rename_at(&self, dir: BorrowedFd<'_>, from: &[u8], to: &[u8], how: Rename) -> io::Result<()> {
        self.meddle();
        Kernel.rename_at(dir, from, to, how)
    }
    fn open_directory(&self, path: &Path) -> io::Result<OwnedFd> {
        Kernel.open_directory(path)
    }
    fn pin(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
        Kernel.pin(directory, name)
    }
    fn open_name(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
        Kernel.open_name(directory, name)
    }
    fn open_lock(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
        Kernel.open_lock(directory, name)
    }
    fn status_at(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<Status>> {
        Kernel.status_at(directory, name)
    }
    fn status(&self, fd: BorrowedFd<'_>) -> io::Result<Status> {
        Kernel.status(fd)
    }
    fn set_mode(&self, fd: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
        Kernel.set_mode(fd, mode)
    }
    fn set_mode_at(&self, directory: BorrowedFd<'_>, name: &[u8], mode: u32) -> io::Result<()> {
        Kernel.set_mode_at(directory, name, mode)
    }
    fn set_owner_at(
        &self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        owner: (Option<u32>, Option<u32>),
    ) -> io::Result<()> {
        Kernel.set_owner_at(directory, name, owner)
    }
    fn unlink_at(&self, directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        Kernel.unlink_at(directory, name)
    }
    fn list(&self, directory: BorrowedFd<'_>) -> io::Result<Vec<Vec<u8>>> {
        Kernel.list(directory)
    }
    fn try_lock(&self, fd: BorrowedFd<'_>, byte: i64) -> Would<()> {
        Kernel.try_lock(fd, byte)
    }
    fn lock_holder(&self, fd: BorrowedFd<'_>, byte: i64) -> io::Result<Option<u32>> {
        Kernel.lock_holder(fd, byte)
    }
    fn locks(&self) -> &Locks<OwnedFd> {
        Kernel.locks()
    }
    fn pid(&self) -> u32 {
        Kernel.pid()
    }
    fn random(&self) -> io::Result<u64> {
        Kernel.random()
    }
}

impl Sockets for Meddled {
    fn socket(&self, kind: SocketKind, nonblocking: bool) -> io::Result<OwnedFd> {
        Kernel.socket(kind, nonblocking)
    }
    fn socket_pair(&self, kind: SocketKind, nonblocking: bool) -> io::Result<(OwnedFd, OwnedFd)> {
        Kernel.socket_pair(kind, nonblocking)
    }
    fn bind(&self, fd: BorrowedFd<'_>, name: &SocketAddrUnix) -> io::Result<()> {
        Kernel.bind(fd, name)
    }
    fn listen(&self, fd: BorrowedFd<'_>, backlog: u32) -> io::Result<()> {
        Kernel.listen(fd, backlog)
    }
    fn connect(&self, fd: BorrowedFd<'_>, name: &SocketAddrUnix) -> Would<()> {
        Kernel.connect(fd, name)
    }
    fn accept(&self, fd: BorrowedFd<'_>, nonblocking: bool) -> Would<OwnedFd> {
        Kernel.accept(fd, nonblocking)
    }
    fn send(&self, fd: BorrowedFd<'_>, outgoing: Outgoing<'_>, wait: Wait) -> Would<usize> {
        Kernel.send(fd, outgoing, wait)
    }
    fn receive(&self, fd: BorrowedFd<'_>, incoming: Incoming<'_>, wait: Wait) -> Would<Taken> {
        Kernel.receive(fd, incoming, wait)
    }
    fn send_many(&self, fd: BorrowedFd<'_>, packets: &[IoSlice<'_>], wait: Wait) -> Would<usize> {
        Kernel.send_many(fd, packets, wait)
    }
    fn receive_many(&self, fd: BorrowedFd<'_>, slots: &mut [Slot<'_>], wait: Wait) -> Would<usize> {
        Kernel.receive_many(fd, slots, wait)
    }
    fn shutdown(&self, fd: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
        Kernel.shutdown(fd, how)
    }
    fn peer_ids(&self, fd: BorrowedFd<'_>) -> io::Result<PeerIds> {
        Kernel.peer_ids(fd)
    }
    fn peer_groups(&self, fd: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
        Kernel.peer_groups(fd)
    }
}

fn claim(sys: &Meddled, kind: SocketKind) -> io::Result<(OwnedFd, Ownership<Meddled>)> {
    let claim = Claim { kind, nonblocking: false, mode: 0o600, owner: (None, None), backlog: 8 };
    Ownership::claim(sys.clone(), Place::of(sys, &sys.path)?, claim)
}

fn names(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_stranger_who_takes_a_dead_sockets_place_is_put_back_even_with_its_inode_number() {
    for kind in [SocketKind::Stream, SocketKind::SeqPacket, SocketKind::Datagram] {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let sys = Meddled::at(&dir.path().join("s"));
            match kind {
                SocketKind::Datagram => drop(UnixDatagram::bind(&sys.path).unwrap()),
                _ => drop(UnixListener::bind(&sys.path).unwrap()),
            }
            let refused = claim(&sys, kind).unwrap_err();
            assert_eq!(SocketError::of(&refused), Some(&SocketError::AddressInUse), "{kind:?}: {refused}");
            assert!(sys.is_reached(), "a live stranger was displaced by a {kind:?}");
            assert_eq!(names(dir.path()), ["s", "s.lock"]);
        }
    }
}

#[test]
fn a_stranger_who_takes_a_free_name_first_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let sys = Meddled::at(&dir.path().join("s"));
    let refused = claim(&sys, SocketKind::Stream).unwrap_err();
    assert_eq!(SocketError::of(&refused), Some(&SocketError::AddressInUse));
    assert!(sys.is_reached());
    assert_eq!(names(dir.path()), ["s", "s.lock"]);
}

#[test]
fn a_stranger_who_takes_the_name_while_its_owner_leaves_keeps_it() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let sys = Meddled::at(&dir.path().join("s"));
        // Publishing renames too: meanwhile the stranger is busy elsewhere.
        let elsewhere = UnixListener::bind(dir.path().join("q")).unwrap();
        *sys.stranger.lock().unwrap() = Stranger::Listens(elsewhere);
        let (socket, owned) = claim(&sys, SocketKind::Stream).unwrap();
        *sys.stranger.lock().unwrap() = Stranger::Waits;
        drop((owned, socket));
        assert!(sys.is_reached());
        assert_eq!(names(dir.path()), ["q", "s", "s.lock"]);
    }
}
