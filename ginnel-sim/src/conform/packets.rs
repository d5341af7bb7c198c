//! Packets: their borders, their size, and datagrams without a connection.

use std::io::IoSlice;
use std::mem::MaybeUninit;

use ginnel_os::SocketKind::{Datagram, SeqPacket, Stream};
use ginnel_os::Wait;
use ginnel_os::sys::{Descriptors, Slot, Sockets, Taken};

use super::calls::{Calls, ROOM, would};
use super::{Bench, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    let mut rules = packets();
    rules.extend(sizes());
    rules.extend(datagrams());
    rules
}

fn packets<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule("borders", "a read takes one packet", &["<one>", "<two>", "EAGAIN"], borders),
        rule(
            "cut-packet",
            "a packet that was cut tells its length, and its rest is gone",
            &["<ab of 10>", "<next>"],
            cut_packet,
        ),
        rule(
            "cut-carrier",
            "a packet that was cut still brings its descriptors",
            &["<ab of 10 +1>"],
            cut_carrier,
        ),
        rule(
            "empty-carrier",
            "an empty packet brings descriptors",
            &["sent 0", "< +1>", "sent 0", "< +1>"],
            empty_carrier,
        ),
        rule("empty", "an empty packet is read as the end is", &["sent 0", "<>", "<>"], empty),
        rule(
            "stamp",
            "with a time, an empty packet and the end are told apart",
            &["sent 0", "< stamped>", "<>"],
            stamp,
        ),
        rule("stamp-and-fds", "a time and descriptors come together", &["<m +1>"], stamp_and_fds),
        rule("stamp-cut", "a time needs room too", &["<m cut>", "<n stamped>"], stamp_cut),
        rule("stamp-stream", "bytes on a stream have no time", &["<m>"], stamp_stream),
    ]
}

fn sizes<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule("too-large", "a packet must fit the buffer", &["sent 4000", "EMSGSIZE", "EMSGSIZE"], too_large),
        rule(
            "packets-fill",
            "packets are taken whole or not at all",
            &["EAGAIN", "-", "w", "sent 1000"],
            packets_fill,
        ),
        rule(
            "any-room",
            "while there is any room there is room for a packet as large as can be",
            &["sent 1", "w", "sent 15000", "EAGAIN"],
            any_room,
        ),
        rule("empty-fill", "empty packets take room too", &["EAGAIN", "w", "sent 0"], empty_fill),
        rule("batch-fills", "a batch goes as far as there is room", &["in part", "EAGAIN"], batch_fills),
    ]
}

fn datagrams<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "datagram-queue",
            "of strangers one datagram above the limit waits, and a poller knows nothing of it",
            &["one above the limit", "EAGAIN", "w", "sent 1"],
            datagram_queue,
        ),
        rule("datagram-poll", "of who is connected it does", &["EAGAIN", "-", "w", "sent 1"], datagram_poll),
        rule(
            "dead-datagram",
            "who is connected to somebody who has gone is told once",
            &["ECONNREFUSED", "ENOTCONN"],
            dead_datagram,
        ),
        rule(
            "datagram-names",
            "a datagram is sent to a name, or told why not",
            &["sent 2", "<hi>", "ENOENT", "ECONNREFUSED", "EPROTOTYPE"],
            datagram_names,
        ),
        rule(
            "datagram-taken",
            "who is connected hears nobody else",
            &["EPERM", "EPERM", "EAGAIN"],
            datagram_taken,
        ),
        rule(
            "datagram-turns",
            "a datagram socket can be connected again",
            &["ok", "sent 1", "<x>", "ok", "sent 1", "<y>"],
            datagram_turns,
        ),
        rule(
            "batch",
            "several packets go and come in one call",
            &["2 sent", "2 taken", "3 and 0 bytes", "none taken"],
            batch,
        ),
    ]
}

fn borders<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.send(&a, b"one");
    k.send(&a, b"two");
    vec![k.receive(&b), k.receive(&b), k.receive(&b)]
}

