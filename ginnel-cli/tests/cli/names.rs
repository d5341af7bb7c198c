use std::process::Stdio;

use crate::program::{Running, called, ginnel, run};

#[test]
fn a_live_listener_is_not_displaced() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel("listen s --exec", dir.path());
    let _listener = Running::listening(listen.arg("echo hi").stdout(Stdio::null()));
    let (code, message) = run(ginnel("listen s", dir.path()), "").failure();
    let expected = format!("cannot listen at {}: somebody listens there already", called("s", dir.path()));
    assert_eq!((code, message), (4, expected));
    assert_eq!(run(ginnel("connect s", dir.path()), "").text(), "hi\n");
}

#[test]
fn a_name_whose_listener_was_killed_is_taken_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel("listen s --exec", dir.path());
    let mut dead = Running::listening(listen.arg("echo dead").stdout(Stdio::null()));
    dead.child.kill().unwrap();
    dead.child.wait().unwrap();
    assert_eq!(run(ginnel("connect s", dir.path()), "").failure().0, 3);
    let mut listen = ginnel("listen s --exec", dir.path());
    let _next = Running::listening(listen.arg("echo next").stdout(Stdio::null()));
    assert_eq!(run(ginnel("connect s", dir.path()), "").text(), "next\n");
}
