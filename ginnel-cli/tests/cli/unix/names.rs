use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::program::{Running, ginnel, run};

#[test]
fn a_signal_removes_the_name_and_is_not_hidden() {
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        for kind in ["", "--seqpacket --exec cat", "--datagram"] {
            let dir = tempfile::tempdir().unwrap();
            let listener = Running::listening(&mut ginnel(&format!("listen s {kind}"), dir.path()));
            assert!(dir.path().join("s").exists());
            listener.signal(signal);
            assert_eq!(listener.finish().status.signal(), Some(signal.as_raw()), "{kind}");
            assert!(!dir.path().join("s").exists(), "{kind}");
        }
    }
}

#[test]
fn a_signal_during_the_connection_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut listener = Running::listening(ginnel("listen s", dir.path()).stdin(Stdio::piped()));
    let client = Running::start(ginnel("connect s", dir.path()).stdin(Stdio::piped()));
    listener.event("accepted");
    listener.signal(Signal::TERM);
    let finished = listener.finish();
    assert_eq!(finished.status.signal(), Some(Signal::TERM.as_raw()));
    assert_eq!(client.finish().text(), "");
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    let script = r#"trap "" HUP; exec "$0" listen s --exec cat --json"#;
    shell.args(["-c", script, env!("CARGO_BIN_EXE_ginnel")]).current_dir(dir.path());
    let listener = Running::listening(shell.stdout(Stdio::null()).stderr(Stdio::piped()));
    listener.signal(Signal::HUP);
    assert_eq!(run(ginnel("connect s", dir.path()), "hi").text(), "hi");
    listener.signal(Signal::TERM);
    assert_eq!(listener.finish().status.signal(), Some(Signal::TERM.as_raw()));
}

#[test]
fn a_dead_listener_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    drop(UnixListener::bind(dir.path().join("s")).unwrap());
    assert_eq!(run(ginnel("connect s", dir.path()), "").failure().0, 3);
    let _listener = Running::listening(ginnel("listen s --exec cat", dir.path()).stdout(Stdio::null()));
    assert_eq!(run(ginnel("connect s", dir.path()), "hi").text(), "hi");
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    fs::write(dir.path().join("f"), "content").unwrap();
    for (path, command) in [("d", "listen"), ("f", "listen"), ("d", "recv"), ("f", "recv")] {
        for kind in ["", "--seqpacket", "--datagram"] {
            let (code, message) = run(ginnel(&format!("{command} {path} {kind}"), dir.path()), "").failure();
            let expected =
                format!("cannot listen at {path}: what stands at the path is no socket; it was left alone");
            assert_eq!((code, message), (1, expected));
        }
    }
    assert!(dir.path().join("d").is_dir());
    assert_eq!(fs::read_to_string(dir.path().join("f")).unwrap(), "content");
}

#[test]
fn the_mode_is_what_was_asked_for() {
    for (words, mode) in [("listen s", 0o600), ("listen s --mode 0666", 0o666)] {
        let dir = tempfile::tempdir().unwrap();
        let _listener = Running::listening(&mut ginnel(words, dir.path()));
        let found = fs::metadata(dir.path().join("s")).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{words}");
    }
}

#[test]
fn an_inherited_listener_is_served_and_its_name_stays() {
    let dir = tempfile::tempdir().unwrap();
    let inherited = UnixListener::bind(dir.path().join("s")).unwrap();
    let mut listen = ginnel("listen fd:0 --exec cat", dir.path());
    let listener = Running::listening(listen.stdin(OwnedFd::from(inherited)).stdout(Stdio::null()));
    assert_eq!(run(ginnel("connect s", dir.path()), "hi").text(), "hi");
    listener.signal(Signal::TERM);
    listener.finish();
    assert!(dir.path().join("s").exists());
}

#[test]
fn an_inherited_connection_is_lent_to_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let client = Running::start(ginnel("connect fd:0 --exec cat", dir.path()).stdin(OwnedFd::from(theirs)));
    ours.write_all(b"hi").unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    ours.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "hi");
    assert!(client.finish().status.success());
}
