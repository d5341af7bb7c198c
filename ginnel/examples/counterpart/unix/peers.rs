//! Peers: two who talk, and members of whom one is killed.

use std::io;

use ginnel::{LISTENER, Peer, PeerEvent, PeerOptions, Reason, Role};

use super::{LONG, Story, Told, say};

pub(crate) const STORIES: &[Story] = &[("peers", first, second)];

fn joined(peer: &mut Peer) -> ginnel::Neighbour {
    loop {
        if let PeerEvent::Joined(neighbour) = peer.next().unwrap() {
            return neighbour;
        }
    }
}

fn becomes(peer: &mut Peer, role: Role) {
    while !matches!(peer.next().unwrap(), PeerEvent::Role(told) if told == role) {}
}

fn asked(peer: &mut Peer) -> ginnel::Request {
    loop {
        if let PeerEvent::Request(request) = peer.next().unwrap() {
            return request;
        }
    }
}

/// It listens, talks, and leaves its path to the other.
fn first(at: &str) -> Told {
    let mut peer = Peer::join_with(at, &PeerOptions::new().name("first")?.data("one")?)?;
    assert_eq!(peer.role(), Role::Listener);
    say("ready");
    let other = joined(&mut peer);
    assert_eq!((other.name(), &other.data()[..], other.listens()), ("second", &b"two"[..], false));
    assert_eq!(peer.recv()?.1.body, "to whoever listens");
    let question = asked(&mut peer);
    peer.reply(question, "well");
    assert_eq!(peer.call(other.id, "and you?")?.body, "fine");
    assert!(peer.broadcast("to all").is_empty());
    assert_eq!(peer.standby(), Some(other.id));
    peer.dispose(LONG)?;
    Ok(())
}

fn second(at: &str) -> Told {
    let mut peer = Peer::join_with(at, &PeerOptions::new().name("second")?.data("two")?)?;
    let other = joined(&mut peer);
    assert_eq!((other.name(), &other.data()[..], other.listens()), ("first", &b"one"[..], true));
    peer.send(LISTENER, "to whoever listens")?;
    assert_eq!(peer.call(LISTENER, "how are you?")?.body, "well");
    let question = asked(&mut peer);
    peer.reply(question, "fine");
    assert_eq!(peer.recv()?.1.body, "to all");
    loop {
        if let PeerEvent::Left(id, reason) = peer.next()? {
            assert!(id == other.id && matches!(reason, Reason::Closed), "{reason}");
            break;
        }
    }
    becomes(&mut peer, Role::Listener);
    peer.dispose(LONG)?;
    Ok(())
}

/// Takes part, and tells what happens: until its input ends, it is ended.
pub(crate) fn member(at: &str) -> Told {
    let (peer, driver) = Peer::join(at)?.shared();
    std::thread::spawn(|| driver.run());
    let asking = peer.clone();
    std::thread::spawn(move || {
        for order in io::stdin().lines() {
            let answer = match order.unwrap().as_str() {
                "who" => String::from_utf8_lossy(&asking.call(LISTENER, "who").unwrap().body).into_owned(),
                other => panic!("{other}"),
            };
            say(format_args!("listener {answer}"));
        }
        std::process::exit(0);
    });
    loop {
        match peer.next()? {
            PeerEvent::Role(Role::Listener) => say("role listener"),
            PeerEvent::Role(Role::Connector) => say("role connector"),
            PeerEvent::Joined(neighbour) if !neighbour.listens() => {
                say(format_args!("joined {}", neighbour.pid.unwrap_or(0)));
            }
            PeerEvent::Request(request) => peer.reply(request, std::process::id().to_string()),
            _ => {}
        }
    }
}
