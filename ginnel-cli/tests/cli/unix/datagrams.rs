use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::program::{Running, ginnel, run};

#[test]
fn every_packet_is_printed_as_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut listener = Running::listening(&mut ginnel("listen s --datagram", dir.path()));
    run(ginnel("send s --datagram first", dir.path()), "").text();
    run(ginnel("connect s --datagram", dir.path()), "second\n\nfourth\n").text();
    for line in ["first", "second", "", "fourth"] {
        assert_eq!(listener.line(), line);
    }
    listener.signal(Signal::TERM);
    listener.finish();
    assert!(!dir.path().join("s").exists());
}

#[test]
fn a_command_runs_once_for_every_packet() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel("listen s --datagram --exec", dir.path());
    let mut listener = Running::listening(listen.arg("wc -c"));
    for packet in ["", "12345", "1"] {
        run(ginnel("send s --datagram", dir.path()), packet).text();
    }
    for size in ["0", "5", "1"] {
        assert_eq!(listener.line().trim(), size);
    }
}

#[test]
fn one_datagram_is_one_message() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Running::listening(&mut ginnel("recv s --datagram", dir.path()));
    run(ginnel("send s --datagram hello", dir.path()), "").text();
    assert_eq!(receiver.finish().text(), "hello");
    assert!(!dir.path().join("s").exists());
}

#[test]
fn a_second_receiver_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Running::listening(ginnel("listen s --datagram", dir.path()).stdout(Stdio::null()));
    assert_eq!(run(ginnel("listen s --datagram", dir.path()), "").failure().0, 4);
}

#[test]
fn a_packet_that_cannot_be_taken_does_not_end_the_listening() {
    let dir = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    let script = r#"ulimit -n 20; exec "$0" listen s --datagram --json"#;
    shell.args(["-c", script, env!("CARGO_BIN_EXE_ginnel")]).current_dir(dir.path());
    let mut listener = Running::listening(shell.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut send = ginnel("send s many --datagram", dir.path());
    send.args(["--fd", "/dev/null"].repeat(30));
    run(send, "").text();
    listener.event("not-received");
    run(ginnel("send s next --datagram", dir.path()), "").text();
    assert_eq!(listener.line(), "next");
}
