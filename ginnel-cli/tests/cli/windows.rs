//! What is so on Windows alone.

use std::process::Stdio;

use crate::program::{Running, ginnel, run};

#[test]
fn a_command_reads_and_writes_a_line_for_each_packet() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Running::listening(&mut ginnel("listen s --seqpacket", dir.path()));
    let mut connect = ginnel("connect s --seqpacket --exec", dir.path());
    connect.arg("echo one& echo two& exit 7");
    assert_eq!(run(connect, "").status.code(), Some(7));
    assert_eq!(listener.finish().text(), "one\ntwo\n");
}

#[test]
fn a_command_is_told_which_user_connected() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel("listen s --exec", dir.path());
    let _server = Running::listening(listen.arg("echo %GINNEL_PEER_SID%").stdout(Stdio::null()));
    let text = run(ginnel("who s", dir.path()), "").text();
    let identity: serde_json::Value = serde_json::from_str(&text).unwrap();
    let sid = identity["sid"].as_str().unwrap();
    assert!(sid.starts_with("S-1-5-"), "{sid}");
    assert_eq!(run(ginnel("connect s", dir.path()), "").text().trim_end(), sid);
}

#[test]
fn what_was_typed_with_carriage_returns_is_sent_without() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Running::listening(&mut ginnel("listen s --seqpacket", dir.path()));
    assert_eq!(run(ginnel("connect s --seqpacket", dir.path()), "one\r\ntwo\r\n").text(), "");
    assert_eq!(listener.finish().stdout, b"one\ntwo\n");
}

#[test]
fn what_windows_has_nothing_for_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    for (words, flag) in [
        ("listen s --datagram", "--datagram"),
        ("send s --fd f", "--fd"),
        ("call s --fd f", "--fd"),
        ("recv s --mode 0600", "--mode"),
        ("peer s --no-standby", "--no-standby"),
        ("sp pull --fd 0", "--fd"),
    ] {
        let (code, message) = run(ginnel(words, dir.path()), "").failure();
        assert_eq!((code, message), (2, format!("Windows has nothing for {flag}")), "{words}");
    }
}

#[test]
fn an_address_of_another_system_is_refused_with_the_fact() {
    let dir = tempfile::tempdir().unwrap();
    for address in ["C:/s", "@abstract", "fd:0"] {
        for command in ["connect", "listen"] {
            let allow = if command == "listen" { "--allow anyone" } else { "" };
            let (code, message) =
                run(ginnel(&format!("{command} {address} {allow}"), dir.path()), "").failure();
            assert_eq!(code, 1, "{message}");
            assert!(message.contains(address), "{message}");
        }
    }
}
