//! How sockets find each other, and how they miss.

use ginnel_os::SocketKind::{Datagram, SeqPacket, Stream};
use ginnel_os::sys::{Descriptors, Sockets};
use rustix::net::SocketAddrUnix;

use super::calls::{Calls, got};
use super::second::Deed;
use super::{Bench, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    let mut rules = finding();
    rules.extend(queueing());
    rules.extend(others());
    rules
}

fn finding<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "bound-only",
            "who is bound and does not listen refuses",
            &["ECONNREFUSED", "ok", "ok"],
            bound_only,
        ),
        rule("missing", "where nothing is nobody is", &["ENOENT", "ENOENT"], missing),
        rule(
            "not-a-socket",
            "a file and a directory refuse",
            &["ECONNREFUSED", "ECONNREFUSED"],
            not_a_socket,
        ),
        rule(
            "stale",
            "a name outlives its socket, and refuses, whatever kind is asked for",
            &["ECONNREFUSED", "ECONNREFUSED", "a socket"],
            stale,
        ),
        rule(
            "wrong-kind",
            "who listens for another kind says so",
            &["EPROTOTYPE", "EPROTOTYPE", "ok"],
            wrong_kind,
        ),
        rule(
            "twice-connected",
            "a connection cannot be connected",
            &["EISCONN", "EINVAL", "EISCONN"],
            twice_connected,
        ),
        rule("listener-connects", "who listens connects to nobody", &["EINVAL"], listener_connects),
        rule(
            "listen-wrong",
            "who has no name, a peer, or datagrams cannot listen",
            &["EINVAL", "EINVAL", "EOPNOTSUPP"],
            listen_wrong,
        ),
        rule(
            "bind-again",
            "a socket has one name, and a name one socket",
            &["EINVAL", "EADDRINUSE", "EADDRINUSE"],
            bind_again,
        ),
        rule("bind-nowhere", "a name needs its directory", &["ENOENT", "ENOTDIR"], bind_nowhere),
        rule(
            "abstract",
            "an abstract name is in use until its socket is closed",
            &["ECONNREFUSED", "ok", "EADDRINUSE", "ok", "ECONNREFUSED", "ok"],
            abstract_name,
        ),
        rule(
            "kinds",
            "a socket knows what it is",
            &["Stream", "SeqPacket", "Datagram", "false", "true", "false"],
            kinds,
        ),
    ]
}

fn queueing<B: Bench>() -> Vec<Rule<B>> {
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
    ]
}

fn others<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "peer-pair",
            "both ends of a pair are mine, and so is a listener; a fresh socket is nobody's",
            &["mine", "mine", "mine", "unseen"],
            peer_pair,
        ),
        rule(
            "peer-listener",
            "who connects sees who listens, before and after their death",
            &["ok", "ok", "theirs", "theirs", "ECONNREFUSED"],
            peer_listener,
        ),
        rule(
            "peer-connector",
            "who accepts sees who connected, before and after their death",
            &["sent 2", "theirs", "<hi>", "EAGAIN", "<>", "theirs"],
            peer_connector,
        ),
    ]
}

fn bound_only<B: Bench>(k: &B) -> Seen {
    let socket = k.bound(Stream, "s");
    vec![k.try_connect(Stream, "s"), k.listen(&socket, 1), k.try_connect(Stream, "s")]
}

fn missing<B: Bench>(k: &B) -> Seen {
    vec![k.try_connect(Stream, "s"), k.try_connect(Stream, "no/s")]
}

fn not_a_socket<B: Bench>(k: &B) -> Seen {
    let _file = k.lock_file("file");
    vec![k.try_connect(Stream, "file"), k.try_connect(Stream, ".")]
}

fn stale<B: Bench>(k: &B) -> Seen {
    drop(k.listener(Stream, "s"));
    vec![k.try_connect(Stream, "s"), k.try_connect(SeqPacket, "s"), k.kind_at("s").to_owned()]
}

