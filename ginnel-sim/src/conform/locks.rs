//! Record locks: whose they are, and what loses them.

use ginnel_os::SocketKind::Stream;
use ginnel_os::sys::{Descriptors, Names, Rename};

use super::calls::{Calls, outcome, would};
use super::second::Deed;
use super::{Bench, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule("lock-twice", "a process may take its own lock again", &["ok", "ok", "ok", "mine"], lock_twice),
        rule("lock-free", "a lock that nobody took is nobody's", &["nobody's", "nobody's"], lock_free),
        rule("lock-bytes", "each byte has its own lock", &["ok", "mine", "nobody's"], lock_bytes),
        rule(
            "lock-held",
            "what another process has is not to be had, until it dies",
            &["ok", "EAGAIN", "theirs", "ok", "mine"],
            lock_held,
        ),
        rule("lock-refused", "and it cannot have what is mine", &["ok", "EAGAIN", "mine"], lock_refused),
        rule(
            "lock-lost",
            "closing any descriptor of a file drops the process's locks",
            &["mine", "nobody's"],
            lock_lost,
        ),
        rule("lock-not-lost", "closing what only held the name drops none", &["mine", "mine"], lock_not_lost),
        rule(
            "lock-sent",
            "closing a descriptor that came back in a message drops them too",
            &["mine", "mine", "nobody's"],
            lock_sent,
        ),
        rule("lock-unread", "one that nobody took drops none", &["mine", "mine"], lock_unread),
        rule(
            "lock-of-file",
            "a lock is the file's, not the name's",
            &["mine", "nobody's", "mine"],
            lock_of_file,
        ),
        rule(
            "lock-file",
            "a lock file is its owner's, and is opened again as it is",
            &["600", "true"],
            lock_file,
        ),
        rule(
            "lock-wrong",
            "no socket or directory is opened for locks, nor locked when held by name",
            &["ENXIO", "EISDIR", "EBADF"],
            lock_wrong,
        ),
    ]
}

fn lock_twice<B: Bench>(k: &B) -> Seen {
    let (one, two) = (k.lock_file("lock"), k.lock_file("lock"));
    vec![k.lock(&one, 0), k.lock(&one, 0), k.lock(&two, 0), k.holder(&two, 0)]
}

fn lock_free<B: Bench>(k: &B) -> Seen {
    let file = k.lock_file("lock");
    vec![k.holder(&file, 0), k.holder(&file, 1)]
}

fn lock_bytes<B: Bench>(k: &B) -> Seen {
    let file = k.lock_file("lock");
    vec![k.lock(&file, 1), k.holder(&file, 1), k.holder(&file, 0)]
}

fn lock_held<B: Bench>(k: &B) -> Seen {
    let second = k.second(Deed::Lock);
    let file = k.lock_file("lock");
    let mut seen = vec![second.said, k.lock(&file, 0), k.holder(&file, 0)];
    drop(second.process);
    seen.extend([k.lock(&file, 0), k.holder(&file, 0)]);
    seen
}

fn lock_refused<B: Bench>(k: &B) -> Seen {
    let file = k.lock_file("lock");
    let locked = k.lock(&file, 0);
    let second = k.second(Deed::Lock);
    drop(second.process);
    vec![locked, second.said, k.holder(&file, 0)]
}

fn lock_lost<B: Bench>(k: &B) -> Seen {
    let (one, two) = (k.lock_file("lock"), k.lock_file("lock"));
    k.lock(&one, 0);
    let before = k.holder(&one, 0);
    drop(two);
    vec![before, k.holder(&one, 0)]
}

fn lock_not_lost<B: Bench>(k: &B) -> Seen {
    let file = k.lock_file("lock");
    k.lock(&file, 0);
    let pin = k.at(|sys, directory| sys.pin(directory, b"lock")).expect("the name is there");
    let before = k.holder(&file, 0);
    drop(pin);
    vec![before, k.holder(&file, 0)]
}

fn lock_of_file<B: Bench>(k: &B) -> Seen {
    let old = k.lock_file("lock");
    k.lock(&old, 0);
    k.at(|sys, directory| sys.rename_at(directory, b"lock", b"old", Rename::NoReplace)).expect("it is free");
    let moved = k.holder(&old, 0);
    let new = k.lock_file("lock");
    vec![moved, k.holder(&new, 0), k.holder(&old, 0)]
}

fn lock_file<B: Bench>(k: &B) -> Seen {
    let (one, two) = (k.lock_file("lock"), k.lock_file("lock"));
    let status = |fd| k.sys().status(k.sys().borrow(fd)).ok();
    let mode = k.status_at("lock").map(|status| format!("{:o}", status.mode)).unwrap_or_default();
    vec![mode, (status(&one) == status(&two)).to_string()]
}

fn lock_wrong<B: Bench>(k: &B) -> Seen {
    let (_socket, _file) = (k.bound(Stream, "s"), k.lock_file("lock"));
    let open = |name: &[u8]| outcome(&k.at(|sys, directory| sys.open_lock(directory, name)));
    let pin = k.at(|sys, directory| sys.pin(directory, b"lock")).expect("the name is there");
    vec![open(b"s"), open(b"."), would(k.sys().try_lock(k.sys().borrow(&pin), 0))]
}

fn lock_sent<B: Bench>(k: &B) -> Seen {
    let (file, (a, b)) = (k.lock_file("lock"), k.pair(Stream));
    k.lock(&file, 0);
    k.send_with(&a, b"m", &[&file]);
    let under_way = k.holder(&file, 0);
    let copy = k.receive_fd(&b);
    let held = k.holder(&copy, 0);
    drop(copy);
    vec![under_way, held, k.holder(&file, 0)]
}

fn lock_unread<B: Bench>(k: &B) -> Seen {
    let (file, (a, b)) = (k.lock_file("lock"), k.pair(Stream));
    k.lock(&file, 0);
    k.send_with(&a, b"m", &[&file]);
    let under_way = k.holder(&file, 0);
    drop((a, b));
    vec![under_way, k.holder(&file, 0)]
}
