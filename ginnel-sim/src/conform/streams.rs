//! Bytes on a stream, and the descriptors among them.

use ginnel_os::SocketKind::Stream;

use super::calls::{Calls, ROOM};
use super::{Bench, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule("join", "bytes of several writes are read as one", &["<onetwo>"], join),
        rule("rest", "what a read leaves is there for the next", &["<ab>", "<cde>", "EAGAIN"], rest),
        rule(
            "barrier",
            "a read ends behind bytes that brought descriptors",
            &["<aaaab +1>", "<cccc>"],
            barrier,
        ),
        rule(
            "first-byte",
            "descriptors come with the first byte of their write",
            &["<x +1>", "<y>", "<z>"],
            first_byte,
        ),
        rule(
            "carriers",
            "writes with descriptors are read apart",
            &["<m1 +1>", "<m2 +2>", "EAGAIN"],
            carriers,
        ),
        rule(
            "before-carrier",
            "a read takes plain bytes and then those with descriptors, but no second ones",
            &["<plainm1 +1>", "<m2 +1>"],
            before_carrier,
        ),
        rule(
            "rest-of-carrier",
            "the rest of a write is read with what follows",
            &["<ab +1>", "<cdef>"],
            rest_of_carrier,
        ),
        rule("no-bytes", "descriptors without a byte vanish", &["sent 0", "EAGAIN"], no_bytes),
        rule(
            "fills",
            "a stream takes part of a write, then nothing, and after reading takes more",
            &["in part", "EAGAIN", "-", "w", "sent 1"],
            fills,
        ),
        rule(
            "hysteresis",
            "there may be room long before a poller says so",
            &["EAGAIN", "-", "sent 1000", "-", "w"],
            hysteresis,
        ),
        rule(
            "part-of-carrier",
            "of a write that is cut short the descriptors go with the part that went",
            &["in part", "<xx +1>", "<xx>"],
            part_of_carrier,
        ),
    ]
}

fn join<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send(&a, b"one");
    k.send(&a, b"two");
    vec![k.receive(&b)]
}

fn rest<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send(&a, b"abcde");
    vec![k.receive_in(&b, 2, 0), k.receive(&b), k.receive(&b)]
}

fn barrier<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send(&a, b"aaaa");
    k.send_fds(&a, b"b", 1);
    k.send(&a, b"cccc");
    vec![k.receive(&b), k.receive(&b)]
}

fn first_byte<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send_fds(&a, b"xyz", 1);
    vec![k.receive_in(&b, 1, ROOM), k.receive_in(&b, 1, ROOM), k.receive_in(&b, 1, ROOM)]
}

fn carriers<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send_fds(&a, b"m1", 1);
    k.send_fds(&a, b"m2", 2);
    vec![k.receive(&b), k.receive(&b), k.receive(&b)]
}

fn before_carrier<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send(&a, b"plain");
    k.send_fds(&a, b"m1", 1);
    k.send_fds(&a, b"m2", 1);
    vec![k.receive(&b), k.receive(&b)]
}

fn rest_of_carrier<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send_fds(&a, b"abcd", 1);
    k.send(&a, b"ef");
    vec![k.receive_in(&b, 2, ROOM), k.receive(&b)]
}

fn no_bytes<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    vec![k.send_fds(&a, b"", 1), k.receive(&b)]
}

fn fills<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.shrink(&a);
    let whole = vec![b'x'; 1 << 20];
    let first = k.send(&a, &whole);
    let part = if first == format!("sent {}", whole.len()) { "in full" } else { "in part" };
    while k.send(&a, b"x") != "EAGAIN" {}
    let (full, unready) = (k.send(&a, b"x"), k.ready(&a));
    while k.receive_in(&b, 4096, 0) != "EAGAIN" {}
    vec![part.to_owned(), full, unready, k.ready(&a), k.send(&a, b"x")]
}

fn hysteresis<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.shrink(&a);
    let part = [b'x'; 1000];
    while k.send(&a, &part) == "sent 1000" {}
    while k.send(&a, b"x") != "EAGAIN" {}
    let (full, unready) = (k.send(&a, b"x"), k.ready(&a));
    k.receive_in(&b, 1000, 0);
    k.receive_in(&b, 1000, 0);
    let (more, still_unready) = (k.send(&a, &part), k.ready(&a));
    while k.receive_in(&b, 4096, 0) != "EAGAIN" {}
    vec![full, unready, more, still_unready, k.ready(&a)]
}

fn part_of_carrier<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.shrink(&a);
    let whole = vec![b'x'; 1 << 20];
    let sent = k.send_fds(&a, &whole, 1);
    let part = if sent == format!("sent {}", whole.len()) { "in full" } else { "in part" };
    vec![part.to_owned(), k.receive_in(&b, 2, ROOM), k.receive_in(&b, 2, ROOM)]
}
