//! How connections end, and what is still read then.

use std::net::Shutdown;

use ginnel_os::SocketKind::{self, Datagram, SeqPacket, Stream};

use super::calls::{Calls, got};
use super::{Bench, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    let mut rules = closing();
    rules.extend(halves());
    rules.extend(without_peer());
    rules
}

fn closing<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "end",
            "what was written is read, then the end, as often as one asks",
            &["<m>", "<>", "<>"],
            end,
        ),
        rule(
            "write-after-end",
            "nothing can be written to who has gone",
            &["EPIPE", "EPIPE", "<>"],
            write_after_end,
        ),
        rule(
            "reset-stream",
            "whoever closes with bytes unread resets a stream, which is told behind the data",
            &["<m1>", "ECONNRESET", "<>", "<>"],
            |k| reset(k, Stream),
        ),
        rule(
            "reset-packets",
            "of packets the reset is told first",
            &["ECONNRESET", "<m1>", "<>", "<>"],
            |k| reset(k, SeqPacket),
        ),
        rule(
            "write-after-reset-stream",
            "a write to a stream that was reset leaves the reset to be read",
            &["EPIPE", "<m1>", "ECONNRESET", "<>"],
            |k| write_after_reset(k, Stream),
        ),
        rule(
            "write-after-reset-packets",
            "a write of a packet takes the reset",
            &["ECONNRESET", "<m1>", "<>", "<>"],
            |k| write_after_reset(k, SeqPacket),
        ),
    ]
}

fn halves<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule("half-stream", "one direction can end alone", HALF, |k| half(k, Stream)),
        rule("half-packets", "one direction of packets can end alone", HALF, |k| half(k, SeqPacket)),
        rule(
            "deaf",
            "whoever reads no more still reads what had arrived, and is written to no more",
            &["ok", "<m>", "<>", "EPIPE", "sent 2", "<up>"],
            deaf,
        ),
        rule("twice", "a direction can be ended twice", &["ok", "ok", "ok", "EPIPE"], twice),
        rule("deaf-packets", "and of packets", &["EPIPE", "<m>", "<>"], deaf_packets),
        rule(
            "reset-after-half",
            "whoever ended one direction still resets",
            &["<>", "ECONNRESET", "<>"],
            reset_after_half,
        ),
        rule(
            "full-and-deaf",
            "what fills a socket still does when nobody will read it",
            &["EPIPE", "-", "rw"],
            full_and_deaf,
        ),
    ]
}

fn without_peer<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "fresh-shutdown",
            "what was never connected can be ended too",
            &["ok", "ok", "ok"],
            fresh_shutdown,
        ),
        rule(
            "deaf-listener",
            "a listener that reads no more refuses, and hands out who waited",
            &["ok", "ECONNREFUSED", "ok", "EAGAIN"],
            deaf_listener,
        ),
        rule(
            "unconnected-read",
            "a socket without a peer has nothing to read",
            &["EINVAL", "ENOTCONN", "EAGAIN"],
            unconnected_read,
        ),
        rule(
            "unconnected-write",
            "a socket without a peer writes to nobody",
            &["ENOTCONN", "ENOTCONN", "ENOTCONN"],
            unconnected_write,
        ),
        rule(
            "listener-io",
            "a listener is neither read nor written",
            &["EINVAL", "ENOTCONN", "ENOTCONN", "ENOTCONN"],
            listener_io,
        ),
    ]
}

fn end<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send(&a, b"m");
    drop(a);
    vec![k.receive(&b), k.receive(&b), k.receive(&b)]
}

fn write_after_end<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    let (c, d) = k.pair(SeqPacket);
    drop((a, c));
    vec![k.send(&b, b"x"), k.send(&d, b"x"), k.receive(&b)]
}

fn reset<B: Bench>(k: &B, kind: SocketKind) -> Seen {
    let (a, b) = k.pair(kind);
    k.send(&a, b"m1");
    k.send(&b, b"unread");
    drop(a);
    (0..4).map(|_| k.receive(&b)).collect()
}

fn write_after_reset<B: Bench>(k: &B, kind: SocketKind) -> Seen {
    let (a, b) = k.pair(kind);
    k.send(&a, b"m1");
    k.send(&b, b"unread");
    drop(a);
    vec![k.send(&b, b"x"), k.receive(&b), k.receive(&b), k.receive(&b)]
}

const HALF: &[&str] = &["ok", "<m1>", "<>", "EPIPE", "sent 2", "<up>"];

fn half<B: Bench>(k: &B, kind: SocketKind) -> Seen {
    let (a, b) = k.pair(kind);
    k.send(&a, b"m1");
    let ended = k.shutdown(&a, Shutdown::Write);
    vec![ended, k.receive(&b), k.receive(&b), k.send(&a, b"x"), k.send(&b, b"up"), k.receive(&a)]
}

fn deaf<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send(&a, b"m");
    let ended = k.shutdown(&b, Shutdown::Read);
    vec![ended, k.receive(&b), k.receive(&b), k.send(&a, b"x"), k.send(&b, b"up"), k.receive(&a)]
}

fn twice<B: Bench>(k: &B) -> Seen {
    let (a, _b) = k.pair(Stream);
    let outcomes = [Shutdown::Write, Shutdown::Write, Shutdown::Both].map(|how| k.shutdown(&a, how));
    [outcomes.to_vec(), vec![k.send(&a, b"x")]].concat()
}

fn fresh_shutdown<B: Bench>(k: &B) -> Seen {
    [Stream, SeqPacket, Datagram].map(|kind| k.shutdown(&k.socket(kind), Shutdown::Both)).to_vec()
}

fn deaf_listener<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let _waiting = k.connected(Stream, "s");
    let ended = k.shutdown(&listener, Shutdown::Both);
    let refused = k.try_connect(Stream, "s");
    vec![ended, refused, got(&k.accept(&listener)), got(&k.accept(&listener))]
}

fn unconnected_read<B: Bench>(k: &B) -> Seen {
    [Stream, SeqPacket, Datagram].map(|kind| k.receive(&k.socket(kind))).to_vec()
}

fn unconnected_write<B: Bench>(k: &B) -> Seen {
    [Stream, SeqPacket, Datagram].map(|kind| k.send(&k.socket(kind), b"x")).to_vec()
}

fn listener_io<B: Bench>(k: &B) -> Seen {
    let (stream, packets) = (k.listener(Stream, "s"), k.listener(SeqPacket, "p"));
    vec![k.receive(&stream), k.receive(&packets), k.send(&stream, b"x"), k.send(&packets, b"x")]
}

fn deaf_packets<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.send(&a, b"m");
    k.shutdown(&b, Shutdown::Read);
    vec![k.send(&a, b"x"), k.receive(&b), k.receive(&b)]
}

fn reset_after_half<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.send(&b, b"unread");
    k.shutdown(&a, Shutdown::Write);
    let end = k.receive(&b);
    drop(a);
    vec![end, k.receive(&b), k.receive(&b)]
}

fn full_and_deaf<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.shrink(&a);
    while k.send(&a, &[b'x'; 1000]) != "EAGAIN" {}
    k.shutdown(&b, Shutdown::Read);
    let (sent, deaf) = (k.send(&a, b"x"), k.ready(&a));
    drop(b);
    vec![sent, deaf, k.ready(&a)]
}
