use std::process::Stdio;

use crate::program::{Running, ginnel, run};

#[test]
fn a_command_gets_the_packet_socket_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel("listen s --seqpacket --exec cat", dir.path());
    let _server = Running::listening(listen.stdout(Stdio::null()));
    assert_eq!(run(ginnel("connect s --seqpacket", dir.path()), "one\ntwo\n").text(), "one\ntwo\n");
}

#[test]
fn a_packet_that_is_too_large_is_refused_with_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let _receiver = Running::listening(&mut ginnel("recv s --seqpacket", dir.path()));
    let (code, message) = run(ginnel("send s --seqpacket", dir.path()), vec![0; 1 << 20]).failure();
    assert_eq!(code, 1);
    assert!(message.starts_with("cannot send a packet of 1048576 bytes: "), "{message}");
}
