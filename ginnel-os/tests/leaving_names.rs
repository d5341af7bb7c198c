//! A name that is left: nobody answers there, and whoever comes next replaces it.
#![cfg(unix)]

use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;

use ginnel_os::{Datagram, Listener, ListenerOptions, SocketError, SocketKind};
use ginnel_proto::Address;

fn listen(path: &Path) -> std::io::Result<Listener> {
    let address = Address::path(path).expect("a short path");
    Listener::open(SocketKind::Stream, &address, ListenerOptions::default())
}

#[test]
fn a_listener_leaves_its_name_to_whoever_listens_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let first = listen(&path).unwrap();
    let refused = listen(&path).unwrap_err();
    assert!(matches!(SocketError::of(&refused), Some(SocketError::AddressInUse)), "{refused}");
    first.close_and_leave_name();
    assert!(path.exists());
    assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    let second = listen(&path).unwrap();
    UnixStream::connect(&path).unwrap();
    drop(second);
    assert!(!path.exists(), "the second is its own");
}

#[test]
fn a_datagram_socket_leaves_its_name_to_whoever_binds_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let address = Address::path(&path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    Datagram::bind(&address, 0o600, true).unwrap().close_and_leave_name();
    assert!(path.exists());
    let refused = sender.send_to(b"x", &path).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let second = Datagram::bind(&address, 0o600, true).unwrap();
    sender.send_to(b"x", &path).unwrap();
    drop(second);
    assert!(!path.exists(), "the second is its own");
}
