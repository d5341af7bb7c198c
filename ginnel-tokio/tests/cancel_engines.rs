//! Drops every async function of clients, servers, their handles and typed values after each number of polls, and shows
//! that messages are whole and once or not there at all, that calls find their own answers, and that no descriptor is
//! lost.
#![cfg(unix)]

mod cancelling;
#[cfg(feature = "serde")]
#[path = "cancelling/values.rs"]
mod values;

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

/// A server that is driven, and answers each request with its own bytes; messages are told.
struct Far {
    messages: tokio::sync::mpsc::UnboundedReceiver<Message>,
    cancelled: tokio::sync::mpsc::UnboundedReceiver<CallId>,
    server: ServerHandle,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Far {
    fn listen(path: &Path, answers: bool) -> Self {
        let (server, driver) = Server::listen(path).expect("a free name").shared();
        let (told, messages) = tokio::sync::mpsc::unbounded_channel();
        let (forgotten, cancelled) = tokio::sync::mpsc::unbounded_channel();
        let handle = server.clone();
        let serving = async move {
            let mut kept = Vec::new();
            loop {
                match handle.next().await.expect("it is driven") {
                    Happening::Message(_, message) => drop(told.send(message)),
                    Happening::Request(request) if answers => {
                        let echo = request.message.body.clone();
                        handle.reply(request, echo);
                    }
                    Happening::Request(request) => kept.push(request),
                    Happening::Cancelled(_, id) => drop(forgotten.send(id)),
                    Happening::Joined(_) | Happening::Left(..) => {}
                }
            }
        };
        let driving = async move { driver.await.expect("a poller") };
        let tasks = vec![tokio::spawn(serving), tokio::spawn(driving)];
        Self { messages, cancelled, server, tasks }
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

    async fn end(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await;
        }
        drop(self.server);
    }
}

/// What a client sends: the message that may have been dropped is there once or not at all, the others are.
fn whole(numbers: &[u8], done: bool) {
    assert!(numbers == [1, 2] || (!done && numbers == [1]), "{numbers:?}");
}

#[test]
fn what_a_client_sends() {
    at_every_await(3, async |polls| {
        let (_dir, path) = place();
        let mut far = Far::listen(&path, true);
        let mut client = Client::connect(&path).expect("a poller");
        client.feed(large(1)).await.expect("room");
        let done = up_to(polls, client.send(large(2)), || {}).await.is_some();
        client.send("end").await.expect("it is connected");
        whole(&far.until_end().await, done);
        far.end().await;
        done
    });
}

#[test]
fn what_a_client_feeds_and_flushes() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let mut far = Far::listen(&path, true);
        let queue = Bound { messages: 1, ..Bound::CONNECTION };
        let options = ClientOptions::new().connection(ConnectionOptions::new().queue(queue));
        let mut client = Client::connect_with(&path, &options).expect("a poller");
        client.feed(large(1)).await.expect("room");
        let done = up_to(polls, client.feed(large(2)), || {}).await.is_some();
        let flushed = up_to(polls, client.flush(), || {}).await.is_some();
        client.send("end").await.expect("it is connected");
        whole(&far.until_end().await, done);
        far.end().await;
        done && flushed
    });
}

#[test]
fn what_a_handle_sends() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let mut far = Far::listen(&path, true);
        let (handle, driver) = Client::connect(&path).expect("a poller").shared();
        let driver = tokio::spawn(driver);
        handle.feed(large(1)).await.expect("room");
        let done = up_to(polls, handle.send(large(2)), || {}).await.is_some();
        handle.send("end").await.expect("it is connected");
        whole(&far.until_end().await, done);
        far.end().await;
        driver.abort();
        let _ = driver.await;
        done
    });
}

