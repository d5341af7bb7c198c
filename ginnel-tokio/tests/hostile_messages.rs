//! Peers and moments that are meant to hang, spin, starve or cut a connection of messages.
#![cfg(unix)]

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use futures_core::Stream as _;
use futures_sink::Sink as _;
use ginnel_tokio::*;
use tokio::time::timeout;

type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// What should come at once has come by then.
const SOON: Duration = Duration::from_millis(500);

fn null() -> OwnedFd {
    File::open("/dev/null").expect("it exists").into()
}

/// A connection over a socket of the library's own making, and the bare socket at its other end, which never waits.
fn with_bare_peer(options: &ConnectionOptions) -> (Connection, UnixStream) {
    let (ours, theirs) = Stream::pair().expect("two sockets");
    (Connection::over(ours, options), OwnedFd::from(theirs).into())
}

fn greeting() -> Vec<u8> {
    let mut bytes = b"GNL\x01\0\0\0\0".to_vec();
    bytes.extend((16u32 << 20).to_le_bytes());
    bytes.extend([16, 0, 0, 0]);
    bytes.extend([7; 16]);
    bytes
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], &[kind, 0, 0, 0], body].concat()
}

const MESSAGE: u8 = 1;
const FAILURE: u8 = 4;
const PING: u8 = 6;
const PONG: u8 = 7;

/// What is there to read now.
fn there(peer: &mut UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match peer.read_to_end(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => bytes,
        other => other.map(|_| bytes).expect("a socket"),
    }
}

/// Lets the reactor see what has happened.
async fn turn() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Polls a future once. It has to wait.
async fn poll_once<T>(mut future: Pin<&mut impl Future<Output = T>>) {
    let pending = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
    assert!(pending, "it was to wait");
}

/// The share of a processor that this thread takes while it should only wait.
async fn load<T>(future: impl Future<Output = T>) -> f64 {
    let clock = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let (begun, before) = (Instant::now(), clock());
    let waited = timeout(Duration::from_millis(300), future).await;
    assert!(waited.is_err(), "it was to wait");
    (clock() - before) / begun.elapsed().as_secs_f64()
}

#[tokio::test]
async fn what_arrives_after_a_call_that_failed_is_received() -> Told {
    let (mut connection, mut peer) = with_bare_peer(&ConnectionOptions::new());
    {
        let mut call = pin!(connection.call("?"));
        poll_once(call.as_mut()).await;
        let failure = frame(FAILURE, &[1, 0, 0, 0, 0, 0, 0, 0]);
        peer.write_all(&[greeting(), frame(MESSAGE, b"kept"), failure].concat())?;
        let failed = call.await.expect_err("it said no");
        assert!(matches!(failed.error, Error::Failure(_)), "{failed}");
    }
    peer.write_all(&frame(MESSAGE, b"late"))?;
    turn().await;
    assert_eq!(&connection.recv().await?.expect("it came before").body[..], b"kept");
    let late = timeout(SOON, connection.recv()).await.expect("it is there, and nobody says so")?;
    assert_eq!(&late.expect("it came").body[..], b"late");
    Ok(())
}

#[tokio::test]
async fn what_arrives_after_the_inbox_was_full_is_received() -> Told {
    let inbox = Bound { bytes: 1 << 20, messages: 2, fds: 64 };
    let (mut connection, mut peer) = with_bare_peer(&ConnectionOptions::new().inbox(inbox));
    peer.write_all(&[greeting(), frame(MESSAGE, b"1"), frame(MESSAGE, b"2")].concat())?;
    while connection.try_feed(vec![0; 60_000]).is_ok() {}
    let failed = connection.flush().await.expect_err("two fit the inbox");
    assert!(matches!(failed.error, Error::Limit(Limit::Inbox { .. })), "{failed}");
    peer.write_all(&frame(MESSAGE, b"3"))?;
    turn().await;
    for number in [b"1", b"2", b"3"] {
        let message = timeout(SOON, connection.recv()).await.expect("it is there, and nobody says so")?;
        assert_eq!(&message.expect("it came").body[..], number);
    }
    Ok(())
}

#[tokio::test]
async fn receiving_with_something_queued_for_a_peer_that_reads_no_more_does_not_spin() -> Told {
    let (mut connection, peer) = with_bare_peer(&ConnectionOptions::new().greeting_deadline(None));
    peer.shutdown(Shutdown::Read)?;
    connection.try_feed("nobody reads this")?;
    let load = load(connection.recv()).await;
    assert!(load < 0.2, "a processor was busy for {load:.2} of the wait");
    Ok(())
}