fn wrong_kind<B: Bench>(k: &B) -> Seen {
    let _listener = k.listener(Stream, "s");
    [SeqPacket, Datagram, Stream].map(|kind| k.try_connect(kind, "s")).to_vec()
}

fn twice_connected<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let socket = k.connected(Stream, "s");
    let accepted = k.accept(&listener).expect("somebody waits");
    vec![k.connect(&socket, "s"), k.listen(&socket, 1), k.connect(&accepted, "s")]
}

fn listener_connects<B: Bench>(k: &B) -> Seen {
    let _listener = k.listener(Stream, "s");
    let other = k.listener(Stream, "other");
    vec![k.connect(&other, "s")]
}

fn listen_wrong<B: Bench>(k: &B) -> Seen {
    let (pair, _other) = k.pair(Stream);
    vec![k.listen(&k.socket(Stream), 1), k.listen(&pair, 1), k.listen(&k.bound(Datagram, "d"), 1)]
}

fn bind_again<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let again = k.bind(&listener, "other");
    let taken = k.bind(&k.socket(Stream), "s");
    drop(listener);
    vec![again, taken, k.bind(&k.socket(Stream), "s")]
}

fn bind_nowhere<B: Bench>(k: &B) -> Seen {
    let _file = k.lock_file("file");
    vec![k.bind(&k.socket(Stream), "no/s"), k.bind(&k.socket(Stream), "file/s")]
}

fn abstract_name<B: Bench>(k: &B) -> Seen {
    let unique = k.root().to_string_lossy().into_owned();
    let address = SocketAddrUnix::new_abstract_name(unique.as_bytes()).expect("the name is short enough");
    let bind = |fd: &_| super::calls::outcome(&k.sys().bind(k.sys().borrow(fd), &address));
    let connect = || k.connect_to(&k.socket(Stream), &address);
    let refused = connect();
    let listener = k.socket(Stream);
    let (bound, taken) = (bind(&listener), bind(&k.socket(Stream)));
    k.listen(&listener, 1);
    let reached = connect();
    drop(listener);
    vec![refused, bound, taken, reached, connect(), bind(&k.socket(Stream))]
}

fn kinds<B: Bench>(k: &B) -> Seen {
    let kinds = [Stream, SeqPacket, Datagram].map(|kind| {
        let found = k.sys().kind(k.sys().borrow(&k.socket(kind)));
        found.ok().flatten().map_or_else(|| "unknown".to_owned(), |kind| format!("{kind:?}"))
    });
    let listens = |fd: &_| k.sys().is_listening(k.sys().borrow(fd)).expect("a socket can be asked");
    let (fresh, listener) = (k.socket(Stream), k.listener(Stream, "s"));
    let connected = k.connected(Stream, "s");
    [kinds, [&fresh, &listener, &connected].map(|fd| listens(fd).to_string())].concat()
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

fn peer_pair<B: Bench>(k: &B) -> Seen {
    let (a, b) = k.pair(Stream);
    vec![k.peer(&a), k.peer(&b), k.peer(&k.listener(Stream, "s")), k.peer(&k.socket(Stream))]
}

fn peer_listener<B: Bench>(k: &B) -> Seen {
    let second = k.second(Deed::Listen);
    let caller = k.socket(Stream);
    let mut seen = vec![second.said, k.connect(&caller, "s"), k.peer(&caller)];
    drop(second.process);
    seen.extend([k.peer(&caller), k.try_connect(Stream, "s")]);
    seen
}

fn peer_connector<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let second = k.second(Deed::Connect);
    let accepted = k.accept(&listener).expect("somebody waits");
    let mut seen = vec![second.said, k.peer(&accepted), k.receive(&accepted), k.receive(&accepted)];
    drop(second.process);
    seen.extend([k.receive(&accepted), k.peer(&accepted)]);
    seen
}
