//! What a poller tells, and for how long.

use std::net::Shutdown;

use ginnel_os::Directions;
use ginnel_os::SocketKind::{Datagram, SeqPacket, Stream};
use ginnel_os::sys::{Descriptors, Poller};

use super::calls::{Calls, outcome};
use super::{Bench, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    let mut rules = readiness();
    rules.extend(watching());
    rules
}

fn readiness<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "ready-pair",
            "a connection can be written, and read once something came",
            &["w", "rw", "w"],
            ready_pair,
        ),
        rule(
            "ready-fresh",
            "what was never connected counts as hung up, but for datagrams",
            &["rw", "rw", "w"],
            ready_fresh,
        ),
        rule("ready-bound", "a name changes nothing", &["rw", "w"], ready_bound),
        rule(
            "ready-listener",
            "a listener can be read when somebody waits, and never written",
            &["-", "r", "-"],
            ready_listener,
        ),
        rule("ready-gone", "who was left hangs up, read or not", &["rw", "rw"], ready_gone),
        rule("ready-reset", "a reset is told both ways", &["rw", "rw"], ready_reset),
        rule(
            "ready-half",
            "the end of one direction can be read, and the other goes on",
            &["rw", "w", "rw"],
            ready_half,
        ),
        rule("ready-deaf", "who reads no more is always told to read", &["rw", "w"], ready_deaf),
        rule("ready-embryo", "who waits to be taken can write already", &["w", "rw"], ready_embryo),
        rule("ready-empty", "an empty packet can be read", &["rw", "w"], ready_empty),
    ]
}

fn watching<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule("level", "what is left undone is told again", &["r", "r", "-"], level),
        rule("wanted", "only what was asked for is told", &["-", "w", "rw"], wanted),
        rule(
            "hang-up-unasked",
            "but a hang-up is told to whoever asked for nothing",
            &["-", "rw"],
            hang_up_unasked,
        ),
        rule(
            "removed",
            "what was removed is told no more, and can be added again",
            &["w", "-", "ok", "w"],
            removed,
        ),
        rule(
            "added-twice",
            "what is watched cannot be added, nor changed what is not",
            &["ok", "EEXIST", "ENOENT"],
            added_twice,
        ),
        rule("tokens", "each is told by its token", &["1:w 2:rw 3:w"], tokens),
        rule("closed", "what is closed is watched no more", &["w", "-"], closed),
        rule("duplicate", "unless a duplicate lives: then it is still told", &["w", "w", "-"], duplicate),
        rule(
            "both-duplicates",
            "two duplicates are watched apart",
            &["ok", "ok", "1:w 2:w"],
            both_duplicates,
        ),
        rule(
            "not-pollable",
            "a file cannot be watched, nor what only holds a name",
            &["EPERM", "EBADF"],
            not_pollable,
        ),
    ]
}

fn ready_pair<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    let idle = k.ready(&b);
    k.send(&a, b"m");
    let came = k.ready(&b);
    k.receive(&b);
    vec![idle, came, k.ready(&b)]
}

fn ready_fresh<B: Bench>(k: &B) -> Seen {
    [Stream, SeqPacket, Datagram].map(|kind| k.ready(&k.socket(kind))).to_vec()
}

fn ready_bound<B: Bench>(k: &B) -> Seen {
    vec![k.ready(&k.bound(Stream, "s")), k.ready(&k.bound(Datagram, "d"))]
}

fn ready_listener<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let idle = k.ready(&listener);
    let _caller = k.connected(Stream, "s");
    let waiting = k.ready(&listener);
    drop(k.accept(&listener));
    vec![idle, waiting, k.ready(&listener)]
}

fn ready_gone<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send(&a, b"m");
    drop(a);
    let before = k.ready(&b);
    k.receive(&b);
    vec![before, k.ready(&b)]
}

fn ready_reset<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.send(&b, b"unread");
    drop(a);
    let before = k.ready(&b);
    k.receive(&b);
    vec![before, k.ready(&b)]
}

fn ready_half<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.shutdown(&a, Shutdown::Write);
    let (theirs, mine) = (k.ready(&b), k.ready(&a));
    k.send(&b, b"m");
    vec![theirs, mine, k.ready(&a)]
}

fn ready_deaf<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.shutdown(&a, Shutdown::Read);
    vec![k.ready(&a), k.ready(&b)]
}

fn ready_embryo<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let caller = k.connected(Stream, "s");
    let waiting = k.ready(&caller);
    drop(listener);
    vec![waiting, k.ready(&caller)]
}

