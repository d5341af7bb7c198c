use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::program::{Running, ginnel, run};

/// A directory in which only we can replace files.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    dir
}

/// One who takes part at `s`, and has been told so.
fn peer(name: &str, words: &str, dir: &Path) -> Running {
    let mut running =
        Running::start(ginnel(&format!("peer s --name {name} {words}"), dir).stdin(Stdio::piped()));
    running.event("role");
    running
}

fn say(running: &mut Running, line: &str) {
    writeln!(running.child.stdin.as_mut().unwrap(), "{line}").unwrap();
}

/// Reads on until it listens.
fn until_it_listens(running: &mut Running) -> u64 {
    loop {
        let role = running.event("role");
        if role["role"] == "listener" {
            return role["epoch"].as_u64().unwrap();
        }
    }
}

#[test]
fn a_chat_survives_a_listener_that_is_killed() {
    let dir = directory();
    let mut anna = peer("anna", "", dir.path());
    let mut bert = peer("bert", "--data 7", dir.path());
    let joined = anna.event("joined");
    assert_eq!(
        (&joined["name"], &joined["data"], &joined["listens"]),
        (&"bert".into(), &"7".into(), &false.into())
    );
    assert_eq!(joined["pid"], bert.pid());
    let listens = bert.event("joined");
    assert_eq!((&listens["name"], &listens["listens"]), (&"anna".into(), &true.into()));
    say(&mut anna, "hello");
    assert_eq!(bert.line(), "anna: hello");
    say(&mut bert, "hi");
    assert_eq!(anna.line(), "bert: hi");

    anna.child.kill().unwrap();
    assert_eq!(bert.event("left")["name"], "anna");
    assert_eq!(until_it_listens(&mut bert), 2);
    let mut carl = peer("carl", "", dir.path());
    bert.event("joined");
    say(&mut carl, "who is here?");
    assert_eq!(bert.line(), "carl: who is here?");
    say(&mut bert, "I am");
    assert_eq!(carl.line(), "bert: I am");
}

#[test]
fn the_listener_passes_on_what_it_hears_to_all_others() {
    let dir = directory();
    let mut anna = peer("anna", "", dir.path());
    let (mut bert, mut carl) = (peer("bert", "", dir.path()), peer("carl", "", dir.path()));
    anna.event("joined");
    anna.event("joined");
    say(&mut carl, "hello");
    assert_eq!(anna.line(), "carl: hello");
    assert_eq!(bert.line(), "carl: hello");
    let said = bert.event("said");
    assert_eq!(
        (&said["from"], &said["by"], &said["body"]),
        (&"carl".into(), &"anna".into(), &"hello".into())
    );
    say(&mut bert, "hello too");
    assert_eq!(carl.line(), "bert: hello too");
}

#[test]
fn a_line_that_reaches_nobody_is_told() {
    let dir = directory();
    let mut alone = peer("alone", "", dir.path());
    say(&mut alone, "hello?");
    let lost = alone.event("not-delivered");
    assert_eq!((&lost["to"], &lost["body"]), (&"everybody".into(), &"hello?".into()));
}

#[test]
fn the_end_of_input_and_a_signal_take_leave_and_remove_the_name() {
    for signal in [None, Some(Signal::INT), Some(Signal::TERM)] {
        let dir = directory();
        let mut anna = peer("anna", "--no-standby --mode 0660", dir.path());
        assert_eq!(fs::metadata(dir.path().join("s")).unwrap().permissions().mode() & 0o777, 0o660);
        match signal {
            None => drop(anna.child.stdin.take()),
            Some(signal) => anna.signal(signal),
        }
        let status = anna.finish().status;
        assert_eq!(status.signal(), signal.map(Signal::as_raw), "{status}");
        assert!(signal.is_some() || status.success());
        let left: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["s.lock"]);
    }
}

#[test]
fn whoever_leaves_is_followed_by_the_next() {
    let dir = directory();
    let mut anna = peer("anna", "", dir.path());
    let mut bert = peer("bert", "", dir.path());
    anna.event("joined");
    drop(anna.child.stdin.take());
    assert!(anna.finish().status.success());
    until_it_listens(&mut bert);
    assert!(dir.path().join("s").exists());
}

#[test]
fn a_path_that_does_not_suit_peers_is_refused_and_left_alone() {
    let dir = directory();
    fs::write(dir.path().join("f"), "content").unwrap();
    let (code, message) = run(ginnel("peer f --name anna", dir.path()), "").failure();
    assert_eq!(
        (code, &message[..]),
        (1, "cannot take part at f: what stands at the path is no socket; it was left alone")
    );
    assert_eq!(fs::read_to_string(dir.path().join("f")).unwrap(), "content");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (code, message) = run(ginnel("peer s --name anna", dir.path()), "").failure();
    assert_eq!(code, 5);
    assert!(
        message.starts_with("cannot take part at s: others can replace files in the directory"),
        "{message}"
    );
}

#[test]
fn who_listens_there_and_is_no_peer_is_not_displaced() {
    let dir = directory();
    let mut listen = ginnel("listen s --exec", dir.path());
    let _server = Running::listening(listen.arg("printf 'HTTP/1.1 400 Bad Request'").stdout(Stdio::null()));
    let (code, message) = run(ginnel("peer s --name anna", dir.path()), "").failure();
    assert_eq!(code, 6, "{message}");
    assert!(message.starts_with("cannot take part at s: the other side broke a rule: "), "{message}");
    assert!(run(ginnel("who s", dir.path()), "").status.success());
}

#[test]
fn a_time_that_has_passed_ends_the_chat() {
    let dir = directory();
    let mut chat = ginnel("peer s --timeout 0.05", dir.path());
    let chat = Running::start(chat.stdin(Stdio::piped()));
    assert_eq!(chat.finish().failure().0, 124);
    assert!(!dir.path().join("s").exists());
}

#[test]
fn an_introduction_that_is_too_long_is_wrong_usage() {
    let dir = directory();
    let long = "x".repeat(256);
    let (code, message) = run(ginnel(&format!("peer s --name {long}"), dir.path()), "").failure();
    assert_eq!(code, 2);
    assert_eq!(message, "a peer cannot introduce itself so: a peer's name of 256 bytes was given, 255 fit");
}
