//! A client's machine over real sockets, against peers that are written byte by byte.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

use ginnel_proto::client::{Client, ClientOptions, Command, Event, Reason, Status};
use ginnel_proto::link::Greeting;
use ginnel_proto::machine::Action;
use ginnel_proto::{Answer, Message, Patience};
use rustix::event::{PollFd, PollFlags, poll};

use super::*;
use crate::engine::{Engine, Net};
use crate::sys;

mod parts;
mod settling;

type ClientEngine = Engine<Client<OwnedFd>, SocketNet>;

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    (dir, path)
}

fn client(path: &Path, net: NetOptions) -> ClientEngine {
    let address = Address::path(path).unwrap();
    let options = ClientOptions { base: Duration::from_millis(1), ..ClientOptions::default() };
    let mut engine = Engine::new(Client::new(address, options), SocketNet::new(net).unwrap());
    engine.command(Command::Connect, Instant::now());
    engine
}

/// Waits as a driver does, until an event is what is looked for. The others are dropped.
fn until<T>(engine: &mut ClientEngine, mut wanted: impl FnMut(Event<OwnedFd>) -> Option<T>) -> T {
    loop {
        while let Some(event) = engine.poll_event() {
            if let Some(found) = wanted(event) {
                return found;
            }
        }
        wait(engine);
    }
}

fn wait(engine: &mut ClientEngine) {
    engine.hold(engine.waiting_events() >= 1024);
    if engine.turn(Instant::now(), true).unwrap() || engine.waiting_events() > 0 {
        return;
    }
    let rest =
        engine.deadline().map_or(Duration::from_secs(60), |at| at.saturating_duration_since(Instant::now()));
    let rest = rustix::event::Timespec::try_from(rest).unwrap();
    poll(&mut [PollFd::new(engine, PollFlags::IN)], Some(&rest)).unwrap();
}

fn status(engine: &mut ClientEngine, wanted: fn(&Status) -> bool) -> Status {
    until(engine, |event| match event {
        Event::Status(status) if wanted(&status) => Some(status),
        _ => None,
    })
}

fn sent(engine: &mut ClientEngine) {
    while engine.machine().unsent().messages > 0 {
        wait(engine);
    }
}

fn send(engine: &mut ClientEngine, message: impl Into<Message<OwnedFd>>) {
    engine.command(Command::Send(message.into()), Instant::now());
}

fn body_of(event: Event<OwnedFd>) -> Option<Vec<u8>> {
    match event {
        Event::Message(message) => Some(message.body.to_vec()),
        _ => None,
    }
}

fn greeting() -> Vec<u8> {
    [b"GNL\x01\0\0\0\0".as_slice(), &(16u32 << 20).to_le_bytes(), &[16, 0, 0, 0], &[7; 16]].concat()
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_le_bytes()[..], &[kind, 0, 0, 0], payload].concat()
}

/// Greets, and takes the greeting.
fn greet(mut peer: UnixStream) -> UnixStream {
    peer.write_all(&greeting()).unwrap();
    let mut theirs = [0; Greeting::BYTES];
    peer.read_exact(&mut theirs).unwrap();
    peer
}

fn read_frame(peer: &mut UnixStream) -> (u8, Vec<u8>) {
    let mut header = [0; 8];
    peer.read_exact(&mut header).unwrap();
    let [l0, l1, l2, l3, kind, ..] = header;
    let mut payload = vec![0; u32::from_le_bytes([l0, l1, l2, l3]) as usize];
    peer.read_exact(&mut payload).unwrap();
    (kind, payload)
}

#[test]
fn messages_go_both_ways_and_large_ones_too() {
    let (_dir, path) = place();
    let listener = UnixListener::bind(&path).unwrap();
    let peer = thread::spawn(move || {
        let mut peer = greet(listener.accept().unwrap().0);
        for _ in 0..300 {
            let (kind, payload) = read_frame(&mut peer);
            peer.write_all(&frame(kind, &payload)).unwrap();
        }
        let (kind, payload) = read_frame(&mut peer);
        peer.write_all(&frame(kind, &payload)).unwrap();
        peer
    });
    let mut engine = client(&path, NetOptions::default());
    for number in 0..300u32 {
        send(&mut engine, vec![number as u8; 900]);
    }
    for number in 0..300u32 {
        assert_eq!(until(&mut engine, body_of), vec![number as u8; 900]);
    }
    let large: Vec<u8> = (0..3_000_000u32).map(|byte| (byte % 251) as u8).collect();
    send(&mut engine, large.clone());
    assert_eq!(until(&mut engine, body_of), large);
    assert_eq!(engine.machine().unsent().messages, 0);
    peer.join().unwrap();
}

