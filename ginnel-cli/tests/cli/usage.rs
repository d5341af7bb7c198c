use std::process::Command;

use crate::program::{Finished, Running, ginnel, run};

fn plain(words: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_ginnel")).args(words).output().unwrap()
}

#[test]
fn a_bad_address_is_wrong_usage() {
    let long = "x".repeat(256);
    let table = [
        ("", "\"\" is no address: the address is empty"),
        ("/", "\"/\" is no address: the path ends in no name"),
        ("fd:x", "\"fd:x\" is no address: after fd: stands no number from 0 to 65535"),
        ("@", "\"@\" is no address: the address is empty"),
        (&long, "256 bytes given, 255 fit"),
    ];
    for command in ["listen", "connect", "send", "recv", "who"] {
        for (address, message) in table {
            let output = plain(&[command, address]);
            assert_eq!(output.status.code(), Some(2), "{command} {address:?}");
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(text.starts_with("ginnel: ") && text.contains(message), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }
}

#[test]
fn the_wrong_kind_of_socket_is_a_failure_with_words() {
    let dir = tempfile::tempdir().unwrap();
    let _server = Running::listening(&mut ginnel("listen s --seqpacket", dir.path()));
    let Finished { status, .. } = run(ginnel("connect s", dir.path()), "");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn help_documents_the_exit_codes() {
    let output = plain(&["--help"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Exit codes:") && text.contains("\n  124  "), "{text}");
    assert!(!text.contains("demo-part"), "{text}");
    assert_eq!(plain(&["nonsense"]).status.code(), Some(2));
}
