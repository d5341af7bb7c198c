use std::fs::File;
use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use ginnel::{Connection, Message};

use crate::program::{Running, ginnel, run};

/// A command for every connection.
fn serving(words: &str, script: &str, directory: &Path) -> Running {
    let mut listen = ginnel(&format!("listen s {words} --exec"), directory);
    Running::listening(listen.arg(script).stdout(Stdio::null()))
}

/// The program without its events, where there are too many of them.
fn plain(words: &str, directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ginnel"));
    command.args(words.split(' ')).current_dir(directory).stdin(Stdio::null());
    command
}

#[test]
fn json_is_checked_and_printed_without_white_space() {
    let dir = tempfile::tempdir().unwrap();
    let _server = serving("--codec json", "cat", dir.path());
    let client = run(ginnel("connect s --codec json", dir.path()), "{ \"a\": 1.10 }\n[ ]\n");
    assert_eq!(client.text(), "{\"a\":1.10}\n[]\n");
}

#[test]
fn every_message_is_an_event_with_its_body() {
    for (codec, typed, member, told) in [
        ("cbor", "[1,\"a\"]", "body", serde_json::json!([1, "a"])),
        ("json", "[1,\"a\"]", "body", serde_json::json!([1, "a"])),
        ("raw", "text", "body", "text".into()),
        ("raw", "\\377", "hex", "ff".into()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let words = format!("s --codec {codec}");
        let listener = Running::listening(&mut ginnel(&format!("listen {words}"), dir.path()));
        let mut connect = ginnel(&format!("connect {words} --exec"), dir.path());
        connect.arg(format!("printf '{typed}'"));
        assert!(run(connect, "").status.success());
        let events = listener.finish().events;
        let message = events.iter().find(|event| event["event"] == "message").unwrap();
        assert_eq!((&message[member], &message["fds"]), (&told, &0.into()), "{message}");
    }
}

#[test]
fn descriptors_are_named_and_closed() {
    let dir = tempfile::tempdir().unwrap();
    let mut listener = Running::listening(&mut ginnel("listen s --wire native", dir.path()));
    let mut peer = Connection::connect(dir.path().join("s")).unwrap();
    let file = File::open("/dev/null").unwrap();
    peer.send(Message::new("with a file").with_fds(vec![file.into()])).unwrap();
    assert_eq!(listener.event("message")["fds"], 1);
    assert_eq!(listener.event("descriptor")["target"], "/dev/null");
    drop(peer);
    assert_eq!(listener.finish().text(), "with a file\n");
}

#[test]
fn a_command_sees_lines_with_a_codec_or_a_wire_of_lines_and_else_bytes() {
    for (words, heard) in [
        ("--codec cbor", "1\n2\n"),
        ("--codec raw", "1\n2\n"),
        ("--wire lines", "1\n2\n"),
        ("--wire native", "12"),
        ("--wire prefixed", "12"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let _server = serving(words, "cat > heard; echo 7", dir.path());
        let client = run(ginnel(&format!("connect s {words}"), dir.path()), "1\n2\n");
        assert_eq!(client.text().trim_end(), "7", "{words}");
        assert_eq!(std::fs::read_to_string(dir.path().join("heard")).unwrap(), heard, "{words}");
    }
}

#[test]
fn the_exit_code_of_connect_is_the_commands() {
    for script in ["read line; exit 9", "exit 9", "cat > log; exit 9"] {
        let dir = tempfile::tempdir().unwrap();
        let _server = serving("--codec json", "echo 1", dir.path());
        let mut connect = ginnel("connect s --codec json --exec", dir.path());
        connect.arg(script);
        assert_eq!(run(connect, "").status.code(), Some(9), "{script}");
    }
}

#[test]
fn a_peer_that_goes_on_after_the_command_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let _server = serving("--wire lines", "yes", dir.path());
    let _silent = UnixListener::bind(dir.path().join("silent")).unwrap();
    for name in ["s", "silent"] {
        let mut connect = plain(&format!("connect {name} --wire lines --exec"), dir.path());
        assert_eq!(connect.arg("exit 9").output().unwrap().status.code(), Some(9), "{name}");
    }
}

#[test]
fn a_command_that_prints_no_message_ends_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = serving("--codec json", "echo 1; echo nonsense; exec cat", dir.path());
    assert_eq!(run(ginnel("connect s --codec json", dir.path()), "").text(), "1\n");
    let lost = server.event("connection-lost");
    assert!(
        lost["message"].as_str().unwrap().starts_with("message 2 was not sent: a message is JSON"),
        "{lost}"
    );
    assert_eq!(run(ginnel("connect s --codec json", dir.path()), "").text(), "1\n", "others are served");
}

#[test]
fn a_peer_that_breaks_a_rule_costs_a_server_its_own_connection_only() {
    for option in ["--codec json --exec", "--codec json --answer"] {
        let dir = tempfile::tempdir().unwrap();
        let mut listen = ginnel(&format!("listen s {option} cat"), dir.path());
        let mut server = Running::listening(listen.stdout(Stdio::null()));
        for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"GNL\x01\xff\xff\xff\xff", b"GNL"] {
            let mut peer = UnixStream::connect(dir.path().join("s")).unwrap();
            peer.write_all(bytes).unwrap();
            peer.shutdown(std::net::Shutdown::Write).unwrap();
            let lost = server.event("connection-lost");
            assert!(lost["message"].as_str().unwrap().contains("the other side broke a rule: "), "{lost}");
        }
        let words = if option.ends_with("exec") { "connect s --codec json" } else { "call s --codec json -" };
        assert_eq!(run(ginnel(words, dir.path()), "7").text(), "7\n", "{option}");
    }
}

#[test]
fn what_is_typed_and_no_message_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let _server = serving("--codec cbor", "cat", dir.path());
    let (code, message) =
        run(ginnel("connect s --codec cbor", dir.path()), "1\n{\"a\":1,\"a\":2}\n").failure();
    assert_eq!(code, 1);
    assert!(message.starts_with("message 2 was not sent: a message is JSON text here: "), "{message}");
    let line = vec![b'x'; (16 << 20) + 1];
    let (code, message) = run(ginnel("connect s --wire native", dir.path()), line).failure();
    assert_eq!(code, 1);
    assert!(message.contains("more than 16777216 bytes given for one message"), "{message}");
}

#[test]
fn a_large_message_goes_whole() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("large"), vec![b'x'; 16 << 20]).unwrap();
    let _server = serving("--codec raw", "cat large; cat > /dev/null", dir.path());
    let output = plain("connect s --codec raw", dir.path()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), (16 << 20) + 1));
}

#[test]
fn a_closed_standard_output_is_success_and_quiet_in_messages_too() {
    let dir = tempfile::tempdir().unwrap();
    let _server = serving("--codec json", "yes 1", dir.path());
    let mut client = Running::start(&mut ginnel("connect s --codec json", dir.path()));
    assert_eq!(client.line(), "1");
    drop(client.child.stdout.take());
    let finished = client.finish();
    assert_eq!(finished.status.code(), Some(0));
    assert!(finished.events.iter().all(|event| event["event"] != "error"), "{finished:?}");
}
