//! Drops every async function of peers and their handles after each number of polls, and shows that messages are whole
//! and once or not there at all, that a path is left to whoever is there, and that no descriptor is lost.
#![cfg(unix)]

mod cancelling;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ginnel_tokio::*;

use cancelling::{at_every_await, turn, up_to};

const LONG: Duration = Duration::from_secs(3600);
/// More than one write takes.
const LARGE: usize = 300_000;

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    (dir, path)
}

fn large(number: u8) -> Message {
    let file = File::open("/dev/null").expect("it exists");
    Message::new(vec![number; LARGE]).with_fds(vec![file.into()])
}

async fn told(peer: &mut Peer, role: Role) {
    while !matches!(peer.next().await.expect("it takes part"), PeerEvent::Role(told) if told == role) {}
}

/// A peer that is driven, and answers each request with its own bytes; messages and roles are told.
struct Far {
    messages: tokio::sync::mpsc::UnboundedReceiver<Message>,
    roles: tokio::sync::mpsc::UnboundedReceiver<Role>,
    peer: PeerHandle,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Far {
    async fn join(path: &Path) -> Self {
        Self::of(Peer::join(path).await.expect("it may take part"))
    }

    fn of(peer: Peer) -> Self {
        let (peer, driver) = peer.shared();
        let (tell_message, messages) = tokio::sync::mpsc::unbounded_channel();
        let (tell_role, roles) = tokio::sync::mpsc::unbounded_channel();
        let handle = peer.clone();
        let serving = async move {
            loop {
                match handle.next().await.expect("it is driven") {
                    PeerEvent::Message(_, message) => drop(tell_message.send(message)),
                    PeerEvent::Role(role) => drop(tell_role.send(role)),
                    PeerEvent::Request(request) => {
                        let echo = request.message.body.clone();
                        handle.reply(request, echo);
                    }
                    _ => {}
                }
            }
        };
        let driving = async move { driver.await.expect("a poller") };
        let tasks = vec![tokio::spawn(serving), tokio::spawn(driving)];
        Self { messages, roles, peer, tasks }
    }

    /// The messages until the one that says "end".
    async fn until_end(&mut self) -> Vec<u8> {
        let mut numbers = Vec::new();
        loop {
            let message = self.messages.recv().await.expect("it is served");
            if message.body == "end" {
                return numbers;
            }
            assert!(message.body.len() == LARGE && message.fds.len() == 1, "it is whole");
            numbers.push(message.body[0]);
        }
    }

    async fn until(&mut self, role: Role) {
        while self.roles.recv().await.expect("it is served") != role {}
    }

    async fn end(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await;
        }
        drop(self.peer);
    }
}

/// Takes part as one who is answered.
async fn is_served(path: &Path) {
    let mut peer = Peer::join(path).await.expect("it may take part");
    assert_eq!(peer.role(), Role::Connector);
    assert_eq!(peer.call(LISTENER, "?").await.expect("an answer").body, "?");
}

#[test]
fn joining() {
    at_every_await(1, async |polls| {
        let (_dir, path) = place();
        let far = Far::join(&path).await;
        let joined = up_to(polls, Peer::join(&path), || {}).await;
        let done = joined.is_some();
        drop(joined);
        is_served(&path).await;
        far.end().await;
        done
    });
}

#[test]
fn joining_where_whoever_listens_is_slow() {
    at_every_await(4, async |polls| {
        let (_dir, path) = place();
        let listener = Peer::join(&path).await.expect("it may take part");
        assert!(up_to(polls, Peer::join(&path), || {}).await.is_none(), "nobody greets");
        let far = Far::of(listener);
        is_served(&path).await;
        assert_eq!(far.peer.role(), Role::Listener);
        far.end().await;
        polls == 5
    });
}

#[test]
fn what_arrives() {
    at_every_await(3, async |polls| {
        let (_dir, path) = place();
        let mut listener = Peer::join(&path).await.expect("it may take part");
        let near = {
            let path = path.clone();
            tokio::spawn(async move {
                let mut peer = Peer::join(&path).await.expect("somebody listens");
                for number in 1..=3 {
                    peer.feed(LISTENER, large(number)).await.expect("room");
                }
                peer.flush(LISTENER).await.expect("it is connected");
                peer
            })
        };
        let mut numbers = Vec::new();
        let first = up_to(polls, listener.recv(), || {}).await;
        let done = first.is_some();
        numbers.extend(first.map(|first| first.expect("a poller").1.body[0]));
        while numbers.len() < 3 {
            let (_, message) = listener.recv().await.expect("a poller");
            assert!(message.body.len() == LARGE && message.fds.len() == 1, "it is whole");
            numbers.push(message.body[0]);
        }
        assert_eq!(numbers, [1, 2, 3]);
        assert!(up_to(polls, listener.next(), || {}).await.is_none(), "nothing happens");
        drop(near.await.expect("no panic"));
        assert!(matches!(listener.next().await, Ok(PeerEvent::Left(..))));
        done
    });
}

