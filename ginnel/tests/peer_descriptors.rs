//! Takeovers leave no descriptor behind. Alone in its process, since it counts all of them.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ginnel::{LISTENER, Peer, PeerEvent, PeerOptions, Role};

fn open_files() -> usize {
    fs::read_dir("/dev/fd").unwrap().count()
}

fn told(peer: &mut Peer, role: Role) {
    while !matches!(peer.next().unwrap(), PeerEvent::Role(told) if told == role) {}
}

/// One more who takes part, and is a standby if it may be one: it has answered since.
fn another(listener: &mut Peer, path: &Path, standby: bool) -> Peer {
    let path = path.to_owned();
    let joining = std::thread::spawn(move || {
        let mut peer = Peer::join_with(&path, &PeerOptions::new().standby(standby)).unwrap();
        assert_eq!(peer.call(LISTENER, "?").unwrap().body, "!");
        peer
    });
    loop {
        if let PeerEvent::Request(request) = listener.next().unwrap() {
            listener.reply(request, "!");
            return joining.join().unwrap();
        }
    }
}

/// How a listener goes.
fn goes(listener: Peer, mut connector: Peer, in_order: bool) -> Peer {
    let taking_over = std::thread::spawn(move || {
        told(&mut connector, Role::Listener);
        connector
    });
    if in_order {
        listener.dispose(Duration::from_secs(60)).unwrap();
    } else {
        drop(listener);
    }
    taking_over.join().unwrap()
}

#[test]
fn two_hundred_takeovers_in_one_process_leave_as_many_descriptors_as_there_were() {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("s");
    let before = open_files();
    let mut listener = Peer::join(&path).unwrap();
    let mut steady = [None; 4];
    let mut epoch = listener.epoch();
    for round in 0..200 {
        let (standby, in_order) = (round % 2 == 0, round % 4 < 2);
        let connector = another(&mut listener, &path, standby);
        let now = open_files();
        // One who was asked to be a standby has the socket already, or not yet.
        let usual = *steady[round % 4].get_or_insert(now);
        assert!(now.abs_diff(usual) < 12, "round {round}: {now} are open, {usual} before");
        listener = goes(listener, connector, in_order);
        assert!(listener.epoch() > epoch, "round {round}");
        epoch = listener.epoch();
    }
    drop(listener);
    assert_eq!(open_files(), before);
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["s.lock"]);
}
