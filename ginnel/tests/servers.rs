//! A server with many connections, and what it owes to each.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use ginnel::{
    Bound, Client, ConnId, Connection, ConnectionOptions, Error, Happening, Limit, Message, PeerFault,
    Reason, Server, ServerOptions, Wire,
};

const LONG: Duration = Duration::from_secs(60);

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    (dir, path)
}

/// A server that gives up after a minute, so that a test that fails does not hang.
fn listen(path: &Path, options: &ServerOptions) -> Server {
    let mut server = Server::listen_with(path, options).unwrap();
    server.set_deadline(Some(Instant::now() + LONG));
    server
}

fn server(path: &Path) -> Server {
    listen(path, &ServerOptions::new())
}

fn joined(server: &mut Server) -> ConnId {
    match server.next().unwrap() {
        Happening::Joined(id) => id,
        other => panic!("{other:?}"),
    }
}

/// A connection whose greeting the server has.
fn connect(path: &Path) -> Connection {
    Connection::connect(path).unwrap()
}

#[test]
fn each_that_joins_leaves_once_and_is_told_apart() {
    let (_dir, path) = place();
    let mut server = server(&path);
    let (mut one, mut two) = (connect(&path), connect(&path));
    let ids = [joined(&mut server), joined(&mut server)];
    assert_eq!(server.connections(), ids);
    assert_eq!(server.connection_count(), 2);
    assert_eq!(server.peer_credentials(ids[0]).unwrap().pid, Some(std::process::id()));
    assert!(server.greeting(ids[1]).is_some());
    one.send("from one").unwrap();
    let (from, message) = server.recv().unwrap();
    assert_eq!((from, &message.body[..]), (ids[0], &b"from one"[..]));
    server.send(ids[1], "to two").unwrap();
    assert_eq!(two.recv().unwrap().unwrap().body, "to two");
    assert!(server.disconnect(ids[0]) && !server.disconnect(ids[0]));
    assert!(!server.is_connected(ids[0]) && server.is_connected(ids[1]));
    let left = server.next().unwrap();
    assert!(matches!(left, Happening::Left(id, Reason::Intentional) if id == ids[0]), "{left:?}");
    drop(two);
    let left = server.next().unwrap();
    assert!(matches!(left, Happening::Left(id, Reason::Closed) if id == ids[1]), "{left:?}");
    assert_eq!(server.connection_count(), 0);
    assert!(one.recv().unwrap().is_none(), "taking leave is an end in order");
    assert!(one.said_goodbye());
    let failed = server.send(ids[1], "too late").unwrap_err();
    assert!(matches!(failed.error, Error::Stopped(Reason::Closed)), "{failed}");
    assert_eq!(failed.message.unwrap().body, "too late");
}

#[test]
fn questions_go_both_ways() {
    let (_dir, path) = place();
    let mut server = server(&path);
    let client = thread::spawn(move || {
        let mut connection = connect(&path);
        let answer = connection.call("and you?").unwrap();
        let Some(ginnel::Delivery::Request(request)) = connection.next().unwrap() else {
            panic!("asked back")
        };
        connection.reply(request, "fine").unwrap();
        answer.body
    });
    let id = joined(&mut server);
    let Happening::Request(request) = server.next().unwrap() else { panic!("a request") };
    let file = File::open("/dev/null").unwrap();
    server.reply(request, Message::new("well").with_fds(vec![file.into()]));
    assert_eq!(server.call(id, "how are you?").unwrap().body, "fine");
    assert_eq!(client.join().unwrap(), "well");
}

#[test]
fn a_client_notices_nothing_but_a_pause_when_its_server_is_replaced() {
    let (_dir, path) = place();
    let mut client = Client::connect(&path).unwrap();
    client.set_deadline(Some(Instant::now() + LONG));
    for round in 0..10u8 {
        let mut server = server(&path);
        let serving = thread::spawn(move || {
            loop {
                if let Happening::Message(_, message) = server.next().unwrap() {
                    return message.body;
                }
            }
        });
        client.send(vec![round]).unwrap();
        assert_eq!(serving.join().unwrap()[..], [round]);
        client.wait_for(|status| !matches!(status, ginnel::Status::Connected), LONG).unwrap();
    }
}