#[test]
fn what_a_handle_feeds_and_flushes() {
    at_every_await(1, async |polls| {
        let (_dir, path) = place();
        let mut far = Far::listen(&path, true);
        let queue = Bound { messages: 1, ..Bound::CONNECTION };
        let options = ClientOptions::new().connection(ConnectionOptions::new().queue(queue));
        let (handle, driver) = Client::connect_with(&path, &options).expect("a poller").shared();
        let driver = tokio::spawn(driver);
        handle.feed(large(1)).await.expect("room");
        let done = up_to(polls, handle.feed(large(2)), || {}).await.is_some();
        let flushed = up_to(polls, handle.flush(), || {}).await.is_some();
        handle.send("end").await.expect("it is connected");
        whole(&far.until_end().await, done);
        far.end().await;
        driver.abort();
        let _ = driver.await;
        done && flushed
    });
}

#[test]
fn what_a_client_asks_is_cancelled_over_there() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let mut far = Far::listen(&path, false);
        let mut client = Client::connect(&path).expect("a poller");
        client.wait_for(|status| status == Status::Connected, LONG).await.expect("it listens");
        // Nobody answers: it is always dropped while it waits.
        assert!(up_to(polls, client.call("?"), || {}).await.is_none());
        client.flush().await.expect("it is connected");
        turn().await;
        if polls > 0 {
            assert_eq!(far.cancelled.recv().await, Some(CallId(1)));
        }
        far.end().await;
        polls == 5
    });
}

#[test]
fn what_a_client_asks_is_answered() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let far = Far::listen(&path, true);
        let mut client = Client::connect(&path).expect("a poller");
        let done = up_to(polls, client.call("one"), || {}).await.is_some();
        assert_eq!(client.call("two").await.expect("an answer").body, "two");
        far.end().await;
        done
    });
}

#[test]
fn what_a_handle_asks_is_answered() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let far = Far::listen(&path, true);
        let (handle, driver) = Client::connect(&path).expect("a poller").shared();
        let driver = tokio::spawn(driver);
        let done = up_to(polls, handle.call("one"), || {}).await.is_some();
        assert_eq!(handle.call("two").await.expect("an answer").body, "two");
        far.end().await;
        driver.abort();
        let _ = driver.await;
        done
    });
}

/// A client that sends three messages and answers what it is asked, until it is told to stop.
fn near(path: PathBuf) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut connection = Connection::connect(&path).await.expect("it listens");
        for number in 1..=3 {
            connection.feed(large(number)).await.expect("room");
        }
        connection.flush().await.expect("it is connected");
        while let Some(delivery) = connection.next().await.expect("it is connected") {
            if let Delivery::Request(request) = delivery {
                let echo = request.message.body.clone();
                connection.reply(request, echo).await.expect("it is connected");
            }
        }
    })
}

#[test]
fn what_arrives_at_a_server() {
    at_every_await(3, async |polls| {
        let (_dir, path) = place();
        let mut server = Server::listen(&path).expect("a free name");
        let near = near(path);
        let mut numbers = Vec::new();
        let first = up_to(polls, server.recv(), || {}).await;
        let done = first.is_some();
        numbers.extend(first.map(|first| first.expect("a poller").1.body[0]));
        while numbers.len() < 3 {
            let (_, message) = server.recv().await.expect("a poller");
            assert!(message.body.len() == LARGE && message.fds.len() == 1, "it is whole");
            numbers.push(message.body[0]);
        }
        assert_eq!(numbers, [1, 2, 3]);
        let left = up_to(polls, server.next(), || {}).await;
        assert!(left.is_none(), "nobody leaves");
        near.abort();
        let _ = near.await;
        assert!(matches!(server.next().await, Ok(Happening::Left(..))));
        done
    });
}

#[test]
fn what_arrives_at_handles() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let (server, driver) = Server::listen(&path).expect("a free name").shared();
        let driver = tokio::spawn(driver);
        let near = near(path);
        let mut numbers = Vec::new();
        let first = up_to(polls, server.recv(), || {}).await;
        let done = first.is_some();
        numbers.extend(first.map(|first| first.expect("a driver").1.body[0]));
        while numbers.len() < 3 {
            numbers.push(server.recv().await.expect("a driver").1.body[0]);
        }
        assert_eq!(numbers, [1, 2, 3]);
        near.abort();
        let _ = near.await;
        while !matches!(server.next().await, Ok(Happening::Left(..))) {}
        driver.abort();
        let _ = driver.await;
        done
    });
}

