use std::process::Stdio;

use crate::program::{Running, ginnel, run};

#[test]
fn every_line_is_a_packet_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Running::listening(ginnel("listen s --seqpacket", dir.path()).stdin(Stdio::piped()));
    server.type_in("one\n\nthree");
    let heard = run(ginnel("connect s --seqpacket", dir.path()), "four\n\nsix\n").text();
    assert_eq!(heard, "one\n\nthree\n");
    assert_eq!(server.finish().text(), "four\n\nsix\n");
}

#[test]
fn one_packet_is_one_message() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Running::listening(&mut ginnel("recv s --seqpacket", dir.path()));
    run(ginnel("send s --seqpacket", dir.path()), "two\nlines").text();
    assert_eq!(receiver.finish().text(), "two\nlines");
}

#[test]
fn a_connection_without_a_packet_is_no_message() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Running::listening(&mut ginnel("recv s --seqpacket", dir.path()));
    run(ginnel("who s --seqpacket", dir.path()), "").text();
    assert_eq!(receiver.finish().failure(), (1, "the connection ended without a packet".into()));
}
