use std::io::{Read, Write};
use std::process::Stdio;

use ginnel::Stream;

use crate::program::{Finished, Running, address, end, ginnel, run};

/// What becomes of somebody who listens, when a peer sends these bytes and ends.
fn after(words: &str, bytes: &[u8]) -> Finished {
    let dir = tempfile::tempdir().unwrap();
    let listener = Running::listening(&mut ginnel(&format!("listen s {words}"), dir.path()));
    let mut peer = Stream::connect(address("s", dir.path())).unwrap();
    peer.write_all(bytes).unwrap();
    let rest = end(peer);
    let finished = listener.finish();
    drop(rest);
    finished
}

#[test]
fn every_line_is_a_message_both_ways() {
    for wire in ["native", "lines", "prefixed"] {
        let dir = tempfile::tempdir().unwrap();
        let words = format!("s --wire {wire}");
        let mut listen = ginnel(&format!("listen {words}"), dir.path());
        let mut server = Running::listening(listen.stdin(Stdio::piped()));
        server.type_in("one\n\nthree");
        assert_eq!(
            run(ginnel(&format!("connect {words}"), dir.path()), "four\n\nsix\n").text(),
            "one\n\nthree\n"
        );
        assert_eq!(server.finish().text(), "four\n\nsix\n", "{wire}");
    }
}

#[test]
fn the_frames_are_those_of_the_wire() {
    for (wire, bytes) in [
        ("lines", &b"hi\n"[..]),
        ("prefixed", b"\0\0\0\x02hi"),
        ("raw", b"hi"),
        ("kyneta", b"\x02\x00\0\0\0\x02hi"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let listener = Stream::listen(address("s", dir.path())).unwrap();
        let mut connect = ginnel(&format!("connect s --wire {wire}"), dir.path());
        let mut client = Running::start(connect.stdin(Stdio::piped()));
        client.type_in("hi");
        let mut peer = listener.accept().unwrap();
        let mut came = vec![0; bytes.len()];
        peer.read_exact(&mut came).unwrap();
        assert_eq!(came, bytes, "{wire}");
        peer.write_all(bytes).unwrap();
        drop(peer);
        assert_eq!(client.finish().text(), "hi\n", "{wire}");
    }
}

#[test]
fn cbor_is_typed_and_printed_as_json_and_beyond() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel("listen s --wire prefixed --codec cbor", dir.path());
    let mut listener = Running::listening(listen.stdin(Stdio::piped()));
    listener.type_in(" {\"b\": [1, null]}");
    let mut peer = Stream::connect(address("s", dir.path())).unwrap();
    let mut came = [0; 10];
    peer.read_exact(&mut came).unwrap();
    assert_eq!(&came, b"\0\0\0\x06\xa1\x61b\x82\x01\xf6");
    peer.write_all(b"\0\0\0\x05\xa1\x07\x42\x00\xff").unwrap();
    drop(peer);
    assert_eq!(listener.finish().text(), "{7:h'00ff'}\n");
}

#[test]
fn a_peer_that_breaks_a_rule_is_told_with_its_own_exit_code() {
    for (words, bytes, message) in [
        ("--wire native", &b"GET / HTTP/1.1\r\n\r\n"[..], "the first bytes are no greeting"),
        ("--codec cbor", b"GNL\x02", "version 2 of the wire is spoken there"),
        ("--wire prefixed", b"\xff\xff\xff\xff", "a frame of 4294967295 bytes was announced"),
        (
            "--wire native",
            b"GNL\x01\0\0\0\0\0\0\0\x01\x10\0\0\0sixteen of them!\x05\0\0\0\x01\0\0\0he",
            "the connection ended inside a frame, after 10 bytes of it",
        ),
        ("--wire lines", b"half a line", "the connection ended inside a frame, after 11 bytes of it"),
    ] {
        let (code, said) = after(words, bytes).failure();
        assert_eq!(code, 6, "{said}");
        let start = format!("cannot receive: the other side broke a rule: {message}");
        assert!(said.starts_with(&start), "{said}");
        assert_eq!(said.matches(message).count(), 1, "{said}");
    }
}

#[test]
fn what_the_codec_cannot_read_is_told_too_after_what_it_can() {
    for (words, bytes, message) in [
        (
            "--wire prefixed --codec cbor",
            &b"\0\0\0\x01\x07\0\0\0\x01\xff"[..],
            "what came is no CBOR: byte 0 is 0xff",
        ),
        ("--wire prefixed --codec cbor", b"\0\0\0\x01\x07\0\0\0\x07{\"a\":1}", "what came is no CBOR: "),
        ("--wire lines --codec json", b"7\n\xa1\x61a\x01\n", "what came is no JSON: "),
    ] {
        let finished = after(words, bytes);
        assert_eq!(finished.stdout, b"7\n", "{words}");
        let (code, said) = finished.failure();
        assert_eq!(code, 6);
        assert!(said.starts_with(message), "{said}");
    }
}

#[test]
fn a_killed_peer_leaves_whole_messages() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Running::listening(ginnel("listen s --wire native", dir.path()).stdin(Stdio::piped()));
    let mut client = Running::start(&mut ginnel("connect s --wire native", dir.path()));
    server.child.stdin.as_mut().unwrap().write_all(b"first\nsec").unwrap();
    assert_eq!(client.line(), "first");
    server.child.kill().unwrap();
    let finished = client.finish();
    assert_eq!(finished.events.last().unwrap()["event"], "closed");
    assert_eq!(finished.text(), "");
}

#[test]
fn a_peer_that_does_not_greet_is_left_when_the_time_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    let _silent = Stream::listen(address("s", dir.path())).unwrap();
    let client = Running::start(&mut ginnel("connect s --codec cbor --timeout 0.05", dir.path()));
    assert_eq!(client.finish().failure().0, 124);
}

#[test]
fn every_message_is_told_as_an_event() {
    for (codec, told) in [("cbor", serde_json::json!([1, "a"])), ("json", serde_json::json!([1, "a"]))] {
        let dir = tempfile::tempdir().unwrap();
        let words = format!("s --codec {codec}");
        let listener = Running::listening(&mut ginnel(&format!("listen {words}"), dir.path()));
        assert_eq!(run(ginnel(&format!("connect {words}"), dir.path()), "[1,\"a\"]\n").text(), "");
        let events = listener.finish().events;
        let message = events.iter().find(|event| event["event"] == "message").unwrap();
        assert_eq!((&message["body"], &message["fds"]), (&told, &0.into()), "{message}");
    }
}

#[test]
fn the_exit_code_of_a_command_between_messages_counts() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel("listen s --codec json --exec", dir.path());
    let _server = Running::listening(listen.arg("echo 1").stdout(Stdio::null()));
    let mut connect = ginnel("connect s --codec json --exec", dir.path());
    assert_eq!(
        run(
            {
                connect.arg("exit 9");
                connect
            },
            ""
        )
        .status
        .code(),
        Some(9)
    );
    assert_eq!(run(ginnel("connect s --codec json", dir.path()), "").text(), "1\n");
}

#[test]
fn a_command_that_prints_no_message_ends_its_connection() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel("listen s --codec json --exec", dir.path());
    let mut server = Running::listening(listen.arg("echo nonsense").stdout(Stdio::null()));
    for _ in 0..2 {
        assert_eq!(run(ginnel("connect s --codec json", dir.path()), "").text(), "");
        let lost = server.event("connection-lost");
        let start = "message 1 was not sent: a message is JSON";
        assert!(lost["message"].as_str().unwrap().starts_with(start), "{lost}");
    }
}