fn cut_packet<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.send(&a, b"abcdefghij");
    k.send(&a, b"next");
    vec![k.receive_in(&b, 2, 0), k.receive(&b)]
}

fn cut_carrier<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.send_fds(&a, b"abcdefghij", 1);
    vec![k.receive_in(&b, 2, ROOM)]
}

fn empty_carrier<B: Bench>(k: &B) -> Seen {
    let ((a, b), (c, d)) = (k.pair(SeqPacket), k.pair(Datagram));
    vec![k.send_fds(&a, b"", 1), k.receive(&b), k.send_fds(&c, b"", 1), k.receive(&d)]
}

fn empty<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    let sent = k.send(&a, b"");
    drop(a);
    vec![sent, k.receive(&b), k.receive(&b)]
}

fn stamp<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.sys().stamp_packets(k.sys().borrow(&b)).expect("packets can be stamped");
    let sent = k.send(&a, b"");
    drop(a);
    vec![sent, k.receive(&b), k.receive(&b)]
}

fn stamp_and_fds<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.sys().stamp_packets(k.sys().borrow(&b)).expect("packets can be stamped");
    k.send_fds(&a, b"m", 1);
    vec![k.receive(&b)]
}

fn too_large<B: Bench>(k: &B) -> Seen {
    let ((a, _b), (c, _d)) = (k.pair(SeqPacket), k.pair(Datagram));
    k.shrink(&a);
    k.shrink(&c);
    vec![k.send(&a, &[b'x'; 4000]), k.send(&a, &[b'x'; 20_000]), k.send(&c, &[b'x'; 20_000])]
}

fn packets_fill<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.shrink(&a);
    let packet = [b'x'; 1000];
    while k.send(&a, &packet) == "sent 1000" {}
    let (full, unready) = (k.send(&a, &packet), k.ready(&a));
    while k.receive_in(&b, 1000, 0) != "EAGAIN" {}
    vec![full, unready, k.ready(&a), k.send(&a, &packet)]
}

fn datagram_queue<B: Bench>(k: &B) -> Seen {
    let receiver = k.bound(Datagram, "d");
    // No sender's own buffer is to be full first.
    let senders = vec![(); 1 + k.datagram_limit() / 100].into_iter().map(|()| k.socket(Datagram));
    let senders: Vec<_> = senders.collect();
    let mut sent = senders.iter().cycle().map(|sender| k.send_to(sender, b"x", "d"));
    let count = sent.by_ref().take_while(|sent| sent == "sent 1").count();
    let limit = if count == k.datagram_limit() + 1 { "one above the limit" } else { "another limit" };
    let (full, ready) = (sent.next(), k.ready(&senders[0]));
    k.receive(&receiver);
    vec![limit.to_owned(), full.unwrap_or_default(), ready, k.send_to(&senders[0], b"x", "d")]
}

fn datagram_poll<B: Bench>(k: &B) -> Seen {
    let receiver = k.bound(Datagram, "d");
    let sender = k.connected(Datagram, "d");
    while k.send(&sender, b"x") == "sent 1" {}
    let (full, unready) = (k.send(&sender, b"x"), k.ready(&sender));
    while k.receive(&receiver) == "<x>" {}
    vec![full, unready, k.ready(&sender), k.send(&sender, b"x")]
}

fn dead_datagram<B: Bench>(k: &B) -> Seen {
    let receiver = k.bound(Datagram, "d");
    let sender = k.connected(Datagram, "d");
    drop(receiver);
    vec![k.send(&sender, b"x"), k.send(&sender, b"x")]
}

fn datagram_names<B: Bench>(k: &B) -> Seen {
    let receiver = k.bound(Datagram, "d");
    let sender = k.socket(Datagram);
    drop(k.bound(Datagram, "stale"));
    let _packets = k.listener(SeqPacket, "p");
    let sent = k.send_to(&sender, b"hi", "d");
    let others = ["missing", "stale", "p"].map(|name| k.send_to(&sender, b"hi", name));
    [vec![sent, k.receive(&receiver)], others.to_vec()].concat()
}

