use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::Signal;

use crate::peers::peer;
use crate::program::{Running, directory, ginnel, run};

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
