use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::program::{Running, ginnel};

/// Writes to the clipboard of many terminals, then clears the screen with a C1 byte.
const ATTACK: &str = "printf 'before\\033]52;c;cm0gLXJmIH4K\\007\\233after'";
const HARMLESS: &str = "before\\x1b]52;c;cm0gLXJmIH4K\\x07\\x9bafter";

/// A terminal: what is shown, and what programs write to.
fn terminal() -> (File, File) {
    let shown = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(shown.as_fd()).unwrap();
    unlockpt(shown.as_fd()).unwrap();
    let name = ptsname(shown.as_fd(), Vec::new()).unwrap();
    let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    (File::from(shown), OpenOptions::new().read(true).write(true).open(path).unwrap())
}

/// Everything that was written until nobody holds the terminal any more, which reads as EIO.
fn read_all(mut shown: File) -> Vec<u8> {
    let (mut all, mut bytes) = (Vec::new(), [0; 1024]);
    loop {
        match shown.read(&mut bytes) {
            Ok(0) => return all,
            Ok(n) => all.extend_from_slice(&bytes[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return all,
        }
    }
}

fn shown_by(mut command: Command) -> Vec<u8> {
    let (shown, written) = terminal();
    let running = Running::start(command.stdout(written));
    // The command's duplicate of the terminal goes with it.
    drop(command);
    let all = read_all(shown);
    assert!(running.finish().status.success());
    all
}

#[test]
fn control_bytes_of_a_peer_do_not_reach_a_terminal() {
    for kind in ["", "--seqpacket"] {
        let dir = tempfile::tempdir().unwrap();
        let mut listen = ginnel(&format!("listen s {kind} --exec"), dir.path());
        let _server = Running::listening(listen.arg(ATTACK).stdout(std::process::Stdio::null()));
        let shown = shown_by(ginnel(&format!("connect s {kind}"), dir.path()));
        assert_eq!(String::from_utf8_lossy(&shown).trim_end(), HARMLESS, "{kind}");
    }
}

#[test]
fn nor_do_those_in_messages() {
    let json_attack = r#"printf '{"a": "\\u001b[2J\302\233"}'"#;
    let json_harmless = r#"{"a":"\u001b[2J\u009b"}"#;
    for (words, script, harmless) in [
        ("--wire prefixed", ATTACK, HARMLESS),
        ("--codec raw", ATTACK, HARMLESS),
        ("--codec json", json_attack, json_harmless),
        ("--codec cbor", json_attack, json_harmless),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut listen = ginnel(&format!("listen s {words} --exec"), dir.path());
        let _server = Running::listening(listen.arg(script).stdout(std::process::Stdio::null()));
        let shown = shown_by(ginnel(&format!("connect s {words}"), dir.path()));
        assert_eq!(String::from_utf8_lossy(&shown).trim_end(), harmless, "{words}");
    }
}

#[test]
fn nor_do_those_of_peers_and_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = ginnel("peer s --name", dir.path());
    let mut anna = Running::start(command.arg("an\u{1b}na").stdin(Stdio::piped()));
    anna.event("role");
    let (shown, written) = terminal();
    let mut command = ginnel("peer s", dir.path());
    let mut bert = Running::start(command.stdin(Stdio::piped()).stdout(written));
    drop(command);
    anna.event("joined");
    anna.child.stdin.as_mut().unwrap().write_all(b"\x1b[2J\x9b\n").unwrap();
    bert.event("said");
    drop(bert.child.stdin.take());
    assert_eq!(String::from_utf8_lossy(&read_all(shown)).trim_end(), "an\\x1bna: \\x1b[2J\\x9b");
    assert!(bert.finish().status.success());
}

#[test]
fn nor_do_those_in_messages_of_sp() {
    for (words, harmless) in [
        ("", "an\\x1b[2Jna\\x9b"),
        ("--format raw", "an\\x1b[2Jna\\x9b"),
        ("--format ascii", "an.[2Jna."),
        ("--format json", "{\"hex\":\"616e1b5b324a6e619b\"}"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), b"an\x1b[2Jna\x9b").unwrap();
        let push =
            ginnel("sp push --listen ipc://s --file f", dir.path()).stdout(Stdio::null()).spawn().unwrap();
        let shown =
            shown_by(ginnel(&format!("sp pull --dial ipc://s --async --count 1 {words}"), dir.path()));
        assert_eq!(String::from_utf8_lossy(&shown).trim_end(), harmless, "{words}");
        assert!(push.wait_with_output().unwrap().status.success());
    }
}

#[test]
fn elsewhere_bytes_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel("listen s --exec", dir.path());
    let _server = Running::listening(listen.arg(ATTACK).stdout(std::process::Stdio::null()));
    let client = Running::start(&mut ginnel("connect s", dir.path())).finish();
    assert_eq!(client.stdout, b"before\x1b]52;c;cm0gLXJmIH4K\x07\x9bafter");
}

#[test]
fn the_demo_is_coloured_on_a_terminal_unless_told_not_to() {
    for (no_color, coloured) in [("", true), ("1", false)] {
        let dir = tempfile::tempdir().unwrap();
        let mut demo = Command::new(env!("CARGO_BIN_EXE_ginnel"));
        demo.arg("demo").env("TMPDIR", dir.path()).env("NO_COLOR", no_color);
        let shown = shown_by({
            demo.stderr(std::process::Stdio::piped());
            demo
        });
        assert_eq!(shown.contains(&0x1b), coloured, "NO_COLOR={no_color:?}");
    }
}
