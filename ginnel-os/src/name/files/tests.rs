//! A stranger who knows no lock, at the worst moment: between two system calls of a claim.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{Claim, Ownership, Place};
use crate::error::SocketError;
use crate::sys::SocketKind;
use crate::sys::double::{Double, Meddle};

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

impl Meddle for Meddled {
    fn before_rename(&self) {
        self.meddle();
    }
}

fn claim(sys: &Double<Meddled>, kind: SocketKind) -> io::Result<(OwnedFd, Ownership<Double<Meddled>>)> {
    let claim = Claim { kind, nonblocking: false, mode: 0o600, owner: (None, None), backlog: 8 };
    Ownership::claim(sys.clone(), Place::of(sys, &sys.0.path)?, claim)
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
            let sys = Double(Meddled::at(&dir.path().join("s")));
            match kind {
                SocketKind::Datagram => drop(UnixDatagram::bind(&sys.0.path).unwrap()),
                _ => drop(UnixListener::bind(&sys.0.path).unwrap()),
            }
            let refused = claim(&sys, kind).unwrap_err();
            assert_eq!(SocketError::of(&refused), Some(&SocketError::AddressInUse), "{kind:?}: {refused}");
            assert!(sys.0.is_reached(), "a live stranger was displaced by a {kind:?}");
            assert_eq!(names(dir.path()), ["s", "s.lock"]);
        }
    }
}

#[test]
fn a_stranger_who_takes_a_free_name_first_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let sys = Double(Meddled::at(&dir.path().join("s")));
    let refused = claim(&sys, SocketKind::Stream).unwrap_err();
    assert_eq!(SocketError::of(&refused), Some(&SocketError::AddressInUse));
    assert!(sys.0.is_reached());
    assert_eq!(names(dir.path()), ["s", "s.lock"]);
}

#[test]
fn a_stranger_who_takes_the_name_while_its_owner_leaves_keeps_it() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let sys = Double(Meddled::at(&dir.path().join("s")));
        // Publishing renames too: meanwhile the stranger is busy elsewhere.
        let elsewhere = UnixListener::bind(dir.path().join("q")).unwrap();
        *sys.0.stranger.lock().unwrap() = Stranger::Listens(elsewhere);
        let (socket, owned) = claim(&sys, SocketKind::Stream).unwrap();
        *sys.0.stranger.lock().unwrap() = Stranger::Waits;
        drop((owned, socket));
        assert!(sys.0.is_reached());
        assert_eq!(names(dir.path()), ["q", "s", "s.lock"]);
    }
}