#[test]
fn a_client_comes_back_and_sends_what_was_not_sent() {
    let (_dir, path) = place();
    let mut engine = client(&path, NetOptions::default());
    send(&mut engine, "before anybody listens");
    status(&mut engine, |status| matches!(status, Status::Reconnecting { .. }));
    for round in 0..20u8 {
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let peer = thread::spawn(move || {
            let mut peer = greet(listener.accept().unwrap().0);
            read_frame(&mut peer)
        });
        status(&mut engine, |status| *status == Status::Connected);
        sent(&mut engine);
        let (_, payload) = peer.join().unwrap();
        let expected = if round == 0 { b"before anybody listens".to_vec() } else { vec![round - 1] };
        assert_eq!(payload, expected);
        status(&mut engine, |status| matches!(status, Status::Reconnecting { .. }));
        send(&mut engine, vec![round]);
    }
}

#[test]
fn descriptors_travel_with_their_message() {
    let (_dir, path) = place();
    let listener = UnixListener::bind(&path).unwrap();
    let peer = thread::spawn(move || {
        let peer = greet(listener.accept().unwrap().0);
        let stream = Stream::adopt(peer.into()).unwrap();
        let mut bytes = [0; 100];
        let chunk = stream.receive(&mut bytes, sys::Wait::InCall).unwrap().unwrap();
        (bytes[8..chunk.bytes].to_vec(), chunk.fds.len())
    });
    let mut engine = client(&path, NetOptions::default());
    let file = File::open("/dev/null").unwrap();
    send(&mut engine, Message::new("file").with_fds(vec![file.into()]));
    sent(&mut engine);
    assert_eq!(peer.join().unwrap(), (b"file".to_vec(), 1));
}

#[test]
fn a_question_is_answered_and_a_lost_one_told() {
    let (_dir, path) = place();
    let listener = UnixListener::bind(&path).unwrap();
    let peer = thread::spawn(move || {
        let mut peer = greet(listener.accept().unwrap().0);
        let (_, question) = read_frame(&mut peer);
        peer.write_all(&frame(3, &[&question[..8], b"answer"].concat())).unwrap();
        read_frame(&mut peer);
    });
    let mut engine = client(&path, NetOptions::default());
    engine.command(Command::Ask(Message::new("?")), Instant::now());
    let answer = until(&mut engine, |event| match event {
        Event::Answered(_, Answer::Response(message)) => Some(message.body),
        _ => None,
    });
    assert_eq!(&answer[..], b"answer");
    let id = engine.machine().upcoming();
    engine.command(Command::Ask(Message::new("?")), Instant::now());
    let lost = until(&mut engine, |event| match event {
        Event::CallLost(id) => Some(id),
        _ => None,
    });
    assert_eq!(lost, id);
    peer.join().unwrap();
}

#[test]
fn whoever_does_not_greet_in_time_is_no_connection() {
    let (_dir, path) = place();
    let _listener = UnixListener::bind(&path).unwrap();
    let patience = Patience { greeting: Some(Duration::from_millis(10)), ..Patience::default() };
    let mut engine = client(&path, NetOptions { patience, ..NetOptions::default() });
    status(&mut engine, |status| matches!(status, Status::Reconnecting { .. }));
    status(&mut engine, |status| matches!(status, Status::Connecting { .. }));
}

#[test]
fn bad_input_ends_a_connection_after_what_came_before() {
    let (_dir, path) = place();
    let listener = UnixListener::bind(&path).unwrap();
    let peer = thread::spawn(move || {
        let mut peer = greet(listener.accept().unwrap().0);
        peer.write_all(&[frame(1, b"good"), frame(99, b"bad")].concat()).unwrap();
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).unwrap();
    });
    let mut engine = client(&path, NetOptions::default());
    let mut seen = Vec::new();
    until(&mut engine, |event| match event {
        Event::Message(message) => {
            seen.push(message.body);
            None
        }
        Event::Status(Status::Reconnecting { .. }) => Some(()),
        _ => None,
    });
    assert_eq!(seen, ["good"]);
    drop(engine);
    peer.join().unwrap();
}

