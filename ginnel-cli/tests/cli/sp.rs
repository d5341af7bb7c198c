use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::{Finished, Running, SOMEBODY, called_url, ginnel, is_free, run};

/// An end with these words, where {} stands for a URL in this directory.
pub(crate) fn end(words: &str, directory: &Path) -> Command {
    ginnel(&format!("sp {}", words.replace("{}", "ipc://s")), directory)
}

pub(crate) fn listening(words: &str, directory: &Path) -> Running {
    Running::listening(&mut end(words, directory))
}

#[test]
fn a_question_is_answered_over_every_transport() {
    for url in ["ipc://s", "tcp://127.0.0.1:0"] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = end(&format!("rep --listen {url} --data 42 --count 2"), dir.path());
        let mut rep = Running::start(&mut command);
        let at = rep.event("listening")["address"].as_str().unwrap().to_owned();
        for _ in 0..2 {
            let req = run(end(&format!("req --dial {at} --data what?"), dir.path()), "");
            assert_eq!(req.text(), "42\n", "{url}");
        }
        assert_eq!(rep.finish().text(), "what?\nwhat?\n", "{url}");
    }
}

#[test]
fn a_rep_without_an_answer_prints_and_is_silent() {
    let dir = tempfile::tempdir().unwrap();
    let rep = listening("rep --listen {} --count 1", dir.path());
    let mut req = Running::start(&mut end("req --dial {} --data what?", dir.path()));
    assert_eq!(rep.finish().text(), "what?\n");
    req.event("detached");
    req.child.kill().unwrap();
    assert_eq!(req.finish().stdout, b"");
}

#[test]
fn questions_are_counted_and_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let _rep = listening("rep --listen {} --data 42", dir.path());
    assert_eq!(run(end("req --dial {} --data ? --count 3", dir.path()), "").text(), "42\n42\n42\n");
    let mut req = Running::start(&mut end("req --dial {} --data ? --interval 0.05", dir.path()));
    assert_eq!([req.line(), req.line(), req.line()], ["42", "42", "42"]);
}

#[test]
fn a_question_that_is_not_answered_before_the_next_is_told_and_the_next_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let rep = listening("rep --listen {} --count 2", dir.path());
    let mut req = Running::start(&mut end("req --dial {} --data ? --interval 0.01", dir.path()));
    req.event("not-answered");
    assert_eq!(rep.finish().text(), "?\n?\n");
}

#[test]
fn what_comes_is_printed_in_every_format() {
    let table: [(&str, &[u8]); 5] = [
        ("", b"a\xff\n\n"),
        ("--format ascii", b"a..\n"),
        ("--format hex", b"\"\\x61\\xff\\x0a\"\n"),
        ("--format raw", b"a\xff\n"),
        ("--format json", b"{\"hex\":\"61ff0a\"}\n"),
    ];
    for (words, printed) in table {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), b"a\xff\n").unwrap();
        let pull = listening(&format!("pull --listen {{}} --count 1 {words}"), dir.path());
        run(end("push --dial {} --file f", dir.path()), "").text();
        assert_eq!(pull.finish().stdout, printed, "{words}");
    }
}

#[test]
fn what_is_typed_is_one_message_and_may_be_empty() {
    let dir = tempfile::tempdir().unwrap();
    let mut pull = listening("pull --listen {} --count 3 --format json", dir.path());
    for typed in ["two\nlines\n", ""] {
        run(end("push --dial {} --file -", dir.path()), typed).text();
    }
    let mut push = end("push --dial {} --data", dir.path());
    push.arg("");
    run(push, "").text();
    assert_eq!(pull.event("message")["body"], "two\nlines\n");
    let empty = "{\"body\":\"\"}\n";
    assert_eq!(pull.finish().text(), format!("{{\"body\":\"two\\nlines\\n\"}}\n{empty}{empty}"));
}

#[test]
fn work_that_was_counted_is_shared_out() {
    let dir = tempfile::tempdir().unwrap();
    let pulls =
        ["ipc://a", "ipc://b"].map(|url| listening(&format!("pull --listen {url} --count 2"), dir.path()));
    run(end("push --dial ipc://a --dial ipc://b --data work --count 4", dir.path()), "").text();
    assert_eq!(pulls.map(|pull| pull.finish().text()), ["work\nwork\n", "work\nwork\n"]);
}

