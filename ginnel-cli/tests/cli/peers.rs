use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::program::{Running, directory, ginnel, is_free, is_second, run};

/// One who takes part at `s`, and has been told so.
pub(crate) fn peer(name: &str, words: &str, dir: &Path) -> Running {
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
    assert!(is_second(until_it_listens(&mut bert)));
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
fn whoever_leaves_is_followed_by_the_next() {
    let dir = directory();
    let mut anna = peer("anna", "", dir.path());
    let mut bert = peer("bert", "", dir.path());
    anna.event("joined");
    drop(anna.child.stdin.take());
    assert!(anna.finish().status.success());
    until_it_listens(&mut bert);
    assert!(!is_free("s", dir.path()));
}

#[test]
fn a_time_that_has_passed_ends_the_chat() {
    let dir = directory();
    let mut chat = ginnel("peer s --timeout 0.05", dir.path());
    let chat = Running::start(chat.stdin(Stdio::piped()));
    assert_eq!(chat.finish().failure().0, 124);
    assert!(is_free("s", dir.path()));
}

#[test]
fn an_introduction_that_is_too_long_is_wrong_usage() {
    let dir = directory();
    let long = "x".repeat(256);
    let (code, message) = run(ginnel(&format!("peer s --name {long}"), dir.path()), "").failure();
    assert_eq!(code, 2);
    assert_eq!(message, "a peer cannot introduce itself so: a peer's name of 256 bytes was given, 255 fit");
}
