use std::path::Path;
use std::process::Stdio;

use ginnel::Stream;

use crate::program::{AND, ENDED, Running, address, ginnel, run, var};

/// Somebody who answers every request with a command.
pub(crate) fn answering(words: &str, script: &str, directory: &Path) -> Running {
    let mut listen = ginnel(&format!("listen s {words} --answer"), directory);
    Running::listening(listen.arg(script).stdout(Stdio::null()))
}

#[test]
fn a_command_knows_who_asks() {
    let dir = tempfile::tempdir().unwrap();
    let _server = answering("", &format!("echo {}", var("GINNEL_PEER_PID")), dir.path());
    let client = Running::start(&mut ginnel("call s 0", dir.path()));
    let pid = client.pid();
    assert_eq!(client.finish().text(), format!("{pid}\n"));
}

#[test]
fn what_is_no_question_is_told_before_anybody_is_disturbed() {
    let dir = tempfile::tempdir().unwrap();
    let (code, message) = run(ginnel("call nowhere {", dir.path()), "").failure();
    assert_eq!(code, 1);
    assert!(message.starts_with("a message is JSON text here: "), "{message}");
    assert_eq!(run(ginnel("call nowhere 7", dir.path()), "").failure().0, 3);
}

#[test]
fn an_answer_is_printed_as_the_codec_says() {
    for (codec, answer) in [("", "7\n"), ("--codec json", "7\n"), ("--codec raw", "7\n")] {
        let dir = tempfile::tempdir().unwrap();
        let mut server = answering(codec, "echo 7", dir.path());
        assert_eq!(run(ginnel(&format!("call s {codec} 1"), dir.path()), "").text(), answer);
        server.event("answered");
    }
}

#[test]
fn a_failure_has_the_last_words_of_the_command() {
    let dir = tempfile::tempdir().unwrap();
    for (script, words) in [
        (format!("echo first>&2{AND} echo no such job>&2{AND} exit 3"), "no such job".to_owned()),
        ("exit 3".into(), format!("the command ended: {ENDED}3")),
        ("echo nonsense".into(), "the command printed no answer: a message is JSON text here: ".into()),
    ] {
        let mut server = answering("", &script, dir.path());
        let (code, message) = run(ginnel("call s 0", dir.path()), "").failure();
        assert_eq!(code, 7, "{message}");
        assert!(message.starts_with("the other side answered with a failure: "), "{message}");
        assert!(message.contains(&words), "{message}");
        assert!(server.event("not-answered")["message"].as_str().unwrap().starts_with(&words));
        drop(server);
    }
}

#[test]
fn whoever_does_not_greet_is_left_when_the_time_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    let _silent = Stream::listen(address("s", dir.path())).unwrap();
    let (code, _) = run(ginnel("call s 7 --timeout 0.05", dir.path()), "").failure();
    assert_eq!(code, 124);
}

#[test]
fn whoever_serves_requests_drops_messages() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = answering("", "echo 7", dir.path());
    assert_eq!(run(ginnel("connect s --codec cbor", dir.path()), "123456\n").text(), "");
    assert_eq!(server.event("message-dropped")["bytes"], 5);
}
