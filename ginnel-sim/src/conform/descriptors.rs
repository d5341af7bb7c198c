//! Descriptors under way: how many fit, who refuses them, and what becomes of those that nobody takes.

use ginnel_os::SocketKind::{SeqPacket, Stream};
use ginnel_os::sys::Descriptors;

use super::calls::Calls;
use super::{Bench, Fd, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "no-room",
            "without room for control data descriptors are dropped, and it is told",
            &["<m cut>", "<n>"],
            no_room,
        ),
        rule("padding-is-room", "room for one descriptor admits two", &["<m +2>"], |k| in_room(k, 24, 2)),
        rule("third-is-cut", "and the third is dropped", &["<m +2 cut>"], |k| in_room(k, 24, 3)),
        rule("exact-room", "room for one without padding admits one", &["<m +1 cut>"], |k| in_room(k, 20, 2)),
        rule("header-only", "a header alone admits none", &["<m cut>"], |k| in_room(k, 16, 1)),
        rule("half-a-number", "half a number admits none", &["<m cut>"], |k| in_room(k, 18, 1)),
        rule(
            "no-numbers-stream",
            "with two numbers left two of five come, and it is told",
            &["<hello +2 cut>", "<next>"],
            |k| no_numbers(k, Stream, 2),
        ),
        rule("no-numbers-packets", "of a packet too", &["<hello +2 cut>", "<next>"], |k| {
            no_numbers(k, SeqPacket, 2)
        }),
        rule(
            "no-number-at-all",
            "with no number left the bytes come alone",
            &["<hello cut>", "<next>"],
            |k| no_numbers(k, Stream, 0),
        ),
        rule("most", "253 go at once", &["sent 1", "<m +253>"], most),
        rule(
            "refused",
            "a receiver can refuse descriptors, and nothing arrives",
            &["EPERM", "EAGAIN", "sent 1", "<n>"],
            refused,
        ),
        rule("refused-packets", "of packets too", &["EPERM", "EAGAIN"], refused_packets),
        rule("refused-by-dead", "who has gone refuses nothing any more", &["EPIPE"], refused_by_dead),
        rule(
            "too-many-refs",
            "a user's descriptors under way are counted over all sockets, until they are read",
            &["at last ETOOMANYREFS", "ETOOMANYREFS", "sent 1", "sent 1"],
            too_many_refs,
        ),
        rule("own-limit", "the sender's own limit counts", &["ETOOMANYREFS", "sent 1"], own_limit),
        rule(
            "outlives-sender",
            "a descriptor under way stays open without its sender",
            &["<still here>", "<>"],
            outlives_sender,
        ),
        rule(
            "dies-unread",
            "a descriptor that nobody takes is closed with the socket",
            &["<m>", "<>"],
            dies_unread,
        ),
        rule("same-file", "what arrives is the same open file", &["<m>"], same_file),
        rule("lent", "a duplicate keeps the file open", &["<m>", "EAGAIN", "<>"], lent),
    ]
}

fn no_room<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send_fds(&a, b"m", 1);
    k.send(&a, b"n");
    vec![k.receive_in(&b, 64, 0), k.receive(&b)]
}

fn in_room<B: Bench>(k: &B, room: usize, count: usize) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send_fds(&a, b"m", count);
    vec![k.receive_in(&b, 64, room)]
}

fn no_numbers<B: Bench>(k: &B, kind: ginnel_os::SocketKind, room: usize) -> Seen {
    let (a, b) = k.pair(kind);
    k.send_fds(&a, b"hello", 5);
    k.send(&a, b"next");
    k.leave_room(Some(room));
    vec![k.receive(&b), k.receive(&b)]
}

fn most<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    vec![k.send_fds(&a, b"m", 253), k.receive(&b)]
}

fn refused<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    if let Err(told) = k.refusing(&b) {
        return told;
    }
    vec![k.send_fds(&a, b"m", 1), k.receive(&b), k.send(&a, b"n"), k.receive(&b)]
}

fn refused_packets<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    if let Err(told) = k.refusing(&b) {
        return told;
    }
    vec![k.send_fds(&a, b"m", 1), k.receive(&b)]
}

fn refused_by_dead<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    if let Err(told) = k.refusing(&b) {
        return told;
    }
    drop(b);
    vec![k.send_fds(&a, b"m", 1)]
}

/// Sends descriptors until there are too many under way.
fn hoard<B: Bench>(k: &B, to: &Fd<B>) -> String {
    let directory = k.directory();
    let sent = (0..HOARD).map(|_| k.send_with(to, b"m", &[&directory]));
    sent.into_iter().find(|sent| sent != "sent 1").unwrap_or_default()
}

fn too_many_refs<B: Bench>(k: &B) -> Seen {
    let ((a, b), (c, _d)) = (k.pair(Stream), k.pair(Stream));
    k.lose_privileges();
    k.leave_room(Some(16));
    let hoarded = hoard(k, &a);
    let elsewhere = k.send_fds(&c, b"m", 1);
    let plain = k.send(&c, b"m");
    while k.receive(&b) != "EAGAIN" {}
    vec![format!("at last {hoarded}"), elsewhere, plain, k.send_fds(&c, b"m", 1)]
}

fn own_limit<B: Bench>(k: &B) -> Seen {
    let (a, _b) = k.pair(Stream);
    k.lose_privileges();
    k.leave_room(Some(16));
    let hoarded = hoard(k, &a);
    k.leave_room(None);
    vec![hoarded, k.send_fds(&a, b"m", 1)]
}

fn outlives_sender<B: Bench>(k: &B) -> Seen {
    let ((a, b), (inner, reader)) = (k.pair(Stream), k.pair(Stream));
    k.send_with(&a, b"m", &[&inner]);
    drop((inner, a));
    let inner = k.receive_fd(&b);
    k.send(&inner, b"still here");
    drop(inner);
    vec![k.receive(&reader), k.receive(&reader)]
}

fn dies_unread<B: Bench>(k: &B) -> Seen {
    let ((a, b), (inner, reader)) = (k.pair(Stream), k.pair(Stream));
    k.send(&inner, b"m");
    k.send_with(&a, b"m", &[&inner]);
    drop((inner, a, b));
    vec![k.receive(&reader), k.receive(&reader)]
}

fn same_file<B: Bench>(k: &B) -> Seen {
    let ((a, b), (inner, other)) = (k.pair(Stream), k.pair(Stream));
    k.send_with(&a, b"m", &[&inner]);
    let copy = k.receive_fd(&b);
    k.send(&other, b"m");
    vec![k.receive(&copy)]
}

fn lent<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    let number = u16::try_from(k.sys().number(k.lend(&a))).expect("numbers are small");
    let copy = k.sys().duplicate(number).expect("a number is left");
    k.send(&a, b"m");
    drop(a);
    let before = [k.receive(&b), k.receive(&b)];
    drop(copy);
    [before.to_vec(), vec![k.receive(&b)]].concat()
}

/// More than any limit that a script sets, and fewer than fill a socket.
const HOARD: usize = 200;