#[tokio::test]
async fn receiving_with_refused_descriptors_queued_does_not_spin() -> Told {
    let (mut left, right) = Connection::pair()?;
    if !right.refuse_fds()? {
        return Ok(());
    }
    left.try_feed(Message::new("refused").with_fds(vec![null()]))?;
    let load = load(left.recv()).await;
    assert!(load < 0.2, "a processor was busy for {load:.2} of the wait");
    Ok(())
}

/// Writes pongs that nobody asked for, without ever waiting, until told to stop or for three seconds.
fn flood(mut peer: UnixStream, over: &AtomicBool) {
    let pongs = [greeting(), frame(PONG, b"").repeat(8000)].concat();
    let (begun, mut at) = (Instant::now(), 0);
    peer.set_nonblocking(true).expect("a socket");
    while !over.load(Ordering::SeqCst) && begun.elapsed() < Duration::from_secs(3) {
        match peer.write(&pongs[at..]) {
            Ok(written) if at + written == pongs.len() => at = greeting().len(),
            Ok(written) => at += written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(_) => return,
        }
    }
}

#[tokio::test]
async fn a_flood_that_brings_no_message_starves_nobody() -> Told {
    let (mut connection, peer) = with_bare_peer(&ConnectionOptions::new());
    let done = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&done);
    let flood = thread::spawn(move || flood(peer, &over));
    let begun = Instant::now();
    let received = timeout(Duration::from_millis(50), connection.recv()).await;
    let took = begun.elapsed();
    done.store(true, Ordering::SeqCst);
    drop(connection);
    flood.join().expect("it only writes");
    assert!(took < Duration::from_secs(1), "a timeout of 50 ms took {took:?}");
    assert!(received.is_err(), "no message came");
    Ok(())
}

#[tokio::test]
async fn a_healthy_peer_is_not_taken_for_hung_because_nobody_looked() -> Told {
    let lively = ConnectionOptions::new().keep_alive(Duration::from_millis(40));
    let (mut connection, mut peer) = with_bare_peer(&lively);
    peer.write_all(&[greeting(), frame(MESSAGE, b"hello")].concat())?;
    assert!(connection.recv().await?.is_some());
    there(&mut peer);
    let early = timeout(Duration::from_millis(1), connection.recv()).await;
    assert!(early.is_err(), "nothing came");
    // The application does something else. The peer has nothing to say, and is not asked.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waited = timeout(Duration::from_millis(20), connection.recv()).await;
    assert!(there(&mut peer).starts_with(&frame(PING, b"")), "it is asked first: {waited:?}");
    assert!(waited.is_err(), "it was given no time to answer: {waited:?}");
    Ok(())
}

#[tokio::test]
async fn a_peer_that_has_greeted_is_not_silent_because_the_reactor_has_not_turned() -> Told {
    let options = ConnectionOptions::new().greeting_deadline(Some(Duration::from_millis(30)));
    let (mut connection, mut peer) = with_bare_peer(&options);
    {
        let mut recv = pin!(connection.recv());
        for _ in 0..5 {
            poll_once(recv.as_mut()).await;
        }
    }
    peer.write_all(&[greeting(), frame(MESSAGE, b"here")].concat())?;
    // The application computes something.
    thread::sleep(Duration::from_millis(50));
    assert_eq!(&connection.recv().await?.expect("it came").body[..], b"here");
    Ok(())
}

#[tokio::test]
async fn a_ping_that_finds_the_kernel_full_leaves_when_there_is_room() -> Told {
    let lively = ConnectionOptions::new().keep_alive(Duration::from_millis(100));
    let (mut connection, mut peer) = with_bare_peer(&lively);
    peer.write_all(&greeting())?;
    // The kernel takes no more, and nothing is queued here.
    while rustix::net::send(&connection, &frame(PONG, b""), rustix::net::SendFlags::DONTWAIT).is_ok() {}
    let reader = thread::spawn(move || {
        thread::sleep(Duration::from_millis(140));
        let mut bytes = there(&mut peer);
        thread::sleep(Duration::from_millis(30));
        bytes.extend(there(&mut peer));
        (bytes.ends_with(&frame(PING, b"")), peer)
    });
    let received = timeout(Duration::from_millis(180), connection.recv()).await;
    let (pinged, _peer) = reader.join().expect("it only reads");
    assert!(pinged, "no ping came: {received:?}");
    Ok(())
}

#[tokio::test]
async fn a_message_goes_out_whole_after_one_was_taken_back() -> Told {
    let (mut left, mut right) = Connection::pair()?;
    if !right.refuse_fds()? {
        return Ok(());
    }
    left.try_feed(vec![1; 2000])?;
    left.try_feed(Message::new("refused").with_fds(vec![null()]))?;
    left.flush().await.expect_err("descriptors are refused");
    assert!(timeout(Duration::from_millis(5), left.recv()).await.is_err(), "nothing was sent to it");
    left.send("after").await?;
    assert_eq!(right.recv().await?.expect("it came").body, vec![1; 2000]);
    let after = timeout(SOON, right.recv()).await.expect("it was sent")?;
    assert_eq!(&after.expect("it came").body[..], b"after");
    Ok(())
}

