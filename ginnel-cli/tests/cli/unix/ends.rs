use std::process::{Command, Stdio};

use crate::ends::read_one_line;
use crate::program::{Running, ginnel, run};

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
fn of_packets_without_a_connection_it_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let listen = ginnel("listen s --datagram --timeout 0.01", dir.path());
    assert_eq!(run(listen, "").failure().0, 124);
    assert!(!dir.path().join("s").exists());
    let (code, message) = run(ginnel("connect s --datagram", dir.path()), "").failure();
    assert_eq!(code, 3);
    assert!(message.starts_with("cannot connect to s: "), "{message}");
}