#[test]
fn what_a_server_sends_and_asks() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let mut server = Server::listen(&path).expect("a free name");
        let near = near(path);
        let Ok(Happening::Joined(id)) = server.next().await else { panic!("somebody joins") };
        let fed = up_to(polls, server.feed(id, large(1)), || {}).await.is_some();
        let sent = up_to(polls, server.send(id, large(2)), || {}).await.is_some();
        let flushed = up_to(polls, server.flush(id), || {}).await.is_some();
        let asked = up_to(polls, server.call(id, "one"), || {}).await.is_some();
        assert_eq!(server.call(id, "two").await.expect("an answer").body, "two");
        let closed = up_to(polls, server.close(LONG), || {}).await.is_some();
        near.await.expect("the connection ends in order or not, and nothing is left");
        fed && sent && flushed && asked && closed
    });
}

#[test]
fn what_a_servers_handle_sends_and_asks() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let (server, driver) = Server::listen(&path).expect("a free name").shared();
        let driver = tokio::spawn(driver);
        let near = near(path);
        let Ok(Happening::Joined(id)) = server.next().await else { panic!("somebody joins") };
        let fed = up_to(polls, server.feed(id, large(1)), || {}).await.is_some();
        let sent = up_to(polls, server.send(id, large(2)), || {}).await.is_some();
        let flushed = up_to(polls, server.flush(id), || {}).await.is_some();
        let asked = up_to(polls, server.call(id, "one"), || {}).await.is_some();
        assert_eq!(server.call(id, "two").await.expect("an answer").body, "two");
        server.disconnect(id);
        near.await.expect("it ends in order");
        drop(server);
        driver.await.expect("no panic").expect("a poller");
        fed && sent && flushed && asked
    });
}

#[test]
fn what_a_client_waits_for() {
    at_every_await(1, async |polls| {
        let (_dir, path) = place();
        let far = Far::listen(&path, true);
        let mut client = Client::connect(&path).expect("a poller");
        let connected = |status| status == Status::Connected;
        let reached = up_to(polls, client.wait_for(connected, LONG), || {}).await.is_some();
        client.wait_for(connected, LONG).await.expect("it listens");
        let mut seen = Vec::new();
        let changed = up_to(polls, client.changed(), || {}).await;
        let done = changed.is_some();
        seen.extend(changed.into_iter().flatten());
        while seen.last() != Some(&Status::Connected) {
            seen.push(client.changed().await.expect("a poller"));
        }
        assert_eq!(seen[0], Status::Connecting { attempt: 1 }, "none was lost");
        let arrived = up_to(polls.min(5), client.next(), || {}).await;
        assert!(arrived.is_none(), "nothing arrives");
        let closed = up_to(polls, client.close(LONG), || {}).await.is_some();
        far.end().await;
        reached && done && closed
    });
}

#[test]
fn what_a_subscriber_and_a_receiver_wait_for() {
    at_every_await(1, async |polls| {
        let (_dir, path) = place();
        let far = Far::listen(&path, true);
        let (handle, driver) = Client::connect(&path).expect("a poller").shared();
        let mut changes = handle.subscribe();
        let driver = tokio::spawn(driver);
        let changed = up_to(polls, changes.recv(), || {}).await;
        let done = changed.is_some();
        let first = match changed {
            Some(change) => change.expect("a driver"),
            None => changes.recv().await.expect("a driver"),
        };
        assert_eq!(first, Status::Connected);
        let reached = up_to(polls, handle.wait_for(|status| status == Status::Connected, LONG), || {}).await;
        let first = up_to(polls, handle.recv(), || {}).await;
        assert!(first.is_none(), "nothing was sent");
        assert!(far.server.broadcast("one").is_empty());
        assert_eq!(handle.recv().await.expect("a driver").expect("a message").body, "one");
        far.end().await;
        drop((handle, changes));
        driver.await.expect("no panic").expect("a poller");
        done && reached.is_some()
    });
}
