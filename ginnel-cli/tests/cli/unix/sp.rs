use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::program::{Running, run};
use crate::sp::{end, listening};

/// An end whose socket was inherited, and the other side of that.
fn inherited(words: &str, directory: &Path) -> (Running, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut command = end(words, directory);
    let running = Running::start(command.stdin(OwnedFd::from(theirs)));
    (running, ours)
}

fn greeting(protocol: u8) -> [u8; 8] {
    [0, b'S', b'P', 0, 0, protocol, 0, 0]
}

fn message(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u64).to_be_bytes(), body].concat()
}

#[test]
fn an_inherited_socket_is_spoken_over_and_its_end_is_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (pull, mut ours) = inherited("pull --fd 0", dir.path());
    ours.write_all(&[&greeting(0x50)[..], &message(b"one"), &message(b"two")].concat()).unwrap();
    let mut theirs = [0; 8];
    ours.read_exact(&mut theirs).unwrap();
    assert_eq!(theirs, greeting(0x51));
    drop(ours);
    assert_eq!(pull.finish().text(), "one\ntwo\n");
}

#[test]
fn a_question_over_an_inherited_socket_that_ends_has_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (req, mut ours) = inherited("req --fd 0 --data x", dir.path());
    ours.write_all(&greeting(0x31)).unwrap();
    // The greeting, a length, a number and the question.
    ours.read_exact(&mut [0; 8 + 8 + 4 + 1]).unwrap();
    drop(ours);
    let (code, text) = req.finish().failure();
    assert_eq!((code, &text[..]), (1, "no answer came: nobody is left, and nobody can come"));
}

#[test]
fn one_who_sends_from_time_to_time_ends_with_its_inherited_socket() {
    let dir = tempfile::tempdir().unwrap();
    let (pair, mut ours) = inherited("pair0 --fd 0 --data x --interval 3600", dir.path());
    ours.write_all(&[&greeting(0x10)[..], &message(b"y")].concat()).unwrap();
    ours.read_exact(&mut [0; 8 + 8 + 1]).unwrap();
    drop(ours);
    assert_eq!(pair.finish().text(), "y\n");
}

#[test]
fn what_is_no_stream_socket_is_no_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut pull = end("pull --fd 0", dir.path());
    let (code, text) = Running::start(pull.stdin(Stdio::null())).finish().failure();
    assert_eq!(code, 1);
    assert!(text.starts_with("cannot use fd:0: "), "{text}");
    assert_eq!(run(end("pull --fd 999", dir.path()), "").failure().0, 1);
}

#[test]
fn a_signal_removes_the_name() {
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        let dir = tempfile::tempdir().unwrap();
        let rep = listening("rep --listen {} --mode 0660", dir.path());
        let name = dir.path().join("s");
        assert_eq!(fs::metadata(&name).unwrap().permissions().mode() & 0o777, 0o660);
        rep.signal(signal);
        assert_eq!(rep.finish().status.signal(), Some(signal.as_raw()));
        assert!(!name.exists());
    }
}

#[test]
fn an_abstract_name_is_a_place_too() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("abstract://ginnel-cli-test-{}%00", std::process::id());
    let (code, text) = run(end(&format!("push --dial {url} --data x"), dir.path()), "").failure();
    assert!(code == 3 && text.starts_with(&format!("cannot connect to {url}: ")), "{code}: {text}");
    let mut command = end(&format!("rep --listen {url} --data 42 --count 1"), dir.path());
    let mut rep = Running::start(&mut command);
    let at = rep.event("listening")["address"].as_str().unwrap().to_owned();
    assert_eq!(run(end(&format!("req --dial {at} --data what?"), dir.path()), "").text(), "42\n");
    assert_eq!(rep.finish().text(), "what?\n");
}