#[test]
fn who_subscribes_hears_what_begins_so_and_who_does_not_hears_everything() {
    let dir = tempfile::tempdir().unwrap();
    let _pubs = ["ab", "bc"].map(|data| {
        listening(&format!("pub --listen ipc://{data} --data {data} --interval 0.001"), dir.path())
    });
    let sub = |words: &str| {
        run(end(&format!("sub --dial ipc://ab --dial ipc://bc {words}"), dir.path()), "").text()
    };
    assert_eq!(sub("--subscribe a --subscribe x --count 3"), "ab\nab\nab\n");
    let mut everything = Running::start(&mut end("sub --dial ipc://ab --dial ipc://bc", dir.path()));
    let mut heard = [everything.line(), everything.line()];
    while heard[0] == heard[1] {
        heard[1] = everything.line();
    }
    heard.sort();
    assert_eq!(heard, ["ab", "bc"]);
}

#[test]
fn pairs_of_either_version_exchange_one_message_each_way() {
    for version in ["pair", "pair0"] {
        let dir = tempfile::tempdir().unwrap();
        let one = listening(&format!("{version} --listen {{}} --data one --count 1"), dir.path());
        let other = run(end(&format!("{version} --dial {{}} --data other --count 1"), dir.path()), "");
        assert_eq!(other.text(), "one\n");
        assert_eq!(one.finish().text(), "other\n");
    }
}

#[test]
fn versions_of_pair_do_not_go_together() {
    let dir = tempfile::tempdir().unwrap();
    let _one = listening("pair --listen {}", dir.path());
    let (code, text) = run(end("pair0 --dial {}", dir.path()), "").failure();
    assert_eq!(code, 6);
    assert!(text.ends_with("protocol 0x11 is spoken there, pair0 (0x10) was awaited"), "{text}");
}

#[test]
fn neighbours_on_a_bus_hear_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let one = listening("bus --listen {} --count 2", dir.path());
    for data in ["a", "b"] {
        let other = run(end(&format!("bus --dial {{}} --data {data} --recv-timeout 0.01"), dir.path()), "");
        assert_eq!(other.text(), "");
    }
    assert_eq!(one.finish().text(), "a\nb\n");
}

#[test]
fn a_survey_is_answered_by_all() {
    let dir = tempfile::tempdir().unwrap();
    let respondents = ["ipc://a", "ipc://b"].map(|url| {
        listening(&format!("respondent --listen {url} --data {} --count 1", &url[6..]), dir.path())
    });
    let words = "surveyor --dial ipc://a --dial ipc://b --data who? --recv-timeout 30";
    let mut surveyor = Running::start(&mut end(words, dir.path()));
    let mut answers = [surveyor.line(), surveyor.line()];
    answers.sort();
    assert_eq!(answers, ["a", "b"]);
    assert_eq!(respondents.map(|one| one.finish().text()), ["who?\n", "who?\n"]);
}

#[test]
fn who_comes_and_goes_is_told_with_the_kernels_word_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut pull = listening("pull --listen {}", dir.path());
    let mut push = Running::start(&mut end("push --dial {} --data x --interval 30", dir.path()));
    let attached = pull.event("attached");
    assert_eq!((&attached["pipe"], &attached["peer"]["pid"]), (&1.into(), &push.pid().into()));
    assert_eq!(push.event("attached")["peer"]["pid"], pull.pid());
    push.child.kill().unwrap();
    assert_eq!(pull.event("detached")["message"], "the other side has ended the connection");
}

#[test]
fn the_wrong_end_is_told_on_both_sides() {
    let dir = tempfile::tempdir().unwrap();
    let mut sub = listening("sub --listen {}", dir.path());
    let (code, text) = run(end("req --dial {} --data x", dir.path()), "").failure();
    assert_eq!(code, 6);
    assert_eq!(
        text,
        format!(
            "cannot connect to {}: the other side broke a rule: protocol 0x21 is spoken there, rep (0x31) was awaited",
            called_url("s", dir.path())
        )
    );
    let told = sub.event("rejected")["message"].as_str().unwrap().to_owned();
    assert!(told.ends_with("protocol 0x30 is spoken there, pub (0x20) was awaited"), "{told}");
}

