//! A client whose server comes and goes.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use ginnel::{Client, ClientOptions, Connection, Delivery, Error, Message, Reason, Status};

const LONG: Duration = Duration::from_secs(60);

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    (dir, path)
}

/// Answers each request with its own bytes, until it has answered so many; then it goes without a word.
fn serve(path: &PathBuf, requests: usize) -> thread::JoinHandle<()> {
    let listener = Connection::listen(path).unwrap();
    thread::spawn(move || {
        let mut connection = listener.accept().unwrap();
        for _ in 0..requests {
            let Some(Delivery::Request(mut request)) = connection.next().unwrap() else {
                panic!("a request")
            };
            let echo = std::mem::replace(&mut request.message, Message::empty());
            connection.reply(request, echo).unwrap();
        }
    })
}

#[test]
fn calls_go_on_over_servers_that_come_and_go() {
    let (_dir, path) = place();
    let mut client = Client::connect(&path).unwrap();
    for round in 0..20u8 {
        let server = serve(&path, 3);
        for call in 0..3u8 {
            // A server that goes is noticed by the call after its last answer, which may find the old connection.
            let answer = loop {
                match client.call(vec![round, call]) {
                    Ok(answer) => break answer,
                    Err(failed) => {
                        assert!(matches!(failed.error, Error::Stopped(Reason::Closed)), "{failed}")
                    }
                }
            };
            assert_eq!(answer.body[..], [round, call]);
        }
        server.join().unwrap();
    }
}

#[test]
fn what_waits_for_a_server_arrives_once_and_in_order() {
    let (_dir, path) = place();
    let mut client = Client::connect(&path).unwrap();
    for number in 0..500u32 {
        client.feed(number.to_le_bytes().to_vec()).unwrap();
    }
    let listener = Connection::listen(&path).unwrap();
    let server = thread::spawn(move || {
        let mut connection = listener.accept().unwrap();
        (0..500).map(|_| connection.recv().unwrap().unwrap().body).collect::<Vec<_>>()
    });
    client.flush().unwrap();
    let expected: Vec<_> = (0..500u32).map(|number| number.to_le_bytes().to_vec()).collect();
    assert_eq!(server.join().unwrap(), expected);
}

#[test]
fn the_queue_of_a_client_that_is_down_is_bounded_and_a_deadline_gives_the_message_back() {
    let (_dir, path) = place();
    let mut client = Client::connect(&path).unwrap();
    for _ in 0..1024 {
        client.feed("x").unwrap();
    }
    client.set_deadline(Some(Instant::now() + Duration::from_millis(30)));
    let failed = client.feed("one too many").unwrap_err();
    assert!(failed.error.is_timeout(), "{failed}");
    assert_eq!(failed.message.unwrap().body, "one too many");
}

#[test]
fn status_is_told_and_can_be_waited_for() {
    let (_dir, path) = place();
    let mut client = Client::connect(&path).unwrap();
    assert_eq!(client.changed().unwrap(), Status::Connecting { attempt: 1 });
    assert!(matches!(client.changed().unwrap(), Status::Reconnecting { attempt: 1, .. }));
    let error = client.wait_for(|status| status == Status::Connected, Duration::from_millis(20)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let listener = Connection::listen(&path).unwrap();
    let server = thread::spawn(move || [listener.accept().unwrap(), listener.accept().unwrap()]);
    client.wait_for(|status| status == Status::Connected, LONG).unwrap();
    client.disconnect();
    assert_eq!(client.status(), Status::Disconnected { reason: Reason::Intentional });
    assert!(client.recv().unwrap().is_none(), "it was ended on purpose");
    client.reconnect();
    client.wait_for(|status| status == Status::Connected, LONG).unwrap();
    drop(server.join().unwrap());
}

#[test]
fn a_client_that_may_try_twice_stops_and_gives_its_messages_back() {
    let (_dir, path) = place();
    let options = ClientOptions::new().pause(Duration::from_millis(1), Duration::from_millis(1)).attempts(2);
    let mut client = Client::connect_with(&path, &options).unwrap();
    client.feed("kept").unwrap();
    let failed = client.flush().unwrap_err();
    assert_eq!(failed.message.unwrap().body, "kept");
    let error = client.recv().unwrap_err();
    assert!(matches!(error, Error::Stopped(Reason::MaxRetriesExceeded { attempts: 2 })), "{error}");
}

#[test]
fn descriptors_travel_over_the_next_connection_and_none_is_left() {
    let (_dir, path) = place();
    let mut client = Client::connect(&path).unwrap();
    let (left, mut right) = std::os::unix::net::UnixStream::pair().unwrap();
    client.feed(Message::new("take it").with_fds(vec![left.into()])).unwrap();
    let listener = Connection::listen(&path).unwrap();
    let server = thread::spawn(move || listener.accept().unwrap().recv().unwrap().unwrap());
    client.flush().unwrap();
    assert_eq!(server.join().unwrap().fds.len(), 1);
    // Every copy is closed, so the other end reads the end.
    assert_eq!(std::io::Read::read(&mut right, &mut [0]).unwrap(), 0);
}
