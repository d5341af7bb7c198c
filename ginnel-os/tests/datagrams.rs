//! Whom datagrams go to and come from.
#![cfg(unix)]

use ginnel_os::{Datagram, SocketError, Wait};
use ginnel_proto::Address;

fn at(dir: &tempfile::TempDir, name: &str) -> (Address, Datagram) {
    let address = Address::path(dir.path().join(name)).expect("a short path");
    let socket = Datagram::bind(&address, 0o600, true).expect("nobody is there");
    (address, socket)
}

#[test]
fn a_packet_says_whom_it_came_from_if_its_sender_has_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let ((here, receiver), (there, named)) = (at(&dir, "here"), at(&dir, "there"));
    let nameless = Datagram::unbound(true).unwrap();
    let mut room = [0; 8];
    assert!(receiver.receive_from(&mut room, Wait::Never).unwrap().is_none(), "not yet");
    for (sender, name) in [(&named, Some(there)), (&nameless, None)] {
        assert_eq!(sender.send(b"packet", &[], Some(&here), Wait::Never).unwrap(), Some(()));
        let ((bytes, fds), from) = receiver.receive_from(&mut room, Wait::Never).unwrap().unwrap();
        assert_eq!((&room[..bytes], fds.len(), from), (&b"packet"[..], 0, name));
    }
}

#[test]
fn a_connected_socket_needs_no_address_and_hears_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let ((here, server), (there, client)) = (at(&dir, "here"), at(&dir, "there"));
    let nobody = Address::path(dir.path().join("nobody")).unwrap();
    assert_eq!(client.connect(&nobody).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert_eq!(client.connect(&here).unwrap(), Some(()));
    client.send(b"x", &[], None, Wait::Never).unwrap().unwrap();
    let mut room = [0; 8];
    let (_, from) = server.receive_from(&mut room, Wait::Never).unwrap().unwrap();
    assert_eq!(from, Some(there.clone()));
    let stranger = Datagram::unbound(true).unwrap();
    let refused = stranger.send(b"x", &[], Some(&there), Wait::Never).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
}

#[test]
fn an_inherited_descriptor_is_no_address_to_connect_to() {
    let refused = Datagram::unbound(true).unwrap().connect(&"fd:0".parse().unwrap()).unwrap_err();
    assert!(matches!(SocketError::of(&refused), Some(SocketError::FdNotHere)), "{refused}");
}
