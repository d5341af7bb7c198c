use std::io::Write;
use std::process::{Command, Stdio};

use crate::program::{Running, ginnel, run};

/// As `| head -1` does: reads a line, then closes.
fn read_one_line(running: &mut Running) -> String {
    let line = running.line();
    drop(running.child.stdout.take());
    line
}

#[test]
fn a_closed_standard_output_is_success_and_quiet() {
    let dir = tempfile::tempdir().unwrap();
    let _server = Running::listening(ginnel("listen s --exec yes", dir.path()).stdout(Stdio::null()));
    let mut client = Running::start(&mut ginnel("connect s", dir.path()));
    assert_eq!(read_one_line(&mut client), "y");
    let finished = client.finish();
    assert_eq!(finished.status.code(), Some(0));
    assert!(finished.events.iter().all(|event| event["event"] == "connected"), "{finished:?}");
}

#[test]
fn a_listener_whose_output_is_closed_ends_as_quietly() {
    for kind in ["", "--seqpacket"] {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Running::listening(&mut ginnel(&format!("listen s {kind}"), dir.path()));
        let mut yes = Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
        let mut connect = ginnel(&format!("connect s {kind}"), dir.path());
        let client = Running::start(connect.stdin(yes.stdout.take().unwrap()));
        // It holds a duplicate of what `yes` writes to.
        drop(connect);
        assert_eq!(read_one_line(&mut server), "y");
        let finished = server.finish();
        assert_eq!(finished.status.code(), Some(0), "{finished:?}");
        assert!(finished.events.iter().all(|event| event["event"] != "error"), "{finished:?}");
        assert_eq!(client.finish().status.code(), Some(0));
        yes.wait().unwrap();
    }
}

#[test]
fn a_closed_standard_error_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let mut connect = ginnel("connect nowhere", dir.path()).stderr(Stdio::piped()).spawn().unwrap();
    drop(connect.stderr.take());
    assert_eq!(connect.wait().unwrap().code(), Some(3));
}

#[test]
fn a_server_killed_in_the_middle_leaves_whole_lines() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Running::listening(ginnel("listen s", dir.path()).stdin(Stdio::piped()));
    let mut client = Running::start(&mut ginnel("connect s", dir.path()));
    server.child.stdin.as_mut().unwrap().write_all(b"first\nsec").unwrap();
    assert_eq!(client.line(), "first");
    server.child.kill().unwrap();
    let finished = client.finish();
    assert_eq!(finished.events.last().unwrap()["event"], "closed", "and every line was JSON");
    assert_eq!(finished.text(), "sec");
}

#[test]
fn a_time_that_has_passed_has_its_own_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    for words in ["listen s", "listen s --exec cat", "listen s --datagram", "recv s --seqpacket"] {
        let command = format!("{words} --timeout 0.01");
        assert_eq!(run(ginnel(&command, dir.path()), "").failure().0, 124, "{words}");
        assert!(!dir.path().join("s").exists(), "{words}");
    }
}

#[test]
fn a_silent_peer_and_a_busy_one_are_left_when_the_time_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    for (name, script) in [("silent", "cat"), ("busy", "yes")] {
        let mut listen = ginnel(&format!("listen {name} --exec"), dir.path());
        let _server = Running::listening(listen.arg(script).stdout(Stdio::null()));
        let mut connect = ginnel(&format!("connect {name} --timeout 0.05"), dir.path());
        // What it types stays open and empty.
        let client = Running::start(connect.stdin(Stdio::piped()).stdout(Stdio::null()));
        assert_eq!(client.finish().failure().0, 124, "{name}");
    }
}

#[test]
fn standard_input_that_cannot_be_read_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    for kind in ["", "--seqpacket"] {
        let mut listen = ginnel(&format!("listen s {kind} --exec cat"), dir.path());
        let mut server = Running::listening(listen.stdout(Stdio::null()));
        let directory = std::fs::File::open(dir.path()).unwrap();
        let mut connect = ginnel(&format!("connect s {kind}"), dir.path());
        let (code, message) = Running::start(connect.stdin(directory)).finish().failure();
        assert_eq!(code, 1);
        assert!(message.starts_with("cannot read standard input: "), "{message}");
        // Killed while its child is being made, it would leave the listening socket with that for a moment.
        server.event("ended");
    }
}

#[test]
fn nobody_there_has_its_own_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    for words in ["connect s", "connect s --seqpacket", "connect s --datagram", "send s hi", "who s"] {
        let (code, message) = run(ginnel(words, dir.path()), "").failure();
        assert_eq!(code, 3, "{words}");
        assert!(message.starts_with("cannot connect to s: "), "{message}");
    }
}