#[test]
fn nobody_there_is_a_failure_unless_somebody_may_come() {
    let dir = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap();
    drop(closed);
    for url in [&called_url("s", dir.path())[..], "inproc://never", &format!("tcp://{port}")] {
        let (code, text) = run(end(&format!("push --dial {url} --data x"), dir.path()), "").failure();
        assert_eq!(code, 3, "{text}");
        assert!(text.starts_with(&format!("cannot connect to {url}: ")), "{text}");
    }
    let mut push = Running::start(&mut end("push --dial {} --data x --async", dir.path()));
    push.event("dial-failed");
    let pull = listening("pull --listen {} --count 1", dir.path());
    push.event("sent");
    assert_eq!(push.finish().text(), "");
    assert_eq!(pull.finish().text(), "x\n");
}

#[test]
fn whoever_is_not_allowed_is_closed_unread() {
    let dir = tempfile::tempdir().unwrap();
    let mut pull = listening(&format!("pull --listen {{}} --allow {SOMEBODY}"), dir.path());
    let (code, text) = run(end("push --dial {} --data x", dir.path()), "").failure();
    assert!(
        code == 1 && text.starts_with(&format!("cannot connect to {}: ", called_url("s", dir.path()))),
        "{code}: {text}"
    );
    pull.child.kill().unwrap();
    let finished = pull.finish();
    assert!(finished.stdout.is_empty() && finished.events.iter().all(|event| event["event"] != "attached"));
}

#[test]
fn a_place_that_is_taken_is_left_alone_and_others_are_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let pull = listening("pull --listen {} --count 1", dir.path());
    let (code, _) = run(end("pull --listen ipc://other --listen {}", dir.path()), "").failure();
    assert_eq!(code, 4);
    assert!(is_free("other", dir.path()));
    run(end("push --dial {} --data x", dir.path()), "").text();
    assert_eq!(pull.finish().text(), "x\n");
}

#[test]
fn a_closed_standard_output_is_success_and_quiet() {
    let dir = tempfile::tempdir().unwrap();
    let _push = listening("push --listen {} --data x --interval 0.001", dir.path());
    let mut pull = Running::start(&mut end("pull --dial {}", dir.path()));
    assert_eq!(pull.line(), "x");
    drop(pull.child.stdout.take());
    let Finished { status, events, .. } = pull.finish();
    assert!(status.success() && events.iter().all(|event| event["event"] != "error"), "{events:?}");
}

#[test]
fn times_that_pass_end_what_they_are_for() {
    let table = [
        ("pull --listen {} --recv-timeout 0.01", 0),
        ("rep --listen {} --data x --recv-timeout 0.01", 0),
        ("pair --listen {} --recv-timeout 0.01", 0),
        ("surveyor --listen {} --data x --recv-timeout 0.01", 0),
        ("pub --listen {} --data x --delay 0.01", 0),
        ("req --listen {} --data x --recv-timeout 0.01", 124),
        ("push --listen {} --data x --send-timeout 0.01", 124),
        ("pair0 --listen {} --data x --send-timeout 0.01", 124),
        ("sub --listen {} --timeout 0.01", 124),
        ("pub --listen {} --data x --delay 60 --timeout 0.01", 124),
        ("push --listen {} --data x --timeout 0.01", 124),
    ];
    for (words, code) in table {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(run(end(words, dir.path()), "").status.code(), Some(code), "{words}");
        assert!(is_free("s", dir.path()), "{words}");
    }
}

#[test]
fn what_has_no_meaning_is_wrong_usage_and_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    for words in [
        "pull",
        "pull --listen /s",
        "push --listen {}",
        "sub --listen {} --data x",
        "pull --listen {} --count 0",
    ] {
        let (code, text) = run(end(words, dir.path()), "").failure();
        assert_eq!((code, text.lines().count()), (2, 1), "{words}: {text}");
    }
    let (code, text) = run(end("push --listen {} --file missing", dir.path()), "").failure();
    assert_eq!(code, 1);
    assert!(text.starts_with("cannot read missing: "), "{text}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nobody was disturbed");
}