fn datagram_taken<B: Bench>(k: &B) -> Seen {
    let _other = k.bound(Datagram, "other");
    let receiver = k.bound(Datagram, "d");
    k.connect(&receiver, "other");
    let stranger = k.socket(Datagram);
    vec![k.connect(&stranger, "d"), k.send_to(&stranger, b"x", "d"), k.receive(&receiver)]
}

fn datagram_turns<B: Bench>(k: &B) -> Seen {
    let (one, two) = (k.bound(Datagram, "one"), k.bound(Datagram, "two"));
    let sender = k.socket(Datagram);
    let first = [k.connect(&sender, "one"), k.send(&sender, b"x"), k.receive(&one)];
    let second = [k.connect(&sender, "two"), k.send(&sender, b"y"), k.receive(&two)];
    [first, second].concat()
}

fn batch<B: Bench>(k: &B) -> Seen {
    let (sys, (a, b)) = (k.sys(), k.pair(SeqPacket));
    let packets = [IoSlice::new(b"one"), IoSlice::new(b"")];
    let sent = sys.send_many(sys.borrow(&a), &packets, Wait::Never).expect("packets can be sent");
    let mut bytes = [MaybeUninit::uninit(); 9];
    let mut slots: Vec<_> =
        bytes.chunks_mut(3).map(|bytes| Slot { bytes, control: &mut [], taken: Taken::default() }).collect();
    let taken = sys.receive_many(sys.borrow(&b), &mut slots, Wait::Never).expect("packets can be read");
    let lengths = format!("{} and {} bytes", slots[0].taken.bytes, slots[1].taken.bytes);
    let none = sys.receive_many(sys.borrow(&b), &mut slots, Wait::Never).expect("packets can be read");
    let say = |count: Option<usize>| count.map_or("none".to_owned(), |count| count.to_string());
    vec![say(sent) + " sent", say(taken) + " taken", lengths, say(none) + " taken"]
}

fn stamp_cut<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.sys().stamp_packets(k.sys().borrow(&b)).expect("packets can be stamped");
    k.send(&a, b"m");
    k.send(&a, b"n");
    vec![k.receive_in(&b, 64, 0), k.receive(&b)]
}

fn stamp_stream<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    k.sys().stamp_packets(k.sys().borrow(&b)).expect("it is accepted");
    k.send(&a, b"m");
    vec![k.receive(&b)]
}

fn any_room<B: Bench>(k: &B) -> Seen {
    let (a, _b) = k.pair(SeqPacket);
    k.shrink(&a);
    let (first, ready) = (k.send(&a, b"x"), k.ready(&a));
    let second = k.send(&a, &[b'x'; 15_000]);
    while k.send(&a, &[b'x'; 1000]) == "sent 1000" {}
    vec![first, ready, second, k.send(&a, &[b'x'; 1000])]
}

fn empty_fill<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(SeqPacket);
    k.shrink(&a);
    let full = (0..ENDLESS).map(|_| k.send(&a, b"")).find(|sent| sent != "sent 0");
    while k.receive(&b) != "EAGAIN" {}
    vec![full.unwrap_or_default(), k.ready(&a), k.send(&a, b"")]
}

fn batch_fills<B: Bench>(k: &B) -> Seen {
    let (sys, (a, _b)) = (k.sys(), k.pair(SeqPacket));
    k.shrink(&a);
    let (packet, count) = ([b'x'; 1000], 200);
    let packets = vec![IoSlice::new(&packet); count];
    let send = || sys.send_many(sys.borrow(&a), &packets, Wait::Never);
    let first = send().expect("packets can be sent").expect("there is room for one");
    vec![if first < count { "in part" } else { "in full" }.to_owned(), would(send())]
}

/// More empty packets than any socket takes.
const ENDLESS: usize = 2000;
