//! Record locks that are given back and waited for, and what is written beside them.

use std::sync::Arc;

use ginnel_os::SocketKind::Stream;
use ginnel_os::sys::{Descriptors, Names, Sys};

use super::calls::{Calls, errno, outcome};
use super::second::Deed;
use super::{Bench, Fd, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    let mut rules = giving();
    rules.extend(writing());
    rules
}

fn giving<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "unlock-one",
            "giving one byte back leaves the other",
            &["ok", "nobody's", "mine", "ok"],
            unlock_one,
        ),
        rule("unlock-none", "what is not held is given back in vain", &["ok", "ok", "theirs"], unlock_none),
        rule("unlock-by-copy", "any descriptor of the file will do", &["ok", "nobody's"], unlock_by_copy),
        rule(
            "lock-lost-by-copy",
            "closing a duplicate drops the locks as closing the original does",
            &["mine", "nobody's"],
            lock_lost_by_copy,
        ),
        rule(
            "awaited-unlock",
            "whoever waits for a lock has it once it was given back",
            &["ok", "mine", "theirs"],
            awaited_unlock,
        ),
        rule("awaited-close", "or lost by closing", &["ok", "mine", "theirs"], awaited_close),
        rule("awaited-death", "or its holder has died", &["ok", "theirs", "mine"], awaited_death),
        rule("awaited-free", "or at once", &["ok", "mine"], awaited_free),
    ]
}

fn writing<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "find-lock",
            "a lock file is found if it is there, and then it is the same",
            &["nothing", "nothing", "true"],
            find_lock,
        ),
        rule("find-wrong", "no socket or directory is", &["ENXIO", "EISDIR"], find_wrong),
        rule("record-empty", "nothing is written in a fresh one", &["<>"], record_empty),
        rule(
            "record",
            "what is written is read by whoever opens it, from the start",
            &["ok", "<abc>", "<ab>", "ok", "<Xbc>"],
            record,
        ),
        rule("record-wrong", "what only holds the name reads nothing", &["EBADF", "EBADF"], record_wrong),
        rule("record-locked", "a lock keeps nobody from reading", &["theirs", "ok", "<x>"], record_locked),
        rule("user", "who makes a file owns it", &["true"], user),
        rule("local", "a directory here is local", &["true"], local),
    ]
}

fn unlock_one<B: Bench>(k: &B) -> Seen {
    let file = k.lock_file("lock");
    k.lock(&file, 0);
    k.lock(&file, 1);
    vec![k.unlock(&file, 1), k.holder(&file, 1), k.holder(&file, 0), k.lock(&file, 1)]
}

fn unlock_none<B: Bench>(k: &B) -> Seen {
    let second = k.second(Deed::Lock);
    let file = k.lock_file("lock");
    let seen = vec![second.said, k.unlock(&file, 0), k.holder(&file, 0)];
    drop(second.process);
    seen
}

fn unlock_by_copy<B: Bench>(k: &B) -> Seen {
    let (one, two) = (k.lock_file("lock"), k.lock_file("lock"));
    k.lock(&one, 0);
    vec![k.unlock(&two, 0), k.holder(&one, 0)]
}

fn lock_lost_by_copy<B: Bench>(k: &B) -> Seen {
    let file = k.lock_file("lock");
    k.lock(&file, 0);
    let copy = k.sys().share(k.sys().borrow(&file)).expect("a number is left");
    let before = k.holder(&file, 0);
    drop(copy);
    vec![before, k.holder(&file, 0)]
}

fn awaited_unlock<B: Bench>(k: &B) -> Seen {
    let file = k.lock_file("lock");
    k.lock(&file, 0);
    let second = k.second(Deed::AwaitLock);
    k.pass();
    let before = k.holder(&file, 0);
    k.unlock(&file, 0);
    let seen = vec![second.said, before, k.holder_after(&file, 0, "mine")];
    drop(second.process);
    seen
}

