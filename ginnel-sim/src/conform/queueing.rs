//! Who waits to be accepted, and who is turned away.

use ginnel_os::SocketKind::{Datagram, SeqPacket, Stream};

use super::calls::{Calls, got};
use super::{Bench, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "backlog",
            "one more than the backlog waits; the next is turned away, until somebody is taken",
            &["ok", "ok", "ok", "EAGAIN", "EAGAIN", "ok", "ok"],
            backlog,
        ),
        rule("backlog-grows", "a backlog can be changed", &["ok", "EAGAIN", "ok", "ok"], backlog_grows),
        rule("turned-away", "a poller takes who was turned away for hung up", &["EAGAIN", "rw"], turned_away),
        rule(
            "nobody-waits",
            "nobody waits, or nobody listens",
            &["EAGAIN", "EINVAL", "EOPNOTSUPP"],
            nobody_waits,
        ),
        rule("in-turn", "who came first is taken first", &["<1>", "<2>"], in_turn),
        rule(
            "no-number",
            "a number is looked for before anybody who waits",
            &["EMFILE", "EMFILE", "ok", "<m>"],
            no_number,
        ),
        rule(
            "left-early",
            "who left before being taken is taken, and read to the end",
            &["ok", "<m>", "<>"],
            left_early,
        ),
        rule(
            "listener-dies",
            "who waits when the listener closes is reset, even with nothing written",
            &["ECONNRESET", "<>", "ECONNRESET"],
            listener_dies,
        ),
        rule(
            "listener-dies-packets",
            "with packets the write is told",
            &["ECONNRESET", "<>", "EPIPE"],
            listener_dies_packets,
        ),
        rule(
            "stays-connected",
            "who was taken stays connected without the listener",
            &["sent 1", "<m>", "ECONNREFUSED"],
            stays_connected,
        ),
        rule(
            "refused-inherited",
            "who is accepted refuses descriptors as the listener did, from the start",
            &["EPERM", "EPERM"],
            refused_inherited,
        ),
    ]
}

fn backlog<B: Bench>(k: &B) -> Seen {
    let listener = k.bound(Stream, "s");
    k.listen(&listener, 2);
    let callers = [(); 5].map(|()| k.socket(Stream));
    let mut seen: Seen = callers.iter().map(|caller| k.connect(caller, "s")).collect();
    seen.push(got(&k.accept(&listener)));
    seen.push(k.connect(&callers[3], "s"));
    seen
}

fn backlog_grows<B: Bench>(k: &B) -> Seen {
    let listener = k.bound(Stream, "s");
    k.listen(&listener, 0);
    let callers = [(); 2].map(|()| k.socket(Stream));
    let mut seen: Seen = callers.iter().map(|caller| k.connect(caller, "s")).collect();
    seen.push(k.listen(&listener, 1));
    seen.push(k.connect(&callers[1], "s"));
    seen
}

fn turned_away<B: Bench>(k: &B) -> Seen {
    let listener = k.bound(Stream, "s");
    k.listen(&listener, 0);
    let _waiting = k.connected(Stream, "s");
    let caller = k.socket(Stream);
    vec![k.connect(&caller, "s"), k.ready(&caller)]
}

fn nobody_waits<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    [listener, k.socket(Stream), k.socket(Datagram)].map(|fd| got(&k.accept(&fd))).to_vec()
}

fn in_turn<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let callers = [b"1", b"2"].map(|number| {
        let caller = k.connected(Stream, "s");
        k.send(&caller, number);
        caller
    });
    let taken = callers.each_ref().map(|_| k.accept(&listener).expect("somebody waits"));
    taken.map(|fd| k.receive(&fd)).to_vec()
}

fn no_number<B: Bench>(k: &B) -> Seen {
    let (quiet, listener) = (k.listener(Stream, "quiet"), k.listener(Stream, "s"));
    let caller = k.connected(Stream, "s");
    k.send(&caller, b"m");
    k.leave_room(Some(0));
    let failed = [&quiet, &listener].map(|fd| got(&k.accept(fd)));
    k.leave_room(None);
    let accepted = k.accept(&listener);
    let read = accepted.as_ref().map_or_else(String::clone, |fd| k.receive(fd));
    [failed, [got(&accepted), read]].concat()
}

fn left_early<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let caller = k.connected(Stream, "s");
    k.send(&caller, b"m");
    drop(caller);
    let accepted = k.accept(&listener).expect("it is taken all the same");
    vec!["ok".to_owned(), k.receive(&accepted), k.receive(&accepted)]
}

fn listener_dies<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let (quiet, writer) = (k.connected(Stream, "s"), k.connected(Stream, "s"));
    k.send(&writer, b"m");
    drop(listener);
    vec![k.receive(&quiet), k.receive(&quiet), k.receive(&writer)]
}

fn listener_dies_packets<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(SeqPacket, "s");
    let waiting = k.connected(SeqPacket, "s");
    drop(listener);
    vec![k.send(&waiting, b"m"), k.receive(&waiting), k.send(&waiting, b"m")]
}

fn stays_connected<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let caller = k.connected(Stream, "s");
    let accepted = k.accept(&listener).expect("somebody waits");
    drop(listener);
    vec![k.send(&caller, b"m"), k.receive(&accepted), k.try_connect(Stream, "s")]
}

fn refused_inherited<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    if let Err(told) = k.refusing(&listener) {
        return told;
    }
    let caller = k.connected(Stream, "s");
    let before = k.send_fds(&caller, b"m", 1);
    let _accepted = k.accept(&listener).expect("somebody waits");
    vec![before, k.send_fds(&caller, b"m", 1)]
}