fn ready_empty<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.send(&a, b"");
    let came = k.ready(&b);
    k.receive(&b);
    vec![came, k.ready(&b)]
}

fn level<B: Bench>(k: &B) -> Seen {
    let ((a, b), mut poller) = (k.pair(Stream), k.poller());
    k.send(&a, b"m");
    poller.add(k.sys().borrow(&b), 0, Directions::READ).expect("it can be watched");
    let told = [k.look(&mut poller), k.look(&mut poller)];
    k.receive(&b);
    [told.to_vec(), vec![k.look(&mut poller)]].concat()
}

fn wanted<B: Bench>(k: &B) -> Seen {
    let ((a, b), mut poller) = (k.pair(Stream), k.poller());
    k.send(&a, b"m");
    poller.add(k.sys().borrow(&b), 0, Directions::default()).expect("it can be watched");
    let nothing = k.look(&mut poller);
    poller.change(k.sys().borrow(&b), 0, Directions::WRITE).expect("it is watched");
    let write = k.look(&mut poller);
    poller.change(k.sys().borrow(&b), 0, Directions::BOTH).expect("it is watched");
    vec![nothing, write, k.look(&mut poller)]
}

fn hang_up_unasked<B: Bench>(k: &B) -> Seen {
    let ((a, b), mut poller) = (k.pair(Stream), k.poller());
    poller.add(k.sys().borrow(&b), 0, Directions::default()).expect("it can be watched");
    let before = k.look(&mut poller);
    drop(a);
    vec![before, k.look(&mut poller)]
}

fn removed<B: Bench>(k: &B) -> Seen {
    let ((a, _b), mut poller) = (k.pair(Stream), k.poller());
    poller.add(k.sys().borrow(&a), 0, Directions::BOTH).expect("it can be watched");
    let before = k.look(&mut poller);
    poller.remove(k.sys().borrow(&a));
    let after = k.look(&mut poller);
    let again = outcome(&poller.add(k.sys().borrow(&a), 0, Directions::BOTH));
    vec![before, after, again, k.look(&mut poller)]
}

fn added_twice<B: Bench>(k: &B) -> Seen {
    let ((a, b), poller) = (k.pair(Stream), k.poller());
    let add = || outcome(&poller.add(k.sys().borrow(&a), 0, Directions::BOTH));
    vec![add(), add(), outcome(&poller.change(k.sys().borrow(&b), 0, Directions::BOTH))]
}

fn tokens<B: Bench>(k: &B) -> Seen {
    let ((a, b), (c, _d), mut poller) = (k.pair(Stream), k.pair(Stream), k.poller());
    k.send(&a, b"m");
    for (fd, token) in [(&a, 1), (&b, 2), (&c, 3)] {
        poller.add(k.sys().borrow(fd), token, Directions::BOTH).expect("it can be watched");
    }
    vec![k.look(&mut poller)]
}

fn closed<B: Bench>(k: &B) -> Seen {
    let ((a, _b), mut poller) = (k.pair(Stream), k.poller());
    poller.add(k.sys().borrow(&a), 0, Directions::BOTH).expect("it can be watched");
    let before = k.look(&mut poller);
    drop(a);
    vec![before, k.look(&mut poller)]
}

fn copy<B: Bench>(k: &B, fd: &super::Fd<B>) -> super::Fd<B> {
    let number = u16::try_from(k.sys().number(k.lend(fd))).expect("numbers are small");
    k.sys().duplicate(number).expect("a number is left")
}

fn duplicate<B: Bench>(k: &B) -> Seen {
    let ((a, _b), mut poller) = (k.pair(Stream), k.poller());
    let copy = copy(k, &a);
    poller.add(k.sys().borrow(&a), 0, Directions::BOTH).expect("it can be watched");
    let before = k.look(&mut poller);
    drop(a);
    let hazard = k.look(&mut poller);
    drop(copy);
    vec![before, hazard, k.look(&mut poller)]
}

fn both_duplicates<B: Bench>(k: &B) -> Seen {
    let ((a, _b), mut poller) = (k.pair(Stream), k.poller());
    let copy = copy(k, &a);
    let added = [(&a, 1), (&copy, 2)];
    let added = added.map(|(fd, token)| outcome(&poller.add(k.sys().borrow(fd), token, Directions::BOTH)));
    [added.to_vec(), vec![k.look(&mut poller)]].concat()
}

fn not_pollable<B: Bench>(k: &B) -> Seen {
    vec![k.ready(&k.lock_file("file")), k.ready(&k.directory())]
}