#[tokio::test]
async fn a_ping_is_answered_after_a_message_was_taken_back() -> Told {
    let (mut connection, mut peer) = with_bare_peer(&ConnectionOptions::new());
    if !Stream::adopt(peer.try_clone()?.into())?.refuse_fds()? {
        return Ok(());
    }
    there(&mut peer);
    peer.write_all(&[greeting(), frame(PING, b""), frame(MESSAGE, b"x")].concat())?;
    assert!(connection.recv().await?.is_some());
    connection.try_feed(Message::new("refused").with_fds(vec![null()]))?;
    connection.flush().await.expect_err("descriptors are refused");
    assert_eq!(there(&mut peer), frame(PONG, b""));
    peer.write_all(&[frame(PING, b""), frame(MESSAGE, b"x")].concat())?;
    assert!(connection.recv().await?.is_some());
    connection.flush().await?;
    assert_eq!(there(&mut peer), frame(PONG, b""), "the second ping");
    Ok(())
}

#[tokio::test]
async fn a_sender_whose_receiver_is_gone_does_not_wait_for_a_greeting_for_ever() -> Told {
    let (connection, mut peer) = with_bare_peer(&ConnectionOptions::new());
    peer.write_all(&greeting())?;
    let (mut sender, receiver) = connection.split();
    drop(receiver);
    let failed = timeout(SOON, sender.feed(vec![0; 100_000])).await.expect("it waits for nobody");
    failed.expect_err("nobody reads the greeting");
    Ok(())
}

#[tokio::test]
async fn a_sink_that_is_ready_takes_a_message_of_any_size() -> Told {
    let (mut connection, mut peer) = with_bare_peer(&ConnectionOptions::new());
    peer.write_all(&greeting())?;
    poll_fn(|cx| Pin::new(&mut connection).poll_ready(cx)).await?;
    Pin::new(&mut connection).start_send(Message::new(vec![0; 100_000]))?;
    Ok(())
}

#[tokio::test]
async fn a_stream_ends_after_an_error() -> Told {
    let (mut connection, mut peer) = with_bare_peer(&ConnectionOptions::new());
    peer.write_all(b"GET / HTTP/1.1")?;
    let first = poll_fn(|cx| Pin::new(&mut connection).poll_next(cx)).await;
    assert!(matches!(first, Some(Err(Error::Peer(PeerFault::ForeignGreeting)))), "{first:?}");
    let second = poll_fn(|cx| Pin::new(&mut connection).poll_next(cx)).await;
    assert!(second.is_none(), "{second:?}");
    Ok(())
}

#[tokio::test]
async fn closing_with_refused_descriptors_queued_sends_what_is_behind_them() -> Told {
    let (mut left, mut right) = Connection::pair()?;
    if !right.refuse_fds()? {
        return Ok(());
    }
    left.try_feed(Message::new("refused").with_fds(vec![null()]))?;
    left.try_feed("behind")?;
    let closing = tokio::spawn(async move { left.close(SOON).await });
    let received = right.recv().await;
    assert!(received.is_ok(), "{received:?}");
    let message = received?.expect("a refused descriptor costs no other message");
    assert_eq!(&message.body[..], b"behind");
    drop(right);
    // It may say that something was refused.
    let _ = closing.await?;
    Ok(())
}

#[tokio::test]
async fn closing_after_a_peer_that_has_gone_is_no_error_if_all_was_sent() -> Told {
    let (mut left, mut right) = Connection::pair()?;
    left.send("hello").await?;
    right.send("hello").await?;
    assert!(right.recv().await?.is_some());
    assert!(left.recv().await?.is_some());
    drop(right);
    assert!(left.recv().await?.is_none());
    left.close(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn whoever_asked_is_told_when_the_answer_has_refused_descriptors() -> Told {
    let (mut client, mut server) = Connection::pair()?;
    if !client.refuse_fds()? {
        return Ok(());
    }
    let asking = tokio::spawn(async move { timeout(SOON, client.call("a file, please")).await.map(drop) });
    let Some(Delivery::Request(request)) = server.next().await? else { panic!("a request came") };
    let answer = Message::new("here").with_fds(vec![null()]);
    server.reply(request, answer).await.expect_err("descriptors are refused");
    assert!(timeout(SOON * 2, asking).await??.is_ok(), "it waits for ever");
    Ok(())
}
