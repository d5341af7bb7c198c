use std::fs;
use std::process::{Command, Stdio};

#[test]
fn the_demo_holds_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_ginnel"));
    let output =
        demo.args(["demo", "--json"]).env("TMPDIR", dir.path()).stdin(Stdio::null()).output().unwrap();
    let (text, events) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{text}{events}");
    assert!(text.contains("\n11 of 11 held, "), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours beside a terminal: {text}");
    assert_eq!(events.lines().filter(|line| line.contains("\"held\":true")).count(), 11, "{events}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_demo_without_a_place_says_so() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_ginnel"));
    let output = demo.arg("demo").env("TMPDIR", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot make /nonexistent/ginnel-demo-"));
}
