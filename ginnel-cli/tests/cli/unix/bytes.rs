use std::io::Write;
use std::process::Stdio;

use crate::program::{Running, ginnel, run};

#[test]
fn a_command_answers_every_connection_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Running::listening(ginnel("listen s --exec cat", dir.path()).stdout(Stdio::null()));
    let mut first = Running::start(ginnel("connect s", dir.path()).stdin(Stdio::piped()));
    first.child.stdin.as_mut().unwrap().write_all(b"early\n").unwrap();
    assert_eq!(first.line(), "early");
    assert_eq!(run(ginnel("connect s", dir.path()), "between\n").text(), "between\n");
    first.type_in("late\n");
    assert_eq!(first.finish().text(), "late\n");
    for _ in 0..2 {
        assert_eq!(server.event("ended")["status"], "exit status: 0");
    }
}

#[test]
fn an_abstract_name_works_for_whoever_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let name = format!("@ginnel-test-{}", std::process::id());
    let mut listen = ginnel(&format!("listen {name} --allow same-user --exec cat"), dir.path());
    let _server = Running::listening(listen.stdout(Stdio::null()));
    assert_eq!(run(ginnel(&format!("connect {name}"), dir.path()), "hi").text(), "hi");
}

#[test]
fn a_command_is_told_which_user_connected() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = ginnel("listen s --exec", dir.path());
    let _server = Running::listening(
        command.args(["echo $GINNEL_PEER_PID $GINNEL_PEER_UID $GINNEL_PEER_GID"]).stdout(Stdio::null()),
    );
    let client = Running::start(&mut ginnel("connect s", dir.path()));
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    let expected = format!("{} {uid} {gid}\n", client.pid());
    assert_eq!(client.finish().text(), expected);
}

#[test]
fn who_names_the_listener_and_its_user() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::listening(&mut ginnel("listen s --seqpacket --exec cat", dir.path()));
    let text = run(ginnel("who s --seqpacket", dir.path()), "").text();
    let identity: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(identity["pid"], server.pid());
    assert_eq!(identity["name"], "ginnel");
    assert_eq!(identity["uid"], rustix::process::getuid().as_raw());
    assert!(identity["groups"].is_array());
}
