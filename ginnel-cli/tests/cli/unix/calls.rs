use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use crate::calls::answering;
use crate::program::{Running, ginnel, run};

#[test]
fn a_question_is_answered_in_every_codec() {
    for (codec, question, answer) in [
        ("", "{\"a\":[1,2.5]}", "{\"a\":[1,2.5]}\n"),
        ("--codec cbor", "[]", "[]\n"),
        ("--codec cbor", "-7", "-7\n"),
        ("--codec json", "{\"a\":1.10}", "{\"a\":1.10}\n"),
        ("--codec raw", "as-it-stands", "as-it-stands"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut server = answering(codec, "cat", dir.path());
        let told = format!("call s {codec} {question}");
        assert_eq!(run(ginnel(&told, dir.path()), "").text(), answer);
        server.event("answered");
        for dash in ["", "-"] {
            let typed = run(ginnel(&format!("call s {codec} {dash}"), dir.path()), question).text();
            assert_eq!(typed, answer, "from standard input");
        }
    }
}

#[test]
fn a_question_may_hold_open_files() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "12345").unwrap();
    let _server = answering("", "wc -c <&4; exec >&2; test $GINNEL_FDS = 2", dir.path());
    let finished = run(ginnel("call s --fd /dev/null --fd a {\"log\":1}", dir.path()), "");
    assert_eq!(finished.text(), "5\n");
}

#[test]
fn connections_do_not_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        assert!(Command::new("mkfifo").arg(dir.path().join(name)).status().unwrap().success());
    }
    // Each waits for the other one's word.
    let script = "read me; read you; echo from $me > $you & cat < $me";
    let _server = answering("--codec raw", script, dir.path());
    let ask = |question| {
        let mut client = Running::start(ginnel("call s --codec raw -", dir.path()).stdin(Stdio::piped()));
        client.type_in(question);
        client
    };
    let clients = [ask("a\nb\n"), ask("b\na\n")];
    assert_eq!(clients.map(|client| client.finish().text()), ["from b\n", "from a\n"]);
}

#[test]
fn a_failure_has_the_last_words_of_the_command_and_its_own_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    for (script, words) in [
        ("echo first >&2; echo no such job >&2; exit 3", "no such job"),
        ("exit 3", "the command ended: exit status: 3"),
        ("echo nonsense", "the command printed no answer: a message is JSON text here: "),
        ("true", "the command printed no answer: "),
    ] {
        let mut server = answering("", script, dir.path());
        let (code, message) = run(ginnel("call s 0", dir.path()), "").failure();
        assert_eq!(code, 7, "{message}");
        assert!(message.starts_with("the other side answered with a failure: "), "{message}");
        assert!(message.contains(words), "{message}");
        assert!(server.event("not-answered")["message"].as_str().unwrap().starts_with(words));
        drop(server);
    }
}

#[test]
fn a_question_of_another_codec_is_a_failure_and_others_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let _server = answering("", "cat", dir.path());
    let (code, message) = run(ginnel("call s --codec raw nonsense", dir.path()), "").failure();
    assert_eq!(code, 7);
    assert!(message.contains("what came is no CBOR: "), "{message}");
    assert_eq!(run(ginnel("call s 7", dir.path()), "").text(), "7\n");
}

#[test]
fn an_answer_of_another_codec_is_the_other_sides_fault() {
    let dir = tempfile::tempdir().unwrap();
    let _server = answering("--codec raw", "printf '\\377'", dir.path());
    let (code, message) = run(ginnel("call s 7", dir.path()), "").failure();
    assert_eq!(code, 6);
    assert!(message.starts_with("what came is no CBOR: "), "{message}");
}

#[test]
fn what_is_too_large_is_refused_with_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let _server = answering("--codec raw", "head -c 16777217 /dev/zero", dir.path());
    let (code, message) = run(ginnel("call s --codec raw 7", dir.path()), "").failure();
    assert_eq!(code, 7);
    assert!(message.ends_with("the answer has 16777217 bytes, 16777216 are taken"), "{message}");
    let (code, message) = run(ginnel("call s --codec raw", dir.path()), vec![0; (16 << 20) + 1]).failure();
    assert_eq!(code, 1);
    assert!(message.ends_with("more than 16777216 bytes given for one message"), "{message}");
}

#[test]
fn a_listener_that_does_not_answer_is_left_when_the_time_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    let _server = answering("", "exec sleep 2", dir.path());
    let _silent = UnixListener::bind(dir.path().join("silent")).unwrap();
    for name in ["s", "silent"] {
        let (code, _) = run(ginnel(&format!("call {name} 7 --timeout 0.05"), dir.path()), "").failure();
        assert_eq!(code, 124, "{name}");
    }
}

#[test]
fn whoever_serves_no_requests_says_so_and_whoever_does_drops_messages() {
    let dir = tempfile::tempdir().unwrap();
    let mut listen = ginnel("listen s --codec cbor --exec cat", dir.path());
    let server = Running::listening(listen.stdout(Stdio::null()));
    let (code, message) = run(ginnel("call s 7", dir.path()), "").failure();
    assert_eq!(code, 7);
    assert!(message.ends_with("requests are not served here"), "{message}");
    drop(server);
    let mut server = answering("", "cat", dir.path());
    assert_eq!(run(ginnel("connect s --codec cbor", dir.path()), "123456\n").text(), "");
    assert_eq!(server.event("message-dropped")["bytes"], 5);
}

#[test]
fn a_listener_that_is_killed_leaves_the_question_without_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = answering("", "kill -KILL $PPID; exec cat", dir.path());
    let (code, message) = run(ginnel("call s 7", dir.path()), "").failure();
    assert_eq!(code, 1);
    assert_eq!(message, "the other side has ended the connection");
    server.child.wait().unwrap();
}
