use std::process::Stdio;

use crate::program::{AND, Running, SOMEBODY, ginnel, is_free, run, var};

#[test]
fn a_command_is_told_who_connected() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = ginnel("listen s --exec", dir.path());
    let _server =
        Running::listening(command.arg(format!("echo {}", var("GINNEL_PEER_PID"))).stdout(Stdio::null()));
    let client = Running::start(&mut ginnel("connect s", dir.path()));
    let expected = format!("{}\n", client.pid());
    assert_eq!(client.finish().text(), expected);
}

#[test]
fn without_a_command_both_ends_are_standard_input_and_output() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Running::listening(ginnel("listen s", dir.path()).stdin(Stdio::piped()));
    server.type_in("from the listener\n");
    let heard = run(ginnel("connect s", dir.path()), "from the connector\n").text();
    assert_eq!(heard, "from the listener\n");
    assert_eq!(server.finish().text(), "from the connector\n");
    assert!(is_free("s", dir.path()), "the name goes with the first connection");
}

#[test]
fn a_peer_that_has_nothing_to_say_still_gets_everything() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::listening(&mut ginnel("listen s", dir.path()));
    let bytes = vec![b'x'; 3 << 20];
    let client = std::thread::spawn({
        let (command, bytes) = (ginnel("connect s", dir.path()), bytes.clone());
        move || run(command, bytes)
    });
    assert_eq!(server.finish().stdout.len(), bytes.len());
    assert_eq!(client.join().unwrap().text(), "");
}

#[test]
fn a_connection_is_lent_to_a_command_whose_exit_code_counts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::listening(&mut ginnel("listen s", dir.path()));
    let mut command = ginnel("connect s --exec", dir.path());
    let client = run(
        {
            command.arg(format!("echo lent{AND} exit 7"));
            command
        },
        "",
    );
    assert_eq!(client.status.code(), Some(7));
    assert_eq!(server.finish().text(), "lent\n");
}

#[test]
fn a_message_longer_than_every_buffer_arrives_whole() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Running::listening(&mut ginnel("recv s", dir.path()));
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|i| (i % 251) as u8).collect();
    assert_eq!(run(ginnel("send s", dir.path()), bytes.clone()).text(), "");
    assert!(receiver.finish().stdout == bytes);
}

#[test]
fn more_than_16_mib_is_refused_with_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Running::listening(&mut ginnel("recv s", dir.path()));
    let sender = run(ginnel("send s", dir.path()), vec![0; (16 << 20) + 1]);
    let (code, message) = receiver.finish().failure();
    assert_eq!((code, &message[..]), (1, "more than 16777216 bytes (16 MiB) came: one message has no more"));
    drop(sender);
}

#[test]
fn who_is_not_allowed_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel(&format!("listen s --allow {SOMEBODY} --exec"), dir.path());
    listen.arg("echo served");
    let _server = Running::listening(listen.stdout(Stdio::null()));
    assert_eq!(run(ginnel("connect s", dir.path()), "").stdout, b"");
}

#[test]
fn who_names_the_listener() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::listening(&mut ginnel("listen s --seqpacket", dir.path()));
    let text = run(ginnel("who s --seqpacket", dir.path()), "").text();
    let identity: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(identity["pid"], server.pid());
}
