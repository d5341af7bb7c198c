use std::io::Write;
use std::process::Stdio;

use ginnel::Stream;

use crate::program::{Running, address, called, ginnel, is_free, run};

/// As `| head -1` does: reads a line, then closes.
pub(crate) fn read_one_line(running: &mut Running) -> String {
    let line = running.line();
    drop(running.child.stdout.take());
    line
}

#[test]
fn a_closed_standard_output_is_success_and_quiet() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Stream::listen(address("s", dir.path())).unwrap();
    let yes = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap();
        while stream.write_all(b"y\n").is_ok() {}
    });
    let mut client = Running::start(&mut ginnel("connect s", dir.path()));
    assert_eq!(read_one_line(&mut client), "y");
    let finished = client.finish();
    assert_eq!(finished.status.code(), Some(0));
    assert!(finished.events.iter().all(|event| event["event"] == "connected"), "{finished:?}");
    yes.join().unwrap();
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
    for words in ["listen s", "listen s --exec cat", "recv s --seqpacket"] {
        let command = format!("{words} --timeout 0.01");
        assert_eq!(run(ginnel(&command, dir.path()), "").failure().0, 124, "{words}");
        assert!(is_free("s", dir.path()), "{words}");
    }
}

#[test]
fn a_silent_peer_and_a_busy_one_are_left_when_the_time_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    for (name, is_busy) in [("silent", false), ("busy", true)] {
        let listener = Stream::listen(address(name, dir.path())).unwrap();
        std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap();
            while is_busy && stream.write_all(&[b'y'; 4096]).is_ok() {}
            std::thread::park();
        });
        let mut connect = ginnel(&format!("connect {name} --timeout 0.05"), dir.path());
        // What it types stays open and empty.
        let client = Running::start(connect.stdin(Stdio::piped()).stdout(Stdio::null()));
        assert_eq!(client.finish().failure().0, 124, "{name}");
    }
}

#[test]
fn nobody_there_has_its_own_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    for words in ["connect s", "connect s --seqpacket", "send s hi", "who s"] {
        let (code, message) = run(ginnel(words, dir.path()), "").failure();
        assert_eq!(code, 3, "{words}");
        assert!(
            message.starts_with(&format!("cannot connect to {}: ", called("s", dir.path()))),
            "{message}"
        );
    }
}