#[test]
fn what_is_sent_and_asked() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let mut far = Far::join(&path).await;
        let mut peer = Peer::join(&path).await.expect("somebody listens");
        peer.feed(LISTENER, large(1)).await.expect("room");
        let sent = up_to(polls, peer.send(LISTENER, large(2)), || {}).await.is_some();
        let flushed = up_to(polls, peer.flush(LISTENER), || {}).await.is_some();
        let asked = up_to(polls, peer.call(LISTENER, "one"), || {}).await.is_some();
        assert_eq!(peer.call(LISTENER, "two").await.expect("an answer").body, "two");
        peer.send(LISTENER, "end").await.expect("it is connected");
        let numbers = far.until_end().await;
        assert!(numbers == [1, 2] || (!sent && numbers == [1]), "{numbers:?}");
        drop(peer);
        far.end().await;
        sent && flushed && asked
    });
}

#[test]
fn taking_over() {
    at_every_await(0, async |polls| {
        let (_dir, path) = place();
        let far = Far::join(&path).await;
        let mut peer = Peer::join(&path).await.expect("somebody listens");
        assert_eq!(peer.call(LISTENER, "?").await.expect("an answer").body, "?");
        let before = peer.epoch();
        far.end().await;
        let done = up_to(polls, told(&mut peer, Role::Listener), || {}).await.is_some();
        if !done {
            told(&mut peer, Role::Listener).await;
        }
        assert!(peer.epoch() > before);
        let far = Far::of(peer);
        is_served(&path).await;
        far.end().await;
        done
    });
}

#[test]
fn what_waits_for_the_next_who_listens() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let listener = Far::join(&path).await;
        let mut heir = Far::join(&path).await;
        let mut peer = Peer::join(&path).await.expect("somebody listens");
        assert_eq!(peer.call(LISTENER, "?").await.expect("an answer").body, "?");
        listener.end().await;
        heir.until(Role::Listener).await;
        told(&mut peer, Role::Negotiating).await;
        let sent = up_to(polls, peer.send(LISTENER, large(1)), || {}).await.is_some();
        let asked = up_to(polls, peer.call(LISTENER, "one"), || {}).await.is_some();
        assert_eq!(peer.call(LISTENER, "two").await.expect("an answer").body, "two");
        peer.send(LISTENER, "end").await.expect("it is connected");
        let numbers = heir.until_end().await;
        assert!(numbers == [1] || (!sent && numbers.is_empty()), "{numbers:?}");
        drop(peer);
        heir.end().await;
        sent && asked
    });
}

#[test]
fn disposing_of_a_listener() {
    at_every_await(1, async |polls| {
        let (_dir, path) = place();
        let mut listener = Peer::join(&path).await.expect("it may take part");
        let joining = tokio::spawn({
            let path = path.clone();
            async move { Far::join(&path).await }
        });
        while !matches!(listener.next().await, Ok(PeerEvent::Joined(_))) {}
        let mut far = joining.await.expect("no panic");
        let done = up_to(polls, listener.dispose(LONG), || {}).await.is_some();
        far.until(Role::Listener).await;
        is_served(&path).await;
        far.end().await;
        done
    });
}

#[test]
fn disposing_by_a_handle() {
    at_every_await(1, async |polls| {
        let (_dir, path) = place();
        let (listener, driver) = Peer::join(&path).await.expect("it may take part").shared();
        let driver = tokio::spawn(driver);
        let mut far = Far::join(&path).await;
        while !matches!(listener.next().await, Ok(PeerEvent::Joined(_))) {}
        let done = up_to(polls, listener.dispose(LONG), || {}).await.is_some();
        // Until it was polled it has not begun.
        listener.dispose(LONG).await.expect("the other one goes on");
        far.until(Role::Listener).await;
        assert!(listener.connections().is_empty());
        drop(listener);
        driver.await.expect("no panic").expect("a poller");
        is_served(&path).await;
        far.end().await;
        done
    });
}

#[test]
fn what_arrives_at_handles() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let (listener, driver) = Peer::join(&path).await.expect("it may take part").shared();
        let driver = tokio::spawn(driver);
        let mut peer = Peer::join(&path).await.expect("somebody listens");
        turn().await;
        let first = {
            let sending = tokio::spawn(async move {
                peer.send(LISTENER, large(1)).await.expect("it is connected");
                peer.send(LISTENER, large(2)).await.expect("it is connected");
                peer
            });
            let first = up_to(polls, listener.recv(), || {}).await;
            let mut numbers: Vec<u8> = Vec::new();
            numbers.extend(first.iter().map(|first| first.as_ref().expect("a driver").1.body[0]));
            while numbers.len() < 2 {
                numbers.push(listener.recv().await.expect("a driver").1.body[0]);
            }
            assert_eq!(numbers, [1, 2]);
            drop(sending.await.expect("no panic"));
            first
        };
        drop(listener);
        driver.await.expect("no panic").expect("a poller");
        first.is_some()
    });
}