#[test]
fn taking_leave_delivers_what_was_given_to_the_link_and_says_goodbye() {
    let (_dir, path) = place();
    let listener = UnixListener::bind(&path).unwrap();
    let peer = thread::spawn(move || {
        let mut peer = greet(listener.accept().unwrap().0);
        // It sends and does not read for a while: the close must not reset it.
        peer.write_all(&frame(1, &[0; 1000])).unwrap();
        let frames = [read_frame(&mut peer), read_frame(&mut peer)];
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).unwrap();
        (frames, rest)
    });
    let mut engine = client(&path, NetOptions::default());
    status(&mut engine, |status| *status == Status::Connected);
    send(&mut engine, "last");
    engine.command(Command::Disconnect, Instant::now());
    status(&mut engine, |status| matches!(status, Status::Disconnected { reason: Reason::Intentional }));
    while engine.net().connections() > 0 {
        wait(&mut engine);
    }
    let (frames, rest) = peer.join().unwrap();
    assert_eq!(frames, [(1, b"last".to_vec()), (8, Vec::new())]);
    assert_eq!(rest, b"");
}

#[test]
fn a_flood_of_empty_frames_takes_many_bounded_turns() {
    let (_dir, path) = place();
    let listener = UnixListener::bind(&path).unwrap();
    let peer = thread::spawn(move || {
        let mut peer = greet(listener.accept().unwrap().0);
        peer.write_all(&frame(1, b"").repeat(100_000)).unwrap();
        peer
    });
    let mut engine = client(&path, NetOptions::default());
    let mut taken = 0;
    while taken < 100_000 {
        wait(&mut engine);
        assert!(engine.waiting_events() < 1024 + 64 + 8, "{} events wait", engine.waiting_events());
        if engine.waiting_events() >= 1024 || taken > 90_000 {
            while let Some(event) = engine.poll_event() {
                taken += u32::from(matches!(event, Event::Message(_)));
            }
        }
    }
    peer.join().unwrap();
}

#[test]
fn an_engine_that_nobody_empties_does_not_spin() {
    let (_dir, path) = place();
    let listener = UnixListener::bind(&path).unwrap();
    let peer = thread::spawn(move || {
        let mut peer = greet(listener.accept().unwrap().0);
        peer.write_all(&frame(1, b"").repeat(3000)).unwrap();
        peer
    });
    let mut engine = client(&path, NetOptions::default());
    while engine.waiting_events() < 1024 {
        wait(&mut engine);
    }
    drop(peer.join().unwrap());
    engine.hold(true);
    let turns = (0..1000).take_while(|_| engine.turn(Instant::now(), true).unwrap()).count();
    assert!(turns < 10, "{turns} turns found something to do");
    let mut rest = 0;
    until(&mut engine, |event| {
        rest += u32::from(matches!(event, Event::Message(_)));
        matches!(event, Event::Status(Status::Reconnecting { .. })).then_some(())
    });
    assert_eq!(rest, 3000);
}

#[test]
fn a_waker_ends_the_wait_from_another_thread() {
    let (_dir, path) = place();
    let mut engine = client(&path, NetOptions::default());
    engine.command(Command::Disconnect, Instant::now());
    while engine.turn(Instant::now(), true).unwrap() {}
    let waker = engine.net().waker();
    let waking = thread::spawn(move || waker.wake().unwrap());
    poll(&mut [PollFd::new(&engine, PollFlags::IN)], None).unwrap();
    waking.join().unwrap();
    assert!(engine.turn(Instant::now(), true).unwrap());
    assert!(!engine.turn(Instant::now(), true).unwrap(), "once");
}

/// Turns until somebody has come in through the listener.
fn accepted(net: &mut SocketNet) -> ConnId {
    loop {
        net.turn(Instant::now(), true).unwrap();
        while let Some(report) = net.report() {
            match report {
                NetEvent::Accepted(id, _) => return id,
                NetEvent::Listening => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn the_next_listener_gives_out_no_number_again() {
    let (_dir, path) = place();
    let options = NetOptions {
        link: ginnel_proto::LinkOptions { wire: ginnel_proto::Wire::Raw, ..NetOptions::default().link },
        ..NetOptions::default()
    };
    let mut net = SocketNet::new(options).unwrap();
    let mut seen = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..2 {
        net.act(Action::Listen(Address::path(&path).unwrap()), Instant::now());
        clients.push(UnixStream::connect(&path).unwrap());
        seen.push(accepted(&mut net));
        net.act(Action::Unlisten, Instant::now());
    }
    assert!(seen[0] < seen[1], "{seen:?}");
    assert_eq!(net.connections(), 2, "the first is still there");
}
