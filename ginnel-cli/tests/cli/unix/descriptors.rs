use std::fs;
use std::process::Command;

use crate::program::{Running, ginnel, run};

fn with(mut command: Command, script: &str) -> Command {
    command.args(["--exec", script]);
    command
}

#[test]
fn a_command_reads_the_files_that_were_sent() {
    for kind in ["", "--seqpacket", "--datagram"] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "content of a\n").unwrap();
        fs::write(dir.path().join("b"), "content of b\n").unwrap();
        let recv = with(
            ginnel(&format!("recv s {kind}"), dir.path()),
            "cat - /dev/fd/4 <&0; cat <&3; echo $GINNEL_FDS",
        );
        let receiver = Running::listening(&mut { recv });
        run(ginnel(&format!("send s --fd a --fd b text {kind}"), dir.path()), "").text();
        assert_eq!(receiver.finish().text(), "textcontent of b\ncontent of a\n2\n", "{kind}");
    }
}

#[test]
fn a_removed_file_is_still_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a");
    fs::write(&file, "still here").unwrap();
    let receiver = Running::listening(&mut with(ginnel("recv s", dir.path()), "cat <&3; rm a; cat <&3"));
    run(ginnel("send s --fd a", dir.path()), "").text();
    assert_eq!(receiver.finish().text(), "still here");
    assert!(!file.exists());
}

#[test]
fn the_exit_code_is_the_commands() {
    for (script, code) in [("exit 9", 9), ("kill -TERM $$", 143), ("true", 0)] {
        let dir = tempfile::tempdir().unwrap();
        let receiver = Running::listening(&mut with(ginnel("recv s", dir.path()), script));
        run(ginnel("send s hi", dir.path()), "").text();
        assert_eq!(receiver.finish().status.code(), Some(code), "{script}");
    }
}

#[test]
fn a_command_need_not_read_its_input() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Running::listening(&mut with(ginnel("recv s", dir.path()), "exit 0"));
    run(ginnel("send s", dir.path()), vec![0; 4 << 20]).text();
    assert_eq!(receiver.finish().text(), "");
}

#[test]
fn without_a_command_every_descriptor_is_described() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "12345").unwrap();
    let receiver = Running::listening(&mut ginnel("recv s", dir.path()));
    run(ginnel("send s --fd a --fd /dev/null", dir.path()), "").text();
    let finished = receiver.finish();
    let described: Vec<_> = finished.events.iter().filter(|e| e["event"] == "descriptor").collect();
    assert_eq!(described.len(), 2);
    assert!(described[0]["target"].as_str().unwrap().ends_with("/a"));
    assert_eq!((&described[0]["index"], &described[0]["size"]), (&0.into(), &5.into()));
    assert_eq!(described[1]["target"], "/dev/null");
    assert!(described[1]["size"].is_null());
    assert_eq!(finished.text(), "\n", "a byte must carry them");
}

#[test]
fn as_many_as_fit_one_message_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Running::listening(&mut with(ginnel("recv s", dir.path()), "echo $GINNEL_FDS"));
    let mut send = ginnel("send s", dir.path());
    send.args(["--fd", "/dev/null"].repeat(253));
    run(send, "").text();
    assert_eq!(receiver.finish().text(), "253\n");
}

#[test]
fn a_listener_that_takes_none_says_so_and_keeps_the_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut listener = Running::listening(&mut ginnel("listen s", dir.path()));
    run(ginnel("send s --fd /dev/null bytes", dir.path()), "").text();
    assert_eq!(listener.event("descriptors-closed")["count"], 1);
    assert_eq!(listener.finish().text(), "bytes");
}

#[test]
fn a_missing_file_is_told_before_anybody_is_disturbed() {
    let dir = tempfile::tempdir().unwrap();
    let (code, message) = run(ginnel("send s --fd missing", dir.path()), "").failure();
    assert_eq!(code, 1);
    assert!(message.starts_with("cannot open missing: "), "{message}");
}
