use crate::program::{ginnel, run};

#[test]
fn too_many_files_are_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let mut send = ginnel("send s", dir.path());
    send.args(["--fd", "/dev/null"].repeat(254));
    assert_eq!(run(send, "").failure(), (2, "254 files given, 253 fit one message".into()));
}

#[test]
fn an_abstract_name_needs_a_policy() {
    let dir = tempfile::tempdir().unwrap();
    for words in ["listen @ginnel-never", "recv @ginnel-never --seqpacket"] {
        let (code, message) = run(ginnel(words, dir.path()), "").failure();
        assert_eq!(code, 2);
        assert!(message.contains("--allow"), "{message}");
    }
}