fn awaited_close<B: Bench>(k: &B) -> Seen {
    let (file, other) = (k.lock_file("lock"), k.lock_file("lock"));
    k.lock(&file, 0);
    let second = k.second(Deed::AwaitLock);
    k.pass();
    let before = k.holder(&file, 0);
    drop(other);
    let seen = vec![second.said, before, k.holder_after(&file, 0, "mine")];
    drop(second.process);
    seen
}

fn awaited_death<B: Bench>(k: &B) -> Seen {
    let second = k.second(Deed::Lock);
    let file = Arc::new(k.lock_file("lock"));
    let waits = k.await_lock(Arc::clone(&file), 0);
    k.pass();
    let before = k.holder(&file, 0);
    drop(second.process);
    let after = k.holder_after(&file, 0, "theirs");
    wait_alone(k, &file);
    vec![waits, before, after]
}

fn awaited_free<B: Bench>(k: &B) -> Seen {
    let file = Arc::new(k.lock_file("lock"));
    let waits = k.await_lock(Arc::clone(&file), 0);
    let after = k.holder_after(&file, 0, "nobody's");
    wait_alone(k, &file);
    vec![waits, after]
}

/// Waits for the thread to be done with the descriptor.
fn wait_alone<B: Bench>(k: &B, file: &Arc<Fd<B>>) {
    while Arc::strong_count(file) > 1 {
        k.pass();
    }
}

fn find_lock<B: Bench>(k: &B) -> Seen {
    let find = || k.at(|sys, directory| sys.find_lock(directory, b"lock")).expect("it can be looked for");
    let before = find().map_or("nothing", |_| "something").to_owned();
    let made = k.kind_at("lock").to_owned();
    let file = k.lock_file("lock");
    let status = |fd| k.sys().status(k.sys().borrow(fd)).ok();
    let found = find();
    vec![before, made, (found.as_ref().and_then(status) == status(&file)).to_string()]
}

fn find_wrong<B: Bench>(k: &B) -> Seen {
    let _socket = k.bound(Stream, "s");
    let find = |name: &[u8]| outcome(&k.at(|sys, directory| sys.find_lock(directory, name)));
    vec![find(b"s"), find(b".")]
}

fn read<B: Bench>(k: &B, fd: &Fd<B>, room: usize) -> String {
    let mut record = vec![b'?'; room];
    match k.sys().read_record(k.sys().borrow(fd), &mut record) {
        Ok(count) => format!("<{}>", String::from_utf8_lossy(&record[..count])),
        Err(error) => errno(&error),
    }
}

fn write<B: Bench>(k: &B, fd: &Fd<B>, record: &str) -> String {
    outcome(&k.sys().write_record(k.sys().borrow(fd), record.as_bytes()))
}

fn record_empty<B: Bench>(k: &B) -> Seen {
    vec![read(k, &k.lock_file("lock"), 8)]
}

fn record<B: Bench>(k: &B) -> Seen {
    let file = k.lock_file("lock");
    let mut seen = vec![write(k, &file, "abc")];
    let other = k.lock_file("lock");
    seen.extend([read(k, &other, 8), read(k, &other, 2), write(k, &other, "X"), read(k, &file, 8)]);
    seen
}

fn record_wrong<B: Bench>(k: &B) -> Seen {
    let _file = k.lock_file("lock");
    let pin = k.at(|sys, directory| sys.pin(directory, b"lock")).expect("the name is there");
    vec![read(k, &pin, 8), write(k, &pin, "x")]
}

fn record_locked<B: Bench>(k: &B) -> Seen {
    let second = k.second(Deed::Lock);
    let file = k.lock_file("lock");
    let seen = vec![k.holder(&file, 0), write(k, &file, "x"), read(k, &file, 8)];
    drop(second.process);
    seen
}

fn user<B: Bench>(k: &B) -> Seen {
    let _file = k.lock_file("lock");
    let owner = k.status_at("lock").map(|status| status.uid);
    vec![(owner == Some(k.sys().user())).to_string()]
}

fn local<B: Bench>(k: &B) -> Seen {
    let local = k.at(|sys, directory| sys.is_local(directory));
    vec![local.map_or_else(|error| errno(&error), |local| local.to_string())]
}
