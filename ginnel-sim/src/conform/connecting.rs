//! How sockets find each other, and how they miss.

use ginnel_os::SocketKind::{Datagram, SeqPacket, Stream};
use ginnel_os::sys::{Descriptors, Sockets};
use rustix::net::SocketAddrUnix;

use super::calls::Calls;
use super::second::Deed;
use super::{Bench, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    let mut rules = finding();
    rules.extend(naming());
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
    ]
}

fn naming<B: Bench>() -> Vec<Rule<B>> {
    vec![
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
            "second-choice",
            "a name that was taken leaves the socket without one",
            &["EADDRINUSE", "ok"],
            second_choice,
        ),
        rule("own-name-again", "a name is in use for its owner too", &["EADDRINUSE"], own_name_again),
        rule(
            "kinds",
            "a socket knows what it is",
            &["Stream", "SeqPacket", "Datagram", "false", "true", "false"],
            kinds,
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
            "try-again",
            "a socket that found nobody can look again",
            &["ENOENT", "ECONNREFUSED", "ok"],
            try_again,
        ),
        rule(
            "connect-after-end",
            "a connection that has ended is one still",
            &["<>", "EISCONN"],
            connect_after_end,
        ),
        rule(
            "killed-unread",
            "whoever is killed with bytes unread resets",
            &["sent 2", "sent 1", "<hi +1>", "ECONNRESET"],
            killed_unread,
        ),
        rule(
            "killed-sender",
            "what was sent before a death is read after it, descriptors too",
            &["sent 2", "<hi +1>", "<>"],
            killed_sender,
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
            &["sent 2", "theirs", "<hi +1>", "EAGAIN", "<>", "theirs"],
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

fn second_choice<B: Bench>(k: &B) -> Seen {
    let _listener = k.listener(Stream, "s");
    let socket = k.socket(Stream);
    vec![k.bind(&socket, "s"), k.bind(&socket, "other")]
}

fn own_name_again<B: Bench>(k: &B) -> Seen {
    vec![k.bind(&k.bound(Stream, "s"), "s")]
}

fn try_again<B: Bench>(k: &B) -> Seen {
    let caller = k.socket(Stream);
    let missed = k.connect(&caller, "s");
    let listener = k.bound(Stream, "s");
    let refused = k.connect(&caller, "s");
    k.listen(&listener, 1);
    vec![missed, refused, k.connect(&caller, "s")]
}

fn connect_after_end<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let caller = k.connected(Stream, "s");
    drop(k.accept(&listener));
    vec![k.receive(&caller), k.connect(&caller, "s")]
}

fn killed_unread<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let second = k.second(Deed::Connect);
    let accepted = k.accept(&listener).expect("somebody waits");
    let sent = k.send(&accepted, b"m");
    drop(second.process);
    vec![second.said, sent, k.receive(&accepted), k.receive(&accepted)]
}

fn killed_sender<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let second = k.second(Deed::Connect);
    let accepted = k.accept(&listener).expect("somebody waits");
    drop(second.process);
    vec![second.said, k.receive(&accepted), k.receive(&accepted)]
}