#[test]
fn a_broadcast_reaches_everybody_and_passes_by_who_does_not_read() {
    let (_dir, path) = place();
    let queue = Bound { messages: 4, ..Bound::CONNECTION };
    let options = ServerOptions::new().connection(ConnectionOptions::new().queue(queue));
    let mut server = listen(&path, &options);
    let deaf = UnixStream::connect(&path).unwrap();
    (&deaf).write_all(&greeting()).unwrap();
    let deaf_id = joined(&mut server);
    let reader = {
        let path = path.clone();
        thread::spawn(move || {
            let mut connection = connect(&path);
            std::iter::from_fn(|| connection.recv().unwrap())
                .map(|message| message.body.len())
                .collect::<Vec<_>>()
        })
    };
    let reader_id = joined(&mut server);
    let mut missed = Vec::new();
    for _ in 0..100 {
        missed.extend(server.broadcast(vec![7; 100_000]));
        server.flush(reader_id).unwrap();
    }
    assert!(missed.len() > 80 && missed.iter().all(|id| *id == deaf_id), "{missed:?}");
    server.disconnect(reader_id);
    drop(server);
    assert_eq!(reader.join().unwrap(), [100_000; 100]);
    drop(deaf);
}

#[test]
fn one_that_floods_does_not_starve_another() {
    let (_dir, path) = place();
    let mut server = server(&path);
    let mut quiet = connect(&path);
    let quiet_id = joined(&mut server);
    let flood = {
        let path = path.clone();
        thread::spawn(move || {
            let mut peer = UnixStream::connect(path).unwrap();
            peer.write_all(&greeting()).unwrap();
            peer.write_all(&[0, 0, 0, 0, 1, 0, 0, 0].repeat(100_000)).unwrap();
            peer
        })
    };
    let flooder_id = joined(&mut server);
    // It floods already when the other speaks.
    for _ in 0..5000 {
        assert_eq!(server.recv().unwrap().0, flooder_id);
    }
    let sent = thread::spawn(move || quiet.send("hear me").map(|()| quiet));
    let quiet = sent.join().unwrap().unwrap();
    let mut between = 0;
    while server.recv().unwrap().0 != quiet_id {
        between += 1;
    }
    // The inbox, and one turn's share.
    assert!(between <= 1024 + 128, "{between} frames came first");
    for _ in 0..100_000 - 5000 - between {
        assert_eq!(server.recv().unwrap().0, flooder_id);
    }
    drop((quiet, flood.join().unwrap()));
}

#[test]
fn whoever_breaks_a_rule_is_cut_and_the_others_are_served() {
    let (_dir, path) = place();
    let mut server = server(&path);
    let mut good = connect(&path);
    let good_id = joined(&mut server);
    let mut bad = UnixStream::connect(&path).unwrap();
    bad.write_all(&greeting()).unwrap();
    bad.write_all(&[2, 0, 0, 0, 1, 0, 0, 0, b'o', b'k', 0, 0, 0, 0, 99, 0, 0, 0]).unwrap();
    let bad_id = joined(&mut server);
    assert!(matches!(server.next().unwrap(), Happening::Message(id, _) if id == bad_id));
    let left = server.next().unwrap();
    assert!(
        matches!(left, Happening::Left(id, Reason::Fault(PeerFault::UnknownKind { .. })) if id == bad_id),
        "{left:?}"
    );
    // Who does not even greet is never told of.
    UnixStream::connect(&path).unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    good.send("still here").unwrap();
    assert!(matches!(server.next().unwrap(), Happening::Message(id, _) if id == good_id));
}

#[test]
fn answers_that_nobody_reads_cost_no_more_than_their_bound() {
    let (_dir, path) = place();
    let options = ServerOptions::new().answers(3 << 20);
    let mut server = listen(&path, &options);
    let mut greedy = UnixStream::connect(&path).unwrap();
    let ask = |call: u64| [&[8, 0, 0, 0, 2, 0, 0, 0][..], &call.to_le_bytes()].concat();
    // All in one turn: later, nothing more is read from one that does not take its answers.
    greedy.write_all(&[greeting(), (1..=60).flat_map(ask).collect()].concat()).unwrap();
    let mut good = connect(&path);
    let mut answered = 0;
    while answered < 60 {
        if let Happening::Request(request) = server.next().unwrap() {
            server.reply(request, vec![0; 1 << 20]);
            answered += 1;
        }
    }
    greedy.write_all(&ask(61)).unwrap();
    // Everybody else is still served.
    let asking = thread::spawn(move || good.call("?").unwrap().body);
    loop {
        if let Happening::Request(request) = server.next().unwrap() {
            assert_eq!(request.message.body, "?", "one that does not read is not read");
            server.reply(request, "!");
            break;
        }
    }
    let reading = thread::spawn(move || {
        let mut rest = Vec::new();
        greedy.read_to_end(&mut rest).unwrap();
        rest
    });
    server.close(LONG).unwrap();
    assert_eq!(asking.join().unwrap(), "!");
    let rest = reading.join().unwrap();
    assert!(rest.len() < 6 << 20, "{} bytes were kept", rest.len());
    let told = rest.windows(25).filter(|window| *window == b"the answer cannot be sent").count();
    assert!(told > 50, "{told} were told");
}

