use std::fs;
use std::process::{Command, Stdio};

use crate::program::STEPS;

#[test]
fn the_demo_holds_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_ginnel"));
    let output = demo
        .args(["demo", "--json"])
        .env("TMPDIR", dir.path())
        .env("TMP", dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (text, events) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{text}{events}");
    assert!(text.contains(&format!("\n{STEPS} of {STEPS} held, ")), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours beside a terminal: {text}");
    assert_eq!(events.lines().filter(|line| line.contains("\"held\":true")).count(), STEPS, "{events}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