#[test]
fn closing_sends_what_is_queued_and_removes_the_name() {
    let (_dir, path) = place();
    let mut server = server(&path);
    let mut connection = connect(&path);
    let id = joined(&mut server);
    server.try_feed(id, "last").unwrap();
    let reading = thread::spawn(move || {
        let last = connection.recv().unwrap().unwrap().body;
        assert!(connection.recv().unwrap().is_none());
        last
    });
    server.close(LONG).unwrap();
    assert_eq!(reading.join().unwrap(), "last");
    assert!(!path.exists());
}

#[test]
fn a_name_that_somebody_removed_is_published_again_and_nobody_is_lost() {
    let (_dir, path) = place();
    let mut server = server(&path);
    let mut early = connect(&path);
    let early_id = joined(&mut server);
    let mut waiting = connect(&path);
    std::fs::remove_file(&path).unwrap();
    assert!(!server.is_published().unwrap());
    server.republish().unwrap();
    assert!(server.is_published().unwrap());
    let mut late = connect(&path);
    for connection in [&mut early, &mut waiting, &mut late] {
        connection.send("hello").unwrap();
    }
    let from: Vec<_> = (0..3).map(|_| server.recv().unwrap().0).collect();
    assert!(from.contains(&early_id) && server.connection_count() == 3, "{from:?}");
}

#[test]
fn the_inbox_is_bounded_while_something_else_is_waited_for() {
    let (_dir, path) = place();
    let inbox = Bound { messages: 8, ..Bound::CONNECTION };
    let options = ServerOptions::new().connection(ConnectionOptions::new().inbox(inbox));
    let mut server = listen(&path, &options);
    let mut noisy = connect(&path);
    let id = joined(&mut server);
    for _ in 0..200 {
        noisy.feed("noise").unwrap();
    }
    noisy.flush().unwrap();
    let failed = server.call(id, "?").unwrap_err();
    assert!(matches!(failed.error, Error::Limit(Limit::Inbox { .. })), "{failed}");
    for _ in 0..200 {
        assert_eq!(server.recv().unwrap().1.body, "noise");
    }
}

#[test]
fn other_wires_are_served_too() {
    let (_dir, path) = place();
    let lines = ConnectionOptions::new().wire(Wire::Lines);
    let mut server = listen(&path, &ServerOptions::new().connection(lines));
    let mut peer = UnixStream::connect(&path).unwrap();
    let id = joined(&mut server);
    peer.write_all(b"one\ntwo\n").unwrap();
    assert_eq!(server.recv().unwrap().1.body, "one");
    assert_eq!(server.recv().unwrap().1.body, "two");
    server.send(id, "three").unwrap();
    let mut line = [0; 6];
    peer.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"three\n");
    assert!(matches!(server.call(id, "?").unwrap_err().error, Error::Misuse(_)));
}

#[test]
fn everything_is_closed_with_the_server() {
    let (_dir, path) = place();
    let before = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut server = server(&path);
    let (left, mut right) = UnixStream::pair().unwrap();
    let mut connection = connect(&path);
    joined(&mut server);
    connection.send(Message::new("take it").with_fds(vec![left.into()])).unwrap();
    while !matches!(server.next().unwrap(), Happening::Message(..)) {}
    drop((server, connection));
    assert_eq!(right.read(&mut [0]).unwrap(), 0, "every copy is closed");
    drop(right);
    // Other tests of this process open and close some meanwhile: it must be seen to come back.
    let back = (0..10_000).any(|_| {
        thread::yield_now();
        std::fs::read_dir("/proc/self/fd").unwrap().count() <= before
    });
    assert!(back);
}

fn greeting() -> Vec<u8> {
    [b"GNL\x01\0\0\0\0".as_slice(), &(16u32 << 20).to_le_bytes(), &[16, 0, 0, 0], &[7; 16]].concat()
}
